"""A candidate spectrum by spectrum: its power in each, and its line in all of them together.

A fit of the baseline leaves x = (1 - H) x_0 of the noise x_0 and t = (1 - H) s of a line s (module
``chain.response``). The power of the line in spectrum i is then, without bias and in units of that
of DFSZ axions,

    A_i = s.x / s.t,    variance |(1 - H)^T s|^2 / (s.t)^2,

with nothing else fitted. The line's place, which the grand spectrum tells to a coarse bin, is the
one at which all spectra together show most of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.combine import Reduced
from haloscope.analysis.chain.reduce import Reduction
from haloscope.analysis.chain.selection import Windows, fine_centre_hz
from haloscope.analysis.chain.smoothing import savgol
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray
from haloscope.axion import bin_fractions, earth_speed_on
from haloscope.constants import EARTH_SPEED_M_PER_S, HALO_RMS_SPEED_M_PER_S
from haloscope.lorentzian import lorentzian

__all__ = ["NotHeldError", "Steps", "Window", "measured_steps"]

_PLACES_PER_BIN = 5  # A strong line betrays its place to a fraction of a fine bin.
_FEWEST = 2
#: What a line may be off besides the noise: the share of it that fits take up, since they clip what
#: stands far out; and the speeds of the halo. It matters to lines of some twenty sigma and more.
_TAKEN_UP, _SPEEDS = 0.5, 0.1
#: Share of the squares that is left at least where fits take nearly all.
_LEAST_LEFT = 1e-4


Intervals = tuple[tuple[float, float], ...]


class NotHeldError(ValueError):
    """Fewer spectra hold the whole line than a comparison needs."""


@dataclass(frozen=True)
class Window:
    """The spectra combined about a candidate, in fine bins, one line below it to two above.

    Attributes:
        centre_hz: Of the bins, shape (k,), Hz.
        pull: Excess in standard deviations, shape (k,).
        line: The same expected of an axion of unit strength, shape (k,).
        loose: What that may be off in each of q ways, one standard deviation, shape (q, k).
        skew: Skewness of the noise, which comes from its finite averages, shape (k,).
        line_hz: Width of the line, Hz.
    """

    centre_hz: FloatArray
    pull: FloatArray
    line: FloatArray
    loose: FloatArray
    skew: FloatArray
    line_hz: float


@dataclass(frozen=True)
class Steps:
    """A candidate in the n spectra that hold the whole line.

    Attributes:
        names: Of the spectra, shape (n,).
        time_s: When each was recorded, shape (n,), s; 0 where nobody noted it.
        detuning_hz: Candidate minus cavity frequency, shape (n,), Hz.
        response: The cavity's Lorentzian there, shape (n,).
        strength: Power in units of DFSZ, shape (n,).
        error: Its standard error from the noise, shape (n,).
        loose: What it may be off besides, relative, since the fits may take up less, shape (n,).
        place_hz: Where the line begins at its best place, Hz.
        window: All spectra together.
        left_out_hz: Intervals (low, high) that are left out of all this, Hz.
    """

    names: tuple[str, ...]
    time_s: FloatArray
    detuning_hz: FloatArray
    response: FloatArray
    strength: FloatArray
    error: FloatArray
    loose: FloatArray
    place_hz: float
    window: Window
    left_out_hz: Intervals = ()

    def __len__(self) -> int:
        return len(self.strength)

    @property
    def mean(self) -> float:
        """Power of all spectra together."""
        return float(np.average(self.strength, weights=self.error**-2.0))

    @property
    def mean_error(self) -> float:
        """Its standard error."""
        return float(np.sum(self.error**-2.0) ** -0.5)


@dataclass(frozen=True)
class _Rows:
    """The spectra that hold the line, cut to the window (n rows, k bins).

    Attributes:
        reduced: They, whole.
        inside: Whether a bin is in the spectrum's own window, shape (n, k).
        column: Its number there, shape (n, k).
        pull: Excess in standard deviations, shape (n, k).
        amplitude: SNR of the full DFSZ power in a bin, shape (n, k).
        taken: U of what the fits take up, shape (n, p, k); None behind a smoother.
    """

    reduced: Reduced
    inside: NDArray[np.bool_]
    column: IntArray
    pull: FloatArray
    amplitude: FloatArray
    taken: FloatArray | None


def measured_steps(
    reduction: Reduction,
    candidate_hz: float,
    names: tuple[str, ...],
    *,
    used: NDArray[np.bool_] | None = None,
    place_hz: float | None = None,
    fewest: int = _FEWEST,
    without_hz: Intervals = (),
) -> Steps:
    """Follow a candidate through the spectra that hold the whole line.

    Args:
        reduction: Spectra whose baselines are fitted (n).
        candidate_hz: Its frequency, to a coarse bin, Hz.
        names: What to call the spectra, shape (n,).
        used: Which of them to look at; all if not given, shape (n,).
        place_hz: Where the line begins, if that is known; else it is looked for within a coarse
            bin.
        fewest: Spectra that must hold it.
        without_hz: Intervals (low, high) in which something else is seen: their bins are left out.

    Raises:
        NotHeldError: Fewer do.
    """
    job = reduction.job
    options, windows, spectra = job.options, job.windows, job.spectra
    numbers, holding = _where(windows, options, candidate_hz)
    rows = np.flatnonzero(holding if used is None else holding & used)
    if rows.size < fewest:
        raise NotHeldError(
            f"{rows.size} spectra hold the line at {candidate_hz * 1e-6:.6f} MHz, needed {fewest}"
        )
    cut = _cut(reduction.of(rows), numbers, options)
    places = _places(candidate_hz, windows.fine_hz, options)
    places = places if place_hz is None else np.array([place_hz])
    centre = fine_centre_hz(numbers, windows.step_hz, windows.merge)
    edges = np.append(centre, centre[-1] + windows.fine_hz) - 0.5 * windows.fine_hz
    fractions = np.stack([bin_fractions(edges, place) for place in places])
    speeds = _speeds(spectra.time_s[rows], options)
    kept = np.ones(len(centre), dtype=bool)
    for low, high in without_hz:
        kept &= (centre < low) | (centre > high)
    best = _best(cut, fractions * kept)
    line = cut.amplitude * _lines(edges, places[best], speeds)
    faster = cut.amplitude * _lines(edges, places[best], speeds, 1 + _SPEEDS)
    left, _ = _left(cut, line, options, windows)
    weights = line * kept
    _, variance = _left(cut, weights, options, windows)
    # Of a cavity as narrow as the line the fits take nearly all, and the coarse bins blur what.
    variance = np.maximum(variance, _LEAST_LEFT * np.einsum("nk,nk->n", weights, weights))
    unsure = 0.0 if cut.taken is None else _TAKEN_UP  # A smoother clips nothing.
    loose = np.stack([unsure * (line - left), faster - line])
    share = np.einsum("nk,nk->n", weights, left)
    detuning = places[best] - spectra.cavity_frequency_hz[rows]
    return Steps(
        tuple(names[row] for row in rows),
        spectra.time_s[rows],
        detuning,
        lorentzian(detuning, spectra.cavity_frequency_hz[rows] / spectra.loaded_q[rows]),
        np.einsum("nk,nk->n", weights, cut.pull) / share,
        np.sqrt(variance) / share,
        unsure * (np.einsum("nk,nk->n", weights, line) / share - 1),
        float(places[best]),
        _window(cut, left, loose, centre, kept, options, windows),
        without_hz,
    )


def _speeds(time_s: FloatArray, options: Options) -> FloatArray:
    """Speed of the laboratory at each spectrum, shape (n,), m/s; the mean where it has no date."""
    if not options.modulated:
        return np.full(len(time_s), EARTH_SPEED_M_PER_S)
    return np.array(
        [
            earth_speed_on(when, latitude_deg=options.latitude_deg)
            if when > 0
            else EARTH_SPEED_M_PER_S
            for when in time_s.tolist()
        ]
    )


def _lines(
    edges: FloatArray, place_hz: float, speeds: FloatArray, factor: float = 1.0
) -> FloatArray:
    """The line in bins at each spectrum, shape (n, k), of a halo so many times faster."""
    known = {
        speed: bin_fractions(
            edges,
            place_hz,
            rms_speed_m_per_s=factor * HALO_RMS_SPEED_M_PER_S,
            earth_speed_m_per_s=factor * speed,
        )
        for speed in set(speeds.tolist())
    }
    return np.stack([known[speed] for speed in speeds.tolist()])


def _where(
    windows: Windows, options: Options, candidate_hz: float
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Global numbers of the fine bins about a candidate, (k,), and which spectra hold it, (n,)."""
    merge, line = options.coarse_merge, options.coarse_merge * options.line_bins
    first = round((candidate_hz / windows.step_hz + 0.5) / windows.merge)
    low, high = windows.first_fine, windows.first_fine + windows.fine_bins
    holding = (low <= first - merge) & (high >= first + line + merge)
    return np.arange(first - line, first + 2 * line), holding


def _places(candidate_hz: float, fine_hz: float, options: Options) -> FloatArray:
    reach = options.coarse_merge * _PLACES_PER_BIN
    offset = np.arange(-reach, reach + 1) * (fine_hz / _PLACES_PER_BIN)
    return np.asarray(candidate_hz + offset, dtype=np.float64)


def _cut(reduced: Reduced, numbers: IntArray, options: Options) -> _Rows:
    """The rows in the bins ``numbers``, zero where one is in none of theirs."""
    bins = reduced.excess.shape[1]
    column = numbers - reduced.first_fine[:, None]
    inside = (column >= 0) & (column < bins)
    column = np.clip(column, 0, bins - 1)

    def of(values: FloatArray) -> FloatArray:
        there = np.take_along_axis(values, column, axis=1)
        return np.asarray(np.where(inside, there, 0.0), dtype=np.float64)

    kept = None if reduced.kept is None else np.sqrt(reduced.kept)
    amplitude = reduced.amplitude if kept is None else reduced.amplitude * kept
    taken = None
    if reduced.taken is not None:
        coarse = options.coarse_merge
        base = reduced.first_fine // coarse
        at = np.clip(numbers // coarse - base[:, None], 0, reduced.taken.factor.shape[2] - 1)
        taken = np.take_along_axis(reduced.taken.factor, at[:, None, :], axis=2)
        taken = taken * inside[:, None, :] * (1.0 if kept is None else of(kept)[:, None, :])
    return _Rows(reduced, inside, column, of(reduced.pull), of(amplitude), taken)


def _best(cut: _Rows, fractions: FloatArray) -> int:
    """The place at which all spectra together show most of the line."""
    if len(fractions) == 1:
        return 0
    found = fractions @ np.einsum("nk,nk->k", cut.amplitude, cut.pull)
    information = fractions**2 @ np.sum(cut.amplitude**2, axis=0)
    if cut.taken is not None:
        c = np.einsum("npk,nk,lk->lnp", cut.taken, cut.amplitude, fractions, optimize=True)
        left = information - np.einsum("lnp,lnp->l", c, c)
        information = np.maximum(left, _LEAST_LEFT * information)
    return int(np.argmax(found / np.sqrt(information)))


def _left(
    cut: _Rows, line: FloatArray, options: Options, windows: Windows
) -> tuple[FloatArray, FloatArray]:
    """What the baselines leave of a line, t = (1 - H) s, (n, k), and |(1 - H)^T s|^2, (n,)."""
    if cut.taken is None or cut.reduced.taken is None:
        left = line - _smoothed(cut, line, options, windows)
        return left, np.einsum("nk,nk->n", left, left)
    c = np.einsum("npk,nk->np", cut.taken, line)
    own = np.einsum("np,npq,nq->n", c, cut.reduced.taken.own, c)
    left = line - np.einsum("npk,np->nk", cut.taken, c)
    whole = np.einsum("nk,nk->n", line, line)
    return left, whole - 2 * np.einsum("np,np->n", c, c) + own


def _smoothed(cut: _Rows, line: FloatArray, options: Options, windows: Windows) -> FloatArray:
    """What a smoother takes of a line, shape (n, k)."""
    whole = np.zeros(cut.reduced.excess.shape)
    row = np.broadcast_to(np.arange(len(line))[:, None], line.shape)
    whole[row[cut.inside], cut.column[cut.inside]] = line[cut.inside]
    smooth = savgol(whole, options.savgol_bins(windows.fine_hz), options.savgol_degree)
    taken = np.take_along_axis(smooth, cut.column, axis=1)
    return np.asarray(np.where(cut.inside, taken, 0.0), dtype=np.float64)


def _window(
    cut: _Rows,
    left: FloatArray,
    loose: FloatArray,
    centre: FloatArray,
    kept: NDArray[np.bool_],
    options: Options,
    windows: Windows,
) -> Window:
    """All spectra together, each bin weighted as for the grand spectrum."""
    root = np.sqrt(np.sum(cut.amplitude**2, axis=0))
    there = (root > 0) & kept
    share = cut.amplitude[:, there] / root[there]
    skew = 2 / np.sqrt(cut.reduced.averages)
    return Window(
        centre[there],
        np.einsum("nk,nk->k", share, cut.pull[:, there]),
        np.einsum("nk,nk->k", share, left[:, there]),
        np.einsum("nk,qnk->qk", share, loose[:, :, there]),
        np.einsum("nk,n->k", share**3, skew),
        windows.fine_hz * options.coarse_merge * options.line_bins,
    )
