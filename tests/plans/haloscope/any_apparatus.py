"""Haloscopes drawn at random, as files state them, and whether each finds a strong axion.

CAPP-12TB's cavity and rod scaled to the frequency; everything that goes by widths in proportion to
them (``haloscope.description.proportions``); temperatures, noise and bins as drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky.utils import FailedStatus

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.axion import AxionLine, line_pdf, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K, PLANCK_J_S
from haloscope.description.proportions import proportions
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.calibration import calibrate
from plans.haloscope.scan import scan

#: Of the hidden axion, by the radiometer's formula; steps of a scan, and its averages.
SNR, STEPS, AVERAGES = 40.0, 8, 2000


@dataclass(frozen=True)
class Case:
    """One haloscope.

    Attributes:
        frequency_hz: Of the search.
        unloaded_q: Of the cavity.
        base_k: Mixing chamber.
        excess_k: Noise of the first amplifier beyond the idler's.
        rest_k: Noise of the chain behind it.
        bin_share: Bin width over what the proportions suggest.
        seed: Of the machine.
        heater_cut_k: So far above its base the mixing chamber may be heated by the noise source.
    """

    frequency_hz: float
    unloaded_q: float
    base_k: float = 0.05
    excess_k: float = 0.1
    rest_k: float = 3.0
    bin_share: float = 1.0
    seed: int = 0
    heater_cut_k: float = 0.3

    def content(self) -> dict[str, Any]:
        """As a parameter file has it."""
        letter = HaloscopeParameters.capp12tb()
        scale = letter.cavity.reference_hz / self.frequency_hz
        scatter_hz = 3.2e-7 * self.frequency_hz  # 0.1 mdeg of the crank
        own = proportions(
            self.frequency_hz,
            self.unloaded_q,
            beta=letter.antenna.reference_beta,
            gain_db=letter.operation.gain_db,
            line_span=letter.analysis.line_span,
            scatter_hz=scatter_hz,
        )
        window_hz = own["analysis"]["window_hz"]
        wide = window_hz / letter.analysis.window_hz
        quantum_k = PLANCK_J_S * self.frequency_hz / BOLTZMANN_J_PER_K
        bins = own["digitizer"]
        bins["bin_width_hz"] *= self.bin_share
        bins["bins"] = max(1, round(bins["bins"] / self.bin_share))
        groups: dict[str, dict[str, Any]] = {
            "cavity": {
                "reference_hz": self.frequency_hz,
                "unloaded_q": self.unloaded_q,
                "volume_m3": letter.cavity.volume_m3 * scale**3,
                "radius_m": letter.cavity.radius_m * scale,
                "te_frequency_hz": [],
                "te_coupling_hz": [],
                "te_q": [],
                "drift_hz": 1e-3 * own["operation"]["crossing_pull_hz"],
            },
            "rod": {
                "axle_offset_m": letter.rod.axle_offset_m * scale,
                "arm_m": letter.rod.arm_m * scale,
                "base_temperature_k": self.base_k + 0.1,
            },
            "antenna": {"pulling_hz_per_beta": -0.01 * own["operation"]["crossing_pull_hz"]},
            "jpa": {
                "highest_resonance_hz": 1.07 * self.frequency_hz,
                "excess_noise_k": self.excess_k,
                "table_error_hz": wide * letter.jpa.table_error_hz,
                "drift_hz": wide * letter.jpa.drift_hz,
            },
            "receiver": {
                "rest_noise_k": self.rest_k,
                "termination_k": self.base_k,
                "comb_spacing_hz": max(wide * letter.receiver.comb_spacing_hz, 0.5e6),
                "ripple_period_hz": [wide * period for period in letter.receiver.ripple_period_hz],
                "rest_slope_db_per_mhz": letter.receiver.rest_slope_db_per_mhz / wide,
                "interference_width_hz": letter.receiver.interference_width_hz / scale,
            },
            "noise_source": {
                "lowest_k": self.base_k,
                "highest_k": max(0.4, 4 * self.base_k, 3 * quantum_k),
                "settled_within_k": 1e-3 * self.base_k,
            },
            "cryostat": {
                "base_temperature_k": self.base_k,
                "cooling_power_at_k": 3 * self.base_k,
                "cooling_power_w": 0.01,
            },
            "operation": {
                "band_low_hz": 0.99 * self.frequency_hz,
                "band_high_hz": 1.01 * self.frequency_hz,
                "calibration_averages": 2000,
            },
            "safety": {
                "heater_cut_above_base_k": self.heater_cut_k,
                "suspend_above_k": 3 * self.base_k,
                "resume_below_k": 2 * self.base_k,
                "cold_high_k": 1.5 * self.base_k,
                "cold_hihi_k": 3 * self.base_k,
                "rod_high_k": self.base_k + 0.3,
                "rod_hihi_k": self.base_k + 0.5,
            },
            "analysis": {"baseline": "letter"},
        }
        for group, values in own.items():
            groups[group] = {**values, **groups.get(group, {})}
        return {"name": "drawn", **groups}


@dataclass(frozen=True)
class Outcome:
    """What became of a search.

    Attributes:
        found: The hidden axion is a candidate.
        refused: Why there was no search, "" if there was one.
        told: Verdict of the analysis.
    """

    found: bool
    refused: str = ""
    told: str = ""


def tried(case: Case, engine: RunEngine) -> Outcome:
    """Calibrate, scan a few steps, analyse."""
    try:
        parameters = HaloscopeParameters.from_mapping(case.content())
    except ValueError as refused:
        return Outcome(False, str(refused))
    operation, place_hz = parameters.operation, case.frequency_hz
    axion = AxionLine(place_hz + 0.3 * operation.step_hz, coupling(parameters, case))
    device = Haloscope(name="haloscope", parameters=parameters, seed=case.seed, lines=[axion])
    try:
        middle = place_hz * 1e-6
        targets = [middle + (i - STEPS // 2) * operation.step_hz * 1e-6 for i in range(STEPS)]
        known = engine(calibrate(device, middle)).plan_result
        online = Online(Options.of(device.apparatus, place_hz))
        engine(scan(device, targets, averages=AVERAGES, calibration=known), online)
        result = online.result()
    except (RuntimeError, ValueError, FailedStatus) as refused:
        notes = "; ".join(getattr(refused, "__notes__", ()))
        return Outcome(False, f"{type(refused).__name__}: {refused}; {notes}")
    finally:
        device.bench.close()
    line_hz = parameters.analysis.line_span * place_hz
    near = [c for c in result.candidates if abs(c.frequency_hz - axion.frequency_hz) < line_hz]
    return Outcome(bool(near), "", result.verdict())


def coupling(parameters: HaloscopeParameters, case: Case) -> float:
    """Coupling of an axion that a scan finds with ``SNR``, about, 1/GeV."""
    p, nu_hz, unit = parameters, case.frequency_hz, 1e-14
    beta = p.antenna.reference_beta
    warm_k = float(effective_temperature_k(case.base_k + 0.1, nu_hz))
    noise_k = 2 * warm_k + 1.3 * case.excess_k + case.rest_k / 40
    at_hz = (np.arange(STEPS) - STEPS // 2) * p.operation.step_hz
    power_w = signal_power_w(
        unit, nu_hz, field_t=p.magnet.average_field_t, volume_m3=p.cavity.volume_m3,
        form_factor=p.cavity.form_factor, loaded_q=p.cavity.unloaded_q / (1 + beta), beta=beta,
        detuning_hz=at_hz,
    )  # fmt: skip
    above_hz = np.linspace(0, 3 * p.analysis.line_span * nu_hz, 20_001)
    sharpness_s = np.trapezoid(line_pdf(nu_hz + above_hz, nu_hz) ** 2, above_hz)
    seconds = AVERAGES / p.digitizer.bin_width_hz
    ratio = power_w / (BOLTZMANN_J_PER_K * noise_k)
    return unit * float((SNR / np.sqrt(np.sum(ratio**2) * seconds * sharpness_s)) ** 0.5)


@contextmanager
def running() -> Iterator[RunEngine]:
    """A RunEngine that ends."""
    engine = make_run_engine()
    try:
        yield engine
    finally:
        close_run_engine(engine)
