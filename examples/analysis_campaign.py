"""The letter's whole campaign in process: measure, analyse, rescan, compare with the published.

The apparatus is the simulated one, used the way an operator uses it: every number the analysis
reads comes from its network analyser, its digitizer and its field readback. No IOC is involved;
the same campaign through process variables is a plan (plans.scan) and its catalog is read by
``spectra_from_documents``. About two minutes for the 1996 steps on one core::

    python examples/analysis_campaign.py --output campaign
    python examples/analysis_campaign.py --steps 60 --output short
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from haloscope import commissioning as operator
from haloscope import mode_map
from haloscope.analysis.apparatus import CAPP_12TB
from haloscope.analysis.chain.selection import trim
from haloscope.analysis.exchange import files
from haloscope.analysis.exchange.interchange import write_spectra
from haloscope.analysis.exchange.published import capp6, ratio_to_published
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report import figures
from haloscope.analysis.report.page import checks, write_report
from haloscope.analysis.spectra import Calibration, Spectra, concatenate
from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
from haloscope.analysis.statistics.rescan import judge
from haloscope.apparatus.experiment import Haloscope

FIRST_HZ, LAST_HZ, STEP_HZ = 1089.98e6, 1110.04e6, 10e3
CROSSING_HZ = (1094.45e6, 1094.83e6)  # The letter's 380 kHz, from the field calculation.
STEPS = 1996  # The letter's count; what the range leaves over repeats steps all over it.
CALIBRATE_EVERY = 200
BETA_RANGE = (1.8, 2.2)


@dataclass
class Operator:
    """Measures step after step and keeps the calibration up to date."""

    machine: Haloscope
    averages: int = 5000
    beta: float | None = None
    chain: tuple[float, float, float, float] | None = None
    reference_db: float = 0.0
    attenuation: list[tuple[float, float]] | None = None

    def calibrate(self, target_hz: float) -> None:
        """Y factor and line attenuation at a frequency."""
        found = operator.y_factor(self.machine, target_hz)
        self.chain = (found.gain_db, found.gain_db_error, found.temperature_k,
                      found.temperature_k_error)  # fmt: skip
        if self.attenuation is None:
            self.attenuation, self.reference_db = [], found.gain_db
        operator.tune(self.machine, target_hz)
        loss = operator.line_attenuation(self.machine, target_hz)
        self.attenuation.append((loss.attenuation_db, loss.attenuation_db_error))

    def calibration(self) -> Calibration:
        """What was measured of the receiver, in one set."""
        assert self.chain is not None
        assert self.attenuation
        loss = np.mean(np.array(self.attenuation), axis=0)
        return Calibration(
            receiver_gain_db=self.reference_db,
            receiver_gain_db_error=self.chain[1],
            receiver_temperature_k=self.chain[2],
            receiver_temperature_k_error=self.chain[3],
            line_attenuation_db=float(loss[0]),
            line_attenuation_db_error=float(loss[1]),
        )

    def step(self, target_hz: float) -> Spectra:
        """Tune, measure cavity and JPA, digitize: one spectrum."""
        assert self.chain is not None
        cavity = operator.tune(self.machine, target_hz)
        coupling = operator.reflection(self.machine, target_hz)
        if not BETA_RANGE[0] < coupling.beta < BETA_RANGE[1]:
            coupling = operator.couple(self.machine, target_hz, 2.0)
            cavity = operator.tune(self.machine, target_hz)
        profile = operator.set_jpa(self.machine, target_hz)
        seen = operator.digitize(self.machine, target_hz, self.averages)
        relative = 10 ** ((self.chain[0] - self.reference_db) / 10)
        power = (seen.power_w / relative)[None].astype(np.float32)
        one = np.ones(1)
        return trim(
            Spectra(
                power_w=power,
                frequency_start_hz=one * seen.frequency_hz[0],
                step_hz=float(seen.frequency_hz[1] - seen.frequency_hz[0]),
                num_averages=one * self.averages,
                target_frequency_hz=one * target_hz,
                cavity_frequency_hz=one * cavity.frequency_hz,
                loaded_q=one * cavity.loaded_q,
                beta=one * coupling.beta,
                jpa_resonance_hz=one * profile.resonance_hz,
                jpa_bandwidth_hz=one * profile.bandwidth_hz,
                jpa_gain_peak_db=one * 10 * np.log10(profile.peak_gain),
                magnet_field_t=one * self.machine.magnet.field_t,
                form_factor=mode_map.form_factor(one * cavity.frequency_hz),
                calibration=self.calibration(),
                volume_m3=CAPP_12TB.volume_m3,
                field_ratio=CAPP_12TB.field_ratio,
                errors={
                    "jpa_bandwidth_hz": one * profile.bandwidth_hz_error,
                    "loaded_q": one * cavity.loaded_q_error,
                },
            ),
            Options(),
        )


def targets(steps: int) -> np.ndarray:
    """Targets of the scan; the first ``steps`` of the letter's 1996."""
    grid = np.arange(round((LAST_HZ - FIRST_HZ) / STEP_HZ) + 1) * STEP_HZ + FIRST_HZ
    grid = grid[(grid < CROSSING_HZ[0]) | (grid > CROSSING_HZ[1])]
    again = np.linspace(0, len(grid) - 1, STEPS - len(grid)).round().astype(int)
    return np.sort(np.concatenate([grid, grid[again]]))[:steps]


def measure(machine: Haloscope, wanted_hz: np.ndarray, averages: int) -> tuple[Spectra, Operator]:
    """Take a spectrum at every target."""
    machine.magnet.set_field(12.0)
    machine.magnet.ramp()
    operator.wait(machine)
    hand = Operator(machine, averages)
    taken: list[Spectra] = []
    for number, target_hz in enumerate(wanted_hz.tolist()):
        if number % CALIBRATE_EVERY == 0:
            hand.calibrate(target_hz)
        try:
            taken.append(hand.step(target_hz))
        except operator.TuningError as error:
            print(f"  step {number}: {error}; left out")
    return concatenate([replace(s, calibration=hand.calibration()) for s in taken]), hand


def rescan(hand: Operator, result: Result, spectra: Spectra, repeats: int) -> list[bool]:
    """Repeat the spectra at every candidate and judge it."""
    verdicts = []
    for candidate in result.candidates:
        near = spectra.target_frequency_hz - candidate.frequency_hz
        target = float(spectra.target_frequency_hz[np.argmin(np.abs(near))])
        again = concatenate([hand.step(target) for _ in range(repeats)])
        again = replace(again, calibration=spectra.calibration)
        alone = analyze(again, result.options)
        together = concatenate([spectra.subset(np.abs(near) < 100e3), again])
        both = analyze(together, result.options)
        verdict = judge(candidate, result, alone, both, spectra=together)
        verdicts.append(verdict.persists)
        print(
            f"  {candidate.frequency_hz * 1e-6:.5f} MHz: {candidate.excess:.2f}, rescan alone "
            f"{verdict.rescan_excess:.2f} (an axion: {verdict.expected_rescan:.1f}), together "
            f"{verdict.combined_excess:.2f}: {'persists' if verdict.persists else 'gone'}"
            f", against an axion: {', '.join(verdict.objections) or 'nothing'}"
        )
    return verdicts


def show(result: Result) -> None:
    """The numbers of the letter beside ours."""
    core = files.well_covered(result)
    bound, grand, nu = result.limit, result.grand, result.frequency_hz
    full = core & (grand.overlaps > 13)
    limit_here, density = bound.coupling_per_gev[full], bound.ksvz_density[full]
    curve = capp6()
    published = curve.coupling_per_gev[~curve.spike].mean()
    noise_mk = 1e3 * result.checks.noise_temperature_k.mean(0)
    print(f"spectra {result.spectra}, grand bins {len(grand)}")
    print(
        f"grand spectrum: mean {result.normalised.mean():+.4f}, width "
        f"{result.normalised.std():.4f}, before the scale factor {grand.excess.std():.4f}"
    )
    print(f"xi {result.xi:.4f}, eps averaged {result.eps:.4f}, aligned {result.eps_aligned:.4f}")
    print(f"T_n (lower end, cavity, upper end): {noise_mk.round(1)} mK")
    print(f"limit: mean {limit_here.mean():.3e} /GeV (published {published:.3e})")
    ratio = ratio_to_published(nu[full], limit_here)
    if ratio.size:
        near = np.mean(np.abs(ratio - 1) < 0.1)
        print(
            f"ours / published outside spikes: mean {ratio.mean():.3f}, {ratio.min():.3f} to "
            f"{ratio.max():.3f}, within 10 %: {near:.1%} of {ratio.size}"
        )
    print(f"KSVZ density: mean {density.mean():.2%}, p90 {np.percentile(density, 90):.2%}")
    if np.diff(nu[core]).max() > 1e4:
        ours, theirs = np.diff(nu[core]).max(), curve.gap_hz[1] - curve.gap_hz[0]
        print(f"hole in the limit: {ours * 1e-3:.0f} kHz (published {theirs * 1e-3:.0f} kHz)")
    rho = neighbour_correlation(grand, result.step_hz, result.options)
    noise = expected_clusters(len(grand), rho, result.options.threshold)
    over = int(np.sum(result.normalised > result.options.threshold))
    print(
        f"candidates {len(result.candidates)} ({over} bins); noise alone {noise:.1f} +- "
        f"{np.sqrt(noise):.1f}; bins that started a cut {len(result.spikes)}"
    )
    for check in checks(result):
        verdict = "ok  " if check.passed else "LOOK"
        print(f"  {verdict} {check.name}: {check.found} ({check.expected})")


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--averages", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--output", type=Path, default=Path("campaign"))
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    spectra, hand = measure(Haloscope(seed=given.seed), targets(given.steps), given.averages)
    write_spectra(given.output / "spectra.h5", spectra)
    result = analyze(spectra)
    show(result)
    print("rescans:")
    verdicts = rescan(hand, result, spectra, given.repeats)
    print(f"after rescan: {sum(verdicts)} of {len(verdicts)} candidates persist")
    provenance = {"seed": given.seed, "steps": given.steps, "averages": given.averages}
    files.save(given.output / "result.h5", result, provenance)
    files.save_limit(given.output / "limit.txt", result, "simulated campaign")
    write_report(given.output / "report.html", result, provenance=provenance)
    for name, figure in figures.all_figures(result).items():
        figure.savefig(given.output / f"{name}.png")
    summary = json.dumps(files.summary(result), indent=2)
    (given.output / "summary.json").write_text(summary + "\n", "utf-8")


if __name__ == "__main__":
    main()
