"""The windows of spectra that came one after the other, kept for what asks for spectra again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.selection import trim
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import IntArray, Spectra, concatenate

__all__ = ["Kept"]


class Kept:
    """Windows of spectra, and which of them are used.

    Args:
        options: Say how wide a window is.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._parts: list[Spectra] = []
        self._used: list[NDArray[np.bool_]] = []

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, spectra: Spectra, used: NDArray[np.bool_]) -> None:
        """Keep more of them (n), and which are used, shape (n,)."""
        self._parts.append(trim(spectra, self._options))
        self._used.append(used)

    @property
    def field_t(self) -> float | None:
        """Median of their fields, T; None where there are none."""
        if not self._parts:
            return None
        return float(np.median(np.concatenate([part.magnet_field_t for part in self._parts])))

    @property
    def used(self) -> IntArray:
        """Numbers of those that are used, shape (k,)."""
        return np.flatnonzero(np.concatenate(self._used))

    def together(self) -> Spectra:
        """All of them, as one stack.

        Raises:
            ValueError: As ``concatenate``.
        """
        return concatenate(self._parts)

    def over(self, frequency_hz: Sequence[float]) -> Spectra | None:
        """Those that are used whose windows hold any of these frequencies, Hz; None for none."""
        places = np.asarray(frequency_hz, dtype=np.float64)
        half = 0.5 * self._options.window_hz
        parts = []
        for spectra, used in zip(self._parts, self._used, strict=True):
            away = np.abs(spectra.target_frequency_hz[:, None] - places).min(axis=1, initial=np.inf)
            rows = np.flatnonzero(used & (away < half))
            parts += [spectra.subset(rows)] if rows.size else []
        return concatenate(parts) if parts else None
