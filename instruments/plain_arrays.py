"""Arrays rebuilt from bytes that somebody else wrote: numbers and texts, nothing that runs.

NumPy's own ways back from bytes are wider than data needs: object arrays are pickles, and a pickle
is a program. Here a dtype is one of booleans, integers, floats, complex numbers and fixed texts, a
shape must account for every byte, and no byte may stand for a value that its dtype does not have.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["PLAIN_KINDS", "demand_plain", "plain_array", "plain_dtype"]

#: Kinds of dtype that are data: bool, int, uint, float, complex, bytes, text.
PLAIN_KINDS: Final = "biufcSU"
MAX_DIMENSIONS: Final = 32
#: Longest dimension of an array without elements: a loop over 1e9 rows of nothing is a trap.
MAX_EMPTY_LENGTH: Final = 1_000_000

_DTYPE: Final = re.compile(r"[<>=|]?(?:[biufc][0-9]{1,2}|[SU][0-9]{1,9})")
_LAST_CODE_POINT: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)


def demand_plain(array: NDArray[Any]) -> None:
    """Whether an array is one that ``plain_array`` would give back.

    Raises:
        ValueError: Its dtype is none of plain data, its shape is a trap, or some of its bytes stand
            for no value of its dtype.
    """
    if not _is_plain(array.dtype):
        raise ValueError(f"an array of dtype {array.dtype}; numbers and texts are plain data")
    if array.ndim > MAX_DIMENSIONS:
        raise ValueError(f"an array of {array.ndim} dimensions, at most {MAX_DIMENSIONS}")
    if array.size == 0 and max(array.shape) > MAX_EMPTY_LENGTH:
        raise ValueError(f"shape {array.shape} has no elements and {max(array.shape)} rows")
    _demand_values(array)


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in PLAIN_KINDS and dtype.itemsize > 0


def plain_dtype(text: object) -> np.dtype[Any]:
    """A dtype from its text, e.g. ``"<f8"``.

    Raises:
        ValueError: It is no text, or stands for anything but plain data.
    """
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise ValueError(f"dtype {str(text)[:60]!r} is not one of plain data")
    try:
        dtype = np.dtype(text)
    except TypeError as error:
        raise ValueError(f"dtype {text!r} is not known") from error
    if not _is_plain(dtype):
        raise ValueError(f"dtype {text!r} is not one of plain data")
    return dtype


def plain_array(dtype: object, shape: object, data: object) -> NDArray[Any]:
    """An array over ``data``, which is not copied: it cannot be written to.

    Args:
        dtype: As a text.
        shape: Its dimensions, a list or a tuple of whole numbers.
        data: Its bytes in C order.

    Raises:
        ValueError: The dtype is none of plain data, the bytes are not those of the shape, or some
            stand for no value of the dtype.
    """
    found = plain_dtype(dtype)
    dimensions = _dimensions(shape)
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"an array's data are of type {type(data).__name__}, not bytes")
    size = math.prod(dimensions)
    needed, given = size * found.itemsize, memoryview(data).nbytes
    if needed != given:
        raise ValueError(f"shape {dimensions} of {found.str} needs {needed} bytes, not {given}")
    array: NDArray[Any] = np.ndarray(dimensions, found, data)
    demand_plain(array)
    return array


def _dimensions(shape: object) -> tuple[int, ...]:
    whole = isinstance(shape, list | tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not whole:
        raise ValueError(f"shape {str(shape)[:60]} is not a list of whole numbers")
    assert isinstance(shape, list | tuple)
    if len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"an array of {len(shape)} dimensions, at most {MAX_DIMENSIONS}")
    return tuple(shape)


def _demand_values(array: NDArray[Any]) -> None:
    """NumPy trusts the bytes of booleans and texts: counts go wrong, items raise much later."""
    if array.size == 0:
        return
    flat = array.reshape(-1)
    if array.dtype.kind == "b" and flat.view(np.uint8).max() > 1:
        raise ValueError("an array of booleans holds bytes other than 0 and 1")
    if array.dtype.kind == "U":
        points = flat.view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        low, high = _SURROGATES
        if points.max() > _LAST_CODE_POINT or bool(((points >= low) & (points <= high)).any()):
            raise ValueError("an array of texts holds what is no character")
