"""The letter's whole campaign in process: measure, analyse, rescan, compare with the published.

The apparatus is the simulated one, used the way an operator uses it: every number the analysis
reads comes from the plans' documents. No IOC is involved; ``examples/campaign.py`` is the same
through process variables. About two minutes for the 1996 steps on one core::

    python examples/analysis_campaign.py --output campaign
    python examples/analysis_campaign.py --steps 60 --output short
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from operating import Operator, operator

from cryohalo.reproduction.shared.letter_scan import steps_of_the_letter, targets
from haloscope.analysis.exchange import bayesian, files, found
from haloscope.analysis.exchange.interchange import write_spectra
from haloscope.analysis.exchange.published import capp6, ratio_to_published
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report import bayes_figures, figures
from haloscope.analysis.report.page import checks, write_report
from haloscope.analysis.spectra import Spectra, concatenate
from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
from haloscope.analysis.statistics.rescan import judge
from haloscope.planning.rounds import calibration_targets
from instruments.drawing import save
from plans.haloscope.calibrating import calibrate_band
from plans.haloscope.calibration import calibrate
from plans.haloscope.commissioning import cool_and_ramp


def measure(hand: Operator, wanted_mhz: list[float], averages: int) -> Spectra:
    """Take a spectrum at every target, the receiver calibrated along the band before."""
    hand.run(cool_and_ramp(hand.haloscope))
    spacing_mhz = hand.haloscope.apparatus.operation.calibration_spacing_hz * 1e-6
    places = calibration_targets(wanted_mhz, spacing_mhz)
    calibration = hand.run(calibrate_band(hand.haloscope, places, averages=500))
    return hand.scan(wanted_mhz, averages=averages, calibration=calibration)


def rescan(
    hand: Operator, result: Result, spectra: Spectra, averages: int, repeats: int
) -> list[bool]:
    """Repeat the spectra at every candidate that stands and judge it."""
    verdicts = []
    for candidate in result.standing:
        near = spectra.target_frequency_hz - candidate.frequency_hz
        target_mhz = round(float(spectra.target_frequency_hz[np.argmin(np.abs(near))]) / 1e6, 6)
        calibration = hand.run(calibrate(hand.haloscope, target_mhz, averages=500))
        taken = [
            hand.scan([target_mhz], averages=averages, calibration=calibration)
            for _ in range(repeats)
        ]
        again = concatenate(taken)
        alone = analyze(again, result.options)
        together = concatenate([spectra.subset(np.abs(near) < 100e3), again])
        both = analyze(together, result.options)
        verdict = judge(candidate, result, alone, both, spectra=together)
        verdicts.append(verdict.axion_like)
        print(f"  {candidate.frequency_hz * 1e-6:.5f} MHz: {candidate.excess:.2f}; {verdict.words}")
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
    for name, value in bayesian.numbers(result).items():
        print(f"{name.replace('_', ' ')}: {value}")
    for rule in bayesian.decisions(result):
        print(
            f"rule {rule.decision.rule}: of axions of {rule.coupling_per_gev:.3g} /GeV "
            f"{rule.found:.1%} found, {rule.places:.2f} places by chance, levels "
            f"{rule.levels.min():.2f} to {rule.levels.max():.2f}, update {rule.update:.3g}"
        )
    for check in checks(result):
        verdict = "ok  " if check.passed else "LOOK"
        print(f"  {verdict} {check.name}: {check.found} ({check.expected})")


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=steps_of_the_letter())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--averages", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--output", type=Path, default=Path("campaign"))
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    with operator(given.seed) as hand:
        spectra = measure(hand, targets(given.steps), given.averages)
        write_spectra(given.output / "spectra.h5", spectra)
        result = analyze(spectra)
        show(result)
        for line in found.lines(result, 50):
            print(f"  {line}")
        print("rescans:")
        verdicts = rescan(hand, result, spectra, given.averages, given.repeats)
    print(f"after rescan: {sum(verdicts)} of {len(verdicts)} candidates stand")
    provenance = {"seed": given.seed, "steps": given.steps, "averages": given.averages}
    files.save(given.output / "result.h5", result, provenance)
    files.save_limit(given.output / "limit.txt", result, "simulated campaign")
    files.save_bayes_limit(given.output / "limit_bayes.txt", result, "simulated campaign")
    write_report(given.output / "report.html", result, provenance=provenance)
    drawn = figures.all_figures(result) | bayes_figures.all_figures(result)
    for name, figure in drawn.items():
        save(figure, given.output / name)
    summary = json.dumps(files.summary(result), indent=2)
    (given.output / "summary.json").write_text(summary + "\n", "utf-8")


if __name__ == "__main__":
    main()
