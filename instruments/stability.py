"""How steady a temperature is: its parts in a cycle, its spectrum, its Allan deviation.

Samples are equally spaced means, several to a cycle and many cycles, without gaps. Of one
thermometer's readings nobody can say how much of their random part is the thermometer's; what comes
again in every cycle is told from it, because a thermometer's noise does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instruments.ranges import all_within

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stability:
    """What a number of cycles say, in the unit of the samples.

    Attributes:
        cycles: How many.
        mean: Of all samples.
        within_cycle: Root mean square of the samples about the mean of their cycle: what is
            measured, with the thermometer's noise in it.
        repeating: The part of it that comes again in every cycle; what is random is taken off.
        random: The part that does not, in one sample: thermometer and temperature together.
        between_cycles: Standard deviation of the cycles' means.
        expected_between: What it would be if samples were independent: ``random`` over the root of
            the samples in a cycle. A loop that holds the reading pushes the means below this, and
            the temperature itself then moves by about as much.
    """

    cycles: int
    mean: float
    within_cycle: float
    repeating: float
    random: float
    between_cycles: float
    expected_between: float


def stability(samples: ArrayLike) -> Stability:
    """Take cycles apart.

    Args:
        samples: Shape (cycles, samples in a cycle): at least two of each.

    Raises:
        ValueError: Another shape, or a sample that is not finite.
    """
    values = np.asarray(samples, float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"stability: shape {values.shape} is not (cycles, samples), two or more")
    _finite(values)
    cycles, count = values.shape
    means = values.mean(axis=1)
    about = values - means[:, None]
    variance = float(about.var(axis=0, ddof=1).mean()) * count / (count - 1)
    repeating = float((about.mean(axis=0) ** 2).mean()) - variance * (count - 1) / count / cycles
    return Stability(
        cycles=cycles,
        mean=float(values.mean()),
        within_cycle=math.sqrt(float((about**2).mean())),
        repeating=math.sqrt(max(repeating, 0.0)),
        random=math.sqrt(variance),
        between_cycles=float(means.std(ddof=1)),
        expected_between=math.sqrt(variance / count),
    )


def spectrum(samples: ArrayLike, spacing_s: float, segment: int) -> tuple[Array, Array]:
    """Power spectral density, one-sided, by Welch's method with Hann windows.

    Args:
        samples: Shape (n,).
        spacing_s: From one to the next.
        segment: Samples in a segment; whole cycles keep what repeats in few bins.

    Returns:
        Frequencies in Hz and densities in the samples' unit squared per Hz, without frequency 0.

    Raises:
        ValueError: Fewer samples than a segment, or one that is not finite.
    """
    from scipy.signal import welch  # a third of a second, and this alone needs it

    values = _series(samples)
    all_within("spectrum: segment", segment, 2, values.size, "samples")
    all_within("spectrum: spacing", spacing_s, 1e-9, 1e9, "s")
    frequency_hz, density = welch(values, 1.0 / spacing_s, nperseg=segment)
    return frequency_hz[1:], density[1:]


def allan_deviation(samples: ArrayLike, spacing_s: float) -> tuple[Array, Array]:
    """Overlapping Allan deviation of means over 1, 2, 4, ... samples, up to a third of all.

    Half the mean square of the difference of neighbouring means, at every start (Riley, Handbook of
    Frequency Stability Analysis, NIST SP 1065, 5.5).

    Args:
        samples: Shape (n,), at least three.
        spacing_s: From one to the next.

    Returns:
        Averaging times in s, and deviations in the samples' unit.

    Raises:
        ValueError: Fewer samples, or one that is not finite.
    """
    values = _series(samples)
    sums = np.concatenate(([0.0], np.cumsum(values - values.mean())))
    counts = 2 ** np.arange(int(math.log2(values.size / 3)) + 1)
    deviations = []
    for count in counts:
        means = (sums[count:] - sums[:-count]) / count
        steps = means[count:] - means[:-count]
        deviations.append(math.sqrt(0.5 * float((steps**2).mean())))
    return np.asarray(counts * spacing_s, float), np.array(deviations)


def _series(samples: ArrayLike) -> Array:
    values = np.asarray(samples, float)
    if values.ndim != 1 or values.size < 3:
        raise ValueError(f"stability: shape {values.shape} is not a series of three or more")
    _finite(values)
    return values


def _finite(values: Array) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"stability: sample {tuple(bad[0].tolist())} is not a finite number")
