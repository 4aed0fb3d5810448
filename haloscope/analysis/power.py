"""An array of power spectra as somebody else made it: shape, dtype and mask checked.

float32 and float64 are kept, integers become float64 (counts of a digitizer), complex numbers and
16 bits are refused: these round by more than the noise of one bin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["usable_power"]


def usable_power(
    power: ArrayLike, masked: ArrayLike | None
) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Power and mask as the analysis takes them.

    Args:
        power: Shape (n, bins); a numpy masked array brings a mask along.
        masked: Bins to be left out, shape (n, bins), truths or 0 and 1, or None.

    Returns:
        Power, shape (n, bins), float32 or float64, interpolated under the mask, and the mask; None
        if nothing is masked.

    Raises:
        ValueError: Another shape, spectra of different lengths, a dtype that is none of a power, or
            a mask of other values than 0 and 1.
    """
    mask = np.ma.getmaskarray(power) if isinstance(power, np.ma.MaskedArray) else None
    array = _floats(_rectangular(np.ma.getdata(power) if mask is not None else power))
    if masked is not None:
        own = np.asarray(masked)
        if own.shape != array.shape:
            raise ValueError(f"spectra: masked has shape {own.shape}, needed {array.shape}")
        left_out = own == 1
        # A weight of 0.5 or a nan is no answer to whether a bin is left out.
        if not np.all(left_out | (own == 0)):
            raise ValueError("spectra: masked holds other values than 0 and 1")
        mask = left_out if mask is None else mask | left_out
    if mask is None or not mask.any():
        return array, None
    return _filled(array, mask), mask


def _rectangular(power: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(power)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.dtype == object:
        lengths = [np.size(row) for row in power] if hasattr(power, "__iter__") else []
        raise ValueError(
            f"spectra: power_w holds spectra of different lengths ({min(lengths, default=0)} to "
            f"{max(lengths, default=0)} bins) or no numbers, needed (n, bins)"
        )
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"spectra: power_w has shape {array.shape}, needed (n, bins)")
    return array


def _floats(array: NDArray[Any]) -> NDArray[np.floating]:
    if array.dtype.kind in "iu":
        return array.astype(np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        raise ValueError(
            f"spectra: power_w is of dtype {array.dtype}, needed 32 or 64 bit real numbers"
        )
    return array.astype(np.float32 if array.dtype.itemsize == 4 else np.float64, copy=False)


def _filled(array: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
    """The power with straight lines under the mask; rows that are masked whole stay as they are."""
    array, at = array.copy(), np.arange(array.shape[1])
    for row in np.flatnonzero(mask.any(axis=1)):
        left = np.flatnonzero(~mask[row])
        if left.size:
            gone = np.flatnonzero(mask[row])
            array[row, gone] = np.interp(gone, at[left], array[row, left])
    return array
