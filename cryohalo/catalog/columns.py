"""Fields of a run's events as arrays, with no more than those fields held at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from cryohalo.catalog.errors import CatalogError
from haloscope.analysis.exchange.keys import AmbiguousFieldError, key_of
from instruments.printable import escaped

__all__ = ["ALONGSIDE", "Columns", "single_fields"]

#: What a table of all single values has beside the fields, where the events have it.
ALONGSIDE: Final = ("seq_num", "time")


class Columns:
    """Gathers fields event by event.

    Args:
        fields: With or without their instrument's name; none: all single values of the first event.
        where: Names the run and its stream in what is raised.
        expected: How many events there will be, if that is known.
    """

    def __init__(self, fields: tuple[str, ...], where: str, expected: int | None = None) -> None:
        self._every = not fields
        self._where, self._expected = where, expected
        self._columns = {field: _Column(expected) for field in fields}
        self._keys: Mapping[str, Any] = {}

    def add(self, event: Mapping[str, Any]) -> None:
        """Take an event.

        Raises:
            CatalogError: It lacks one of the fields, several instruments have it, or its length is
                another than before.
        """
        data = event["data"]
        if self._every and not self._columns:
            names = [name for name in ALONGSIDE if name in event] + single_fields(data)
            self._columns = {name: _Column(self._expected) for name in names}
        for field, column in self._columns.items():
            column.add(self._value(event, field))

    def _value(self, event: Mapping[str, Any], field: str) -> Any:
        data = event["data"]
        if self._every and field in ALONGSIDE and field not in data:
            return event.get(field)
        try:
            key = key_of(data, field)
        except AmbiguousFieldError as error:
            raise CatalogError(f"{self._where}: {escaped(error)}") from error
        if key is None:
            raise CatalogError(f"{self._where} has no field {field!r}")
        return data[key]

    def arrays(self) -> dict[str, np.ndarray]:
        """What was gathered.

        Raises:
            CatalogError: A field's length changes, or a value has no shape.
        """
        found = {}
        for field, column in self._columns.items():
            try:
                shapes = sorted(column.shapes())
            except ValueError as error:
                why = f"{self._where}: a value of {field} has no shape of its own"
                raise CatalogError(why) from error
            if len(shapes) > 1:
                raise CatalogError(
                    f"{self._where}: {field} has different lengths, "
                    f"{', '.join(map(str, shapes[:5]))}: no table; read the events one by one"
                )
            found[field] = column.array()
        return found


class _Column:
    """Values of one field; arrays of one form go where they will stay."""

    def __init__(self, expected: int | None) -> None:
        self._expected = expected or 0
        self._values: list[Any] = []
        self._whole: np.ndarray | None = None
        self._filled = 0

    def add(self, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim and not self._values and self._fits(value):
            assert self._whole is not None
            self._whole[self._filled] = value
            self._filled += 1
            return
        if self._whole is not None:  # not as the first ones were: from here on one by one
            self._values = [*self._whole[: self._filled]]
            self._whole, self._filled, self._expected = None, 0, 0
        self._values.append(value)

    def _fits(self, value: np.ndarray) -> bool:
        if self._whole is None:
            if not self._expected:
                return False
            self._whole = np.empty((self._expected, *value.shape), value.dtype)
        same = self._whole.shape[1:] == value.shape and self._whole.dtype == value.dtype
        return same and self._filled < len(self._whole)

    def shapes(self) -> set[tuple[int, ...]]:
        if self._whole is not None:
            return {self._whole.shape[1:]}
        return {np.shape(value) for value in self._values}

    def array(self) -> np.ndarray:
        if self._whole is not None:
            return self._whole[: self._filled]
        return np.asarray(self._values)


def single_fields(data: Mapping[str, Any]) -> list[str]:
    """Fields of an event that are one number or one text."""
    return [name for name, value in data.items() if _is_single(value)]


def _is_single(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.ndim == 0
    return isinstance(value, str | int | float | bool | complex)


def expected_events(stop: Mapping[str, Any] | None, stream: str) -> int | None:
    """How many events a stream has by the stop document; a bound on what is set aside for them."""
    counts = (stop or {}).get("num_events")
    count = counts.get(stream) if isinstance(counts, Mapping) else None
    if not isinstance(count, int) or isinstance(count, bool):
        return None
    return count if 0 < count <= _MOST else None


_MOST: Final = 1_000_000


def gathered(events: Iterable[Mapping[str, Any]], columns: Columns) -> dict[str, np.ndarray]:
    """The columns of events."""
    for event in events:
        columns.add(event)
    return columns.arrays()
