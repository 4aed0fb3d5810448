"""Names of what events hold: ``<instrument>_<field>``, such as ``haloscope_daq_spectrum``.

An instrument's name is its operator's choice, so whoever reads documents looks for the field. Runs
of before instruments were named in their keys have the field alone (``daq_spectrum``): they are
read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["FIELD_OFF", "SEARCHES", "AmbiguousFieldError", "instrument_of", "key_of", "value_in"]

#: What ``purpose`` says in the start document of a run whose spectra are no part of the search.
FIELD_OFF: Final = "field off"
#: Plans whose spectra are a search; those of others, of a campaign's calibrations say, are not.
SEARCHES: Final = ("scan", "rescan")


class AmbiguousFieldError(ValueError):
    """Two instruments have a field, and nothing says whose is meant; names both keys."""


def key_of(keys: Iterable[str], field: str) -> str | None:
    """Key of a field among the keys of an event; None where none holds it.

    Args:
        keys: Of an event, a descriptor's data keys, or a table.
        field: Its name without the instrument's, or the whole key.

    Raises:
        AmbiguousFieldError: More than one instrument has it.
    """
    if isinstance(keys, Mapping) and field in keys:
        return field
    found = []
    for key in keys:
        if key == field:
            return key
        if key.endswith(f"_{field}"):
            found.append(key)
    if len(found) > 1:
        raise AmbiguousFieldError(f"{field}: several instruments have it: {', '.join(found)}")
    return found[0] if found else None


def value_in(data: Mapping[str, Any], field: str) -> Any:
    """Value of a field in an event's data; None where there is none.

    Raises:
        AmbiguousFieldError: More than one instrument has it.
    """
    key = key_of(data, field)
    return None if key is None else data[key]


def instrument_of(keys: Iterable[str], field: str) -> str | None:
    """What stands before a field: ``"haloscope_"``, ``""`` in an old run; None without the field.

    Raises:
        AmbiguousFieldError: More than one instrument has it.
    """
    key = key_of(keys, field)
    return None if key is None else key.removesuffix(field)
