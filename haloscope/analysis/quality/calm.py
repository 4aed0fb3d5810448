"""A stack without the lines of its strong candidates: what tests of the baseline's model look at.

An axion is not a misfit, and where it is strong it looks like one: the baseline of each spectrum
that holds it bends towards it, over the whole window. In a narrow scan all spectra hold it, and no
grand bin is left that it does not touch. So its line is taken out of the spectra: the line's place
and strength are fitted to all that hold it (``vetoes.steps``), each spectrum is divided by 1 +
S_a/S_n (``chain.signal``), and once more by what the new baselines, which bend less, show of it.

What does not come out so is no axion's line. It stays in, and the bins about it are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.blocks import blocks
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.grand import Grand, SmootherResponse, grand_spectrum
from haloscope.analysis.chain.reduce import Reduction, reduce_stack
from haloscope.analysis.chain.selection import Windows, windows_of
from haloscope.analysis.chain.signal import relative_signal
from haloscope.analysis.options import Options
from haloscope.analysis.quality.assess import Screened, assess
from haloscope.analysis.quality.residuals import Residuals, ResidualSums
from haloscope.analysis.scratch import Scratch
from haloscope.analysis.spectra import IntArray, Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes.steps import NotHeldError, measured_steps
from haloscope.axion import coupling_dfsz

__all__ = ["STRONG_SIGMA", "Calm", "calmed", "judged_anew", "strong"]

#: Candidates above this bend the baselines of the spectra that hold them.
STRONG_SIGMA: Final = 6.0
_MOST_ROUNDS: Final = 4
_LEFT_SIGMA: Final = 1.0


@dataclass(frozen=True)
class Calm:
    """What a stack is without the lines of its strong candidates.

    Attributes:
        grand: Its grand spectrum.
        checks: Residuals of its spectra.
        taken_out: The candidates whose lines were taken out.
    """

    grand: Grand
    checks: Residuals
    taken_out: tuple[Candidate, ...]


def strong(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that bend the baselines of the spectra that hold them, the loudest first."""
    loud = [found for found in candidates if found.excess > STRONG_SIGMA]
    return sorted(loud, key=lambda found: -found.excess)


def calmed(
    spectra: Spectra, rows: IntArray, candidates: Sequence[Candidate], options: Options
) -> tuple[Spectra, tuple[Candidate, ...]]:
    """Take the lines of strong candidates out of a stack.

    Args:
        spectra: A stack, which is not changed.
        rows: Which of the spectra are in the grand spectrum, shape (n,).
        candidates: Found in it.
        options: Settings.

    Returns:
        The windows of these rows without the lines (n), those of more than memory should hold in a
        temporary file (module ``scratch``), and the candidates whose lines came out; the rest is
        still in. Where no line came out, what was given.

    Raises:
        OSError: There is no room for temporary files.
    """
    loud, taken_out = strong(candidates), list[Candidate]()
    if not loud:
        return spectra, ()
    windows, changed = windows_of(spectra, options), dict[int, NDArray[np.floating]]()
    for found in loud:
        away = np.abs(spectra.target_frequency_hz[rows] - found.frequency_hz)
        about = rows[away < options.window_hz]
        left = _without(_windows_alone(spectra, windows, about, changed), found, options)
        if left is not None:
            changed.update(zip(about.tolist(), left.power_w, strict=True))
            taken_out.append(found)
    if not taken_out:
        return spectra, ()
    return _windows_alone(spectra, windows, rows, changed), tuple(taken_out)


def _windows_alone(
    spectra: Spectra, windows: Windows, rows: IntArray, changed: Mapping[int, NDArray[np.floating]]
) -> Spectra:
    """Some of the spectra cut to their windows; ``changed`` is other power of some, by number."""
    windows = windows.rows(rows)
    with Scratch() as scratch:
        for part in blocks(len(rows)):
            for row, own in zip(rows[part].tolist(), windows.power[part], strict=True):
                scratch.add(changed.get(row, own))
        power = scratch.array(windows.power.shape[1])
    beside = spectra.without_power(rows)
    return beside.with_checked(
        power_w=power,
        masked=None if windows.masked is None else np.asarray(windows.masked),
        # On the grid of all fine bins, where no rounding moves a window that has nothing to spare.
        frequency_start_hz=windows.first_fine * (windows.merge * spectra.step_hz),
        first_bin=beside.first_bin + windows.first_column,
    )


def _without(spectra: Spectra, found: Candidate, options: Options) -> Spectra | None:
    """Windows without the line of a candidate; None if what is there is no axion's line."""
    place_hz: float | None = None
    names = tuple(spectra.name(row) for row in range(len(spectra)))
    reduction = reduce_stack(spectra, windows_of(spectra, options), options)
    for _ in range(_MOST_ROUNDS):
        try:
            seen = measured_steps(reduction, found.frequency_hz, names, place_hz=place_hz, fewest=1)
        except NotHeldError:
            return None
        place_hz = seen.place_hz
        if seen.mean < _LEFT_SIGMA * seen.mean_error:
            break
        spectra = _divided(spectra, place_hz, seen.mean, options)
        reduction = reduce_stack(spectra, windows_of(spectra, options), options)
    return spectra if _is_out(reduction, found) else None


def _divided(spectra: Spectra, place_hz: float, strength: float, options: Options) -> Spectra:
    """Windows alone, less a line of a strength in units of DFSZ."""
    coupling = float(coupling_dfsz(place_hz) * np.sqrt(strength))
    signal, _ = relative_signal(spectra, place_hz, coupling, options)
    power = spectra.power_w.copy()
    power /= 1 + signal
    return spectra.with_checked(power_w=power)


def _is_out(reduction: Reduction, found: Candidate) -> bool:
    sums, options = reduction.sums(), reduction.job.options
    own = None if sums.has_response else SmootherResponse(1.0, 1.0, 1.0)
    try:
        grand = grand_spectrum(sums, smoother=own)
    except ValueError:
        return False
    line = options.line_bins * options.coarse_merge * options.fine_merge * sums.step_hz
    nu = grand.frequency_hz
    near = (nu > found.low_hz - line) & (nu < found.high_hz + line)
    return bool(near.any() and np.all(np.abs(grand.normalised[near]) < STRONG_SIGMA))


def judged_anew(
    spectra: Spectra, rows: IntArray, options: Options
) -> tuple[Accumulator, Residuals]:
    """Sums and residuals of spectra that were found good, whatever is to be said of them now.

    Args:
        spectra: A stack.
        rows: Which of the spectra, shape (n,); no other is looked at.
        options: Settings, of the windows in which they were found good.
    """
    keep = replace(options, demands=replace(options.demands, bad_spectra="keep"))
    own = spectra.without_power(rows)
    labels = own.labels or tuple(str(row) for row in rows.tolist())
    windows = windows_of(spectra, keep).rows(rows)
    sums, residuals = Accumulator(spectra.step_hz, options), ResidualSums()
    assess(Screened(labels, np.arange(len(rows)), own, windows, ()), keep, sums, residuals)
    return sums, residuals.finish()
