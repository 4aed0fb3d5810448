"""The limit that the analysis will give: its own chain, on the mean spectra that are expected.

No second theory of sensitivities stands here. From the setup follows the mean power of every
spectrum; the chain of ``haloscope.analysis`` fits its baselines, rescales, combines, works out xi
and eps in closed form and the error budget, and its limit does not depend on the noise that real
spectra would have on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from haloscope.analysis.budget.contributions import Contributions, contributions
from haloscope.analysis.calibration import Calibration
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.grand import Grand, grand_spectrum
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import budget_of, taken_off
from haloscope.analysis.quality.noise import noise_at_three
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.analysis.statistics.efficiency import smoother_response
from haloscope.analysis.statistics.limits import Limit, limit
from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.planning.setup import Setup

__all__ = ["Expected", "expected_limit", "expected_spectra"]

#: Spectra worked on at a time.
_CHUNK = 256


@dataclass(frozen=True)
class Expected:
    """What the analysis will say.

    Attributes:
        grand: Its grand spectrum, without noise.
        limit: Its limit.
        systematic: Relative error of the expected power that it takes off, shape (k,).
        options: Its settings, in the fine bins that were used here.
    """

    grand: Grand
    limit: Limit
    systematic: FloatArray
    options: Options

    @property
    def frequency_hz(self) -> FloatArray:
        """Axion frequency of each grand bin, shape (k,), Hz."""
        return self.limit.frequency_hz

    @property
    def coupling_per_gev(self) -> FloatArray:
        """Coupling that will be excluded, shape (k,), 1/GeV."""
        return self.limit.coupling_per_gev


def in_fine_bins(options: Options) -> Options:
    """The same for spectra whose digitizer bins are merged already."""
    return replace(options, fine_merge=1, filter_spikes=False)


def expected_spectra(
    setup: Setup, targets_hz: Sequence[float], averages: float, options: Options
) -> Spectra:
    """Mean spectra of the windows, in fine bins, with what each step will measure beside them.

    Args:
        setup: The apparatus.
        targets_hz: Of the steps, Hz.
        averages: Spectra averaged at each.
        options: Of the analysis: its window and its fine bins.
    """
    fine_hz = setup.bin_hz * options.fine_merge
    bins = round(options.window_hz / fine_hz) + 4
    targets = np.asarray(targets_hz, dtype=np.float64)
    first = np.rint(targets / fine_hz) - bins // 2
    power = np.empty((len(targets), bins))
    gain_db = 10 * np.log10(setup.amplifier.peak_gain)
    modes = [setup.mode(float(nu)) for nu in targets]
    for row, (nu, start) in enumerate(zip(targets.tolist(), first, strict=True)):
        frequency = (start + np.arange(bins)) * fine_hz
        noise = setup.noise_k(frequency, nu, setup.beta) * setup.gain(frequency, nu)
        power[row] = noise * (BOLTZMANN_J_PER_K * fine_hz * 10 ** (setup.rest_gain_db / 10))
    own = setup.amplifier
    form_factor = np.array([mode.form_factor for mode in modes])
    return Spectra(
        power_w=power,
        frequency_start_hz=first * fine_hz,
        step_hz=fine_hz,
        num_averages=np.full(len(targets), averages * options.fine_merge),
        target_frequency_hz=targets,
        cavity_frequency_hz=targets,
        loaded_q=np.array([mode.unloaded_q / (1 + setup.beta) for mode in modes]),
        beta=np.full(len(targets), setup.beta),
        jpa_resonance_hz=targets + own.offset_hz,
        jpa_bandwidth_hz=np.full(len(targets), own.bandwidth_hz),
        jpa_gain_peak_db=np.full(len(targets), gain_db),
        magnet_field_t=np.full(len(targets), setup.field_t),
        form_factor=form_factor,
        calibration=calibration_of(setup),
        volume_m3=setup.volume_m3,
        field_ratio=setup.field_ratio,
        errors=_errors(setup, form_factor),
    )


def calibration_of(setup: Setup) -> Calibration:
    """The calibration that the setup stands for."""
    errors = setup.calibration_errors
    return Calibration(
        line_attenuation_db=setup.line_attenuation_db,
        line_attenuation_db_error=errors.get("line_attenuation_db_error"),
        receiver_gain_db=setup.rest_gain_db,
        receiver_gain_db_error=errors.get("receiver_gain_db_error"),
        receiver_temperature_k=setup.rest_k,
        receiver_temperature_k_error=errors.get("receiver_temperature_k_error"),
        noise_difference=errors.get("noise_difference"),
    )


def _errors(setup: Setup, form_factor: FloatArray) -> dict[str, FloatArray]:
    """What the owners state, as ``Spectra.errors`` has it."""
    scale: dict[str, FloatArray | float] = {
        "form_factor": form_factor,
        "field_ratio": setup.field_ratio,
        "volume_m3": setup.volume_m3,
    }
    one = np.ones(len(form_factor))
    return {name: error * scale.get(name, 1.0) * one for name, error in setup.errors.items()}


def expected_limit(
    setup: Setup, targets_hz: Sequence[float], averages: float, options: Options
) -> Expected:
    """The limit of a scan, by the analysis' own chain.

    Args:
        setup: The apparatus, operated at its coupling.
        targets_hz: Of the steps, Hz, at least one.
        averages: Spectra averaged at each step.
        options: Of the analysis.

    Raises:
        ValueError: No target; or the windows cover no line; or the bins are too wide for it.
    """
    if not len(targets_hz):
        raise ValueError("forecast: no steps")
    own = in_fine_bins(options)
    sums = Accumulator(setup.bin_hz * options.fine_merge, own)
    rows: list[Contributions] = []
    smoother = None
    for part in _parts(sorted(targets_hz)):
        spectra = expected_spectra(setup, part, averages, options)
        windows = windows_of(spectra, own)
        reduction = reduce_stack(spectra, windows, own, workers=1)
        for _, reduced, _ in reduction.chunks():
            sums.add(reduced)
        noise_k = noise_at_three(spectra, windows, reduction.at_three)
        rows.append(contributions(spectra, noise_k, own))
        if smoother is None and not sums.has_response:
            smoother = smoother_response(spectra, own)
    grand = grand_spectrum(sums, smoother=smoother)
    budget = budget_of(Contributions.together(rows), grand.frequency_hz, own)
    systematic = taken_off(budget, own)
    bound = limit(grand, calibration_of(setup), sums.step_hz, own, systematic)
    return Expected(grand, bound, systematic, own)


def _parts(targets_hz: Sequence[float]) -> Iterator[Sequence[float]]:
    for first in range(0, len(targets_hz), _CHUNK):
        yield targets_hz[first : first + _CHUNK]
