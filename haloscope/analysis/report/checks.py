"""Intermediate checks: are the residuals white, Gaussian and as wide as the radiometer says?

Collected chunk by chunk while the analysis runs; every number here ends in the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.baseline import Baseline
from haloscope.analysis.chain.combine import Reduced
from haloscope.analysis.chain.rescale import noise_temperature_k
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.spectra import FloatArray, Spectra

HISTOGRAM_EDGES = np.linspace(-8.0, 8.0, 161)


def _ratio(of: FloatArray, by: FloatArray) -> FloatArray:
    """A quotient; nan where a spectrum has too few bins left for one."""
    return np.divide(of, by, out=np.full_like(by, np.nan), where=by > 0)


@dataclass(frozen=True)
class Checks:
    """Residuals of the baseline fits in standard deviations of the radiometer equation.

    Attributes:
        width: Standard deviation of each spectrum's residuals, shape (n,); 1 by the radiometer
            equation. Nan, as what follows, of a spectrum of which no bin is left.
        neighbour_correlation: Correlation of neighbouring residuals, shape (n,); 0 if the baseline
            fits.
        chi2_per_dof: Chi-square of each fit per degree of freedom, shape (n,).
        converged: Whether each fit converged, shape (n,).
        noise_temperature_k: T_n at the lower end, the cavity and the upper end of the window, shape
            (n, 3), K.
        histogram: Residuals of all spectra, counts between ``HISTOGRAM_EDGES``.
        skewness: Of all residuals; 2/sqrt(N m) for averaged periodograms.
        excess_kurtosis: Of all residuals; 6/(N m).
        theta: Fit parameters, shape (n, p).
        cut_fraction: Share of fine bins lost to the spike filter.
    """

    width: FloatArray
    neighbour_correlation: FloatArray
    chi2_per_dof: FloatArray
    converged: NDArray[np.bool_]
    noise_temperature_k: FloatArray
    histogram: FloatArray
    skewness: float
    excess_kurtosis: float
    theta: FloatArray
    cut_fraction: float

    @property
    def all_converged(self) -> bool:
        """True if every fit converged."""
        return bool(self.converged.all())


@dataclass
class ResidualSums:
    """Collects the checks chunk by chunk."""

    _rows: list[tuple[NDArray[Any], ...]] = field(default_factory=list)
    _moments: FloatArray = field(default_factory=lambda: np.zeros(5))
    _histogram: FloatArray = field(default_factory=lambda: np.zeros(len(HISTOGRAM_EDGES) - 1))

    def add(
        self, spectra: Spectra, windows: Windows, rows: slice, reduced: Reduced, baseline: Baseline
    ) -> None:
        """Add the residuals of the spectra ``rows`` (``spectra`` holds these rows only)."""
        pull = reduced.pull
        good = np.ones_like(pull) if reduced.kept is None else (reduced.kept > 0).astype(float)
        count = good.sum(axis=1)
        square = pull * pull
        sum2 = square.sum(axis=1)
        near = _ratio(np.einsum("nj,nj->n", pull[:, 1:], pull[:, :-1]), sum2)
        self._moments += (
            count.sum(), pull.sum(), sum2.sum(),
            np.einsum("nj,nj->", square, pull), np.einsum("nj,nj->", square, square),
        )  # fmt: skip
        scaled = (pull - HISTOGRAM_EDGES[0]) * (len(self._histogram) / np.ptp(HISTOGRAM_EDGES))
        place = np.clip(scaled.astype(np.int64), 0, len(self._histogram) - 1)
        self._histogram += np.bincount(place.ravel(), minlength=len(self._histogram))
        noise = self._temperatures(spectra, windows, rows, baseline)
        free = count - baseline.theta.shape[1]
        self._rows.append(
            (np.sqrt(_ratio(sum2, count)), near, _ratio(sum2, free), baseline.converged, noise,
             baseline.theta, (1 - good.mean(axis=1)))
        )  # fmt: skip

    @staticmethod
    def _temperatures(
        spectra: Spectra, windows: Windows, rows: slice, baseline: Baseline
    ) -> FloatArray:
        frequency = windows.frequency_hz(rows)
        cavity = np.clip(
            np.rint((spectra.cavity_frequency_hz - frequency[:, 0]) / windows.fine_hz), 0,
            frequency.shape[1] - 1,
        ).astype(np.int64)  # fmt: skip
        last = np.full_like(cavity, frequency.shape[1] - 1)
        places = np.stack([np.zeros_like(cavity), cavity, last], axis=1)
        at = np.take_along_axis(frequency, places, axis=1)
        if spectra.calibration.noise_temperature_k is not None:
            power = np.take_along_axis(baseline.power, places, axis=1)
            return spectra.calibration.noise_temperature_k * power / power[:, 1:2]
        return noise_temperature_k(spectra, at, np.take_along_axis(baseline.power, places, axis=1))

    def finish(self) -> Checks:
        """The checks of everything added."""
        width, near, chi2, converged, noise, theta, cut = (
            np.concatenate(part) for part in zip(*self._rows, strict=True)
        )
        n, s1, s2, s3, s4 = self._moments
        variance = s2 / n - (s1 / n) ** 2
        return Checks(
            width, near, chi2, converged.astype(bool), noise, self._histogram,
            float(s3 / n / variance**1.5), float(s4 / n / variance**2 - 3), theta,
            float(cut.mean()),
        )  # fmt: skip
