"""Values as documents carry them, which somebody else may have written: checked or refused.

A run's file may say anything: a calibration that is a word, a spectrum that is a list of lists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instruments.printable import escaped

__all__ = ["finite", "group", "number", "spectrum", "text"]


def group(start: Mapping[str, Any], name: str, where: str = "start document") -> Mapping[str, Any]:
    """The values under one key of a start document, or of a part; none where left out or null.

    Raises:
        ValueError: It is something other than values by name.
    """
    found = start.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{where}: {name} is {_shown(found)}, not values by name")
    return found


def number(value: object, what: str) -> float:
    """A number; nan and infinity are some.

    Raises:
        ValueError: It is none, or too large; ``what`` names it.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise ValueError(f"{what} is {_shown(value)}, not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is {_shown(value)}, too large a number") from None


def finite(value: object, what: str) -> float:
    """A finite number.

    Raises:
        ValueError: It is none.
    """
    found = number(value, what)
    if not math.isfinite(found):
        raise ValueError(f"{what} is {found}, must be finite")
    return found


def text(values: Mapping[str, Any], name: str) -> str:
    """A text by its key; "" where it is left out or null.

    Raises:
        ValueError: It is something else.
    """
    found = values.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"{name} is {_shown(found)}, not a text")
    return found


def spectrum(value: object, what: str) -> NDArray[Any]:
    """A row of numbers as it is recorded, shape (bins,).

    Raises:
        ValueError: It is none, or empty.
    """
    try:
        found = np.asarray(value)
    except ValueError:  # lists of unequal lengths
        found = np.asarray(None)
    if found.dtype.kind not in "iuf" or found.ndim != 1 or not found.size:
        shape, kind = found.shape, found.dtype
        raise ValueError(f"{what} has shape {shape} and dtype {kind}, needed a row of numbers")
    return found


def _shown(value: object) -> str:
    return escaped(repr(value), 60)
