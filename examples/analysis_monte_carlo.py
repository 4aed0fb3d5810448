"""xi, eps and coverage by Monte Carlo, and the letter's Figure 3.

The noise of every experiment follows baselines measured on the simulated apparatus (15 spectra that
overlap at one frequency). ``--experiments 10000`` is the letter's number; batches are kept in the
output folder, so that a run that was cut off goes on where it stopped::

    python examples/analysis_monte_carlo.py --experiments 10000 --output montecarlo

Parts: ``figure3`` (xi, eps, chi-square against Savitzky-Golay), ``coverage`` (axions at the claimed
90 % coupling: three frequencies, three couplings of the antenna), ``interference`` (the same with
tones in the spectra and the spike filter at work, whole chain from 10 Hz bins).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from operating import operator
from scipy.special import ndtr

from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.signal import relative_signal
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.report import figures
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.distribute import run
from haloscope.analysis.statistics.efficiency import closed_form, linear_chain
from haloscope.analysis.statistics.limits import dfsz
from haloscope.analysis.statistics.montecarlo import Outcome, Plan, efficiency, strength_at_limit
from instruments.drawing import save
from instruments.random import generator
from plans.haloscope.calibration import calibrate
from plans.haloscope.commissioning import cool_and_ramp

STEP_MHZ = 0.010
TONE_K = 0.02  # Median strength of a tone in one 10 Hz bin: half a dozen standard deviations.
TONES = 6  # Per experiment, anywhere in the 290 kHz the spectra cover.


def background(centre_hz: float, beta: float, seed: int) -> Spectra:
    """15 measured spectra that overlap at ``centre_hz``."""
    centre_mhz = centre_hz / 1e6
    limits = {"beta_low": beta - 0.03, "beta_high": beta + 0.03}
    with operator(seed) as hand:
        hand.run(cool_and_ramp(hand.haloscope))
        calibration = hand.run(calibrate(hand.haloscope, centre_mhz, averages=500))
        targets_mhz = (centre_mhz + STEP_MHZ * np.arange(-7, 8)).tolist()
        return hand.scan(targets_mhz, calibration=calibration, tolerances=limits)


def agreement(name: str, found: tuple[float, float], expected: float) -> None:
    """Print a Monte Carlo number beside its closed form."""
    value, error = found
    distance = (value - expected) / error
    print(f"  {name}: {value:.4f} +- {error:.4f}, closed form {expected:.4f}, {distance:+.1f} s.e.")


def figure3(spectra: Spectra, experiments: int, output: Path) -> None:
    """Widths, means and efficiencies, with the figure."""
    plan = Plan(spectra, experiments=experiments, seed=1)
    kinds = {
        "noise": replace(plan, strength=0.0, seed=2),
        "aligned": plan,
        "anywhere": replace(plan, misaligned=True, seed=3),
        "noise_anywhere": replace(plan, strength=0.0, misaligned=True, seed=4),
    }
    out: dict[str, Outcome] = {k: run(p, folder=output / k) for k, p in kinds.items()}
    closed = out["noise"].closed_form
    both = [out["noise"], out["noise_anywhere"]]
    fitted = np.concatenate([o.fitted for o in both])
    known = np.concatenate([o.known for o in both])
    noise = replace(out["noise"], fitted=fitted, known=known)
    print(f"Figure 3, {experiments} experiments with an axion and {len(fitted)} without:")
    agreement("xi", noise.width(), closed.width)
    agreement("SNR, background known", (float(out["aligned"].known.mean()),
              experiments**-0.5), closed.snr)  # fmt: skip
    agreement("eps aligned", efficiency(out["aligned"], noise), closed.aligned)
    agreement("eps averaged", efficiency(out["anywhere"], noise), closed.averaged)
    smooth = closed_form(spectra, Options(baseline="savgol"))
    print(
        f"  Savitzky-Golay: xi {smooth.width:.4f}, eps aligned {smooth.aligned:.4f}, averaged "
        f"{smooth.averaged:.4f}; chi-square / Savitzky-Golay {closed.aligned / smooth.aligned:.3f}"
    )
    figure = figures.distributions(
        [
            ("background known, 50 Hz", out["aligned"].known, known[:experiments]),
            ("fitted, 450 Hz", out["aligned"].fitted, fitted[:experiments]),
        ],
        f"{experiments} simulated experiments, DFSZ axion",
    )
    save(figure, output / "figure3")


def coverage(name: str, spectra: Spectra, experiments: int, output: Path) -> None:
    """Axions at the coupling that the limit claims to find with 90 %."""
    plan = Plan(spectra, misaligned=True, experiments=experiments, seed=5)
    closed = plan.closed_form()
    plan = replace(plan, strength=strength_at_limit(closed, plan.options))
    found, error = run(plan, folder=output / name).found(plan.options.threshold, closed.width)
    print(
        f"  {name}: found {found:.2%} +- {error:.2%} of {experiments} "
        f"(strength {plan.strength:.3f} DFSZ, xi {closed.width:.4f}, eps {closed.averaged:.4f})"
    )


def interference(spectra: Spectra, experiments: int, *, tones: int, seed: int) -> None:
    """The whole chain from 10 Hz bins, with tones and the spike filter at work.

    The same noise and axion, without tones, also go through the linear chain of module
    ``efficiency``, whose probability to find them is known exactly. What the whole chain finds
    more or less than the linear one is free of the chance in the noise that both share.
    """
    options = Options()
    silent = replace(spectra, calibration=replace(spectra.calibration, line_attenuation_db=0.0))
    windows = select(silent, options)
    merged = windows.merged()
    mean = fit_baseline(silent, windows, merged, slice(0, len(silent)), options).power
    chain = linear_chain(silent, options)
    closed = chain.efficiency()
    strength = strength_at_limit(closed, options)
    root = np.sqrt(silent.num_averages * windows.merge)[:, None]
    spacing = silent.step_hz * options.fine_merge * options.coarse_merge
    frequency = np.array([f * options.fine_merge * silent.step_hz for f in windows.first_fine])
    cut, fates = 0, []
    for number in range(experiments):
        rng = generator(seed, "interference", number)
        axion_hz = closed.axion_hz + (rng.random() - 0.5) * spacing
        coupling = float(dfsz(np.array(axion_hz)) * np.sqrt(strength))
        signal, noise = _signal(silent, mean, windows.merge, axion_hz, coupling, options)
        power = noise * (1 + signal) * rng.standard_gamma(silent.num_averages[:, None],
                                                          noise.shape)  # fmt: skip
        power /= silent.num_averages[:, None]
        excess = windows.merged_like(power) / mean - 1
        linear = float((chain.vectors * root * excess).sum()) / closed.width
        shift = float((chain.vectors * root * windows.merged_like(signal)).sum()) / closed.width
        _add_tones(power, noise, frequency, silent, rng, tones)
        start = frequency
        trial = replace(silent, power_w=power.astype(np.float32), frequency_start_hz=start)
        result = analyze(trial, options)
        at = int(np.argmin(np.abs(result.frequency_hz - closed.axion_hz)))
        fates.append((result.normalised[at], linear, shift))
        cut += len(result.spikes)
    _show_fates(np.array(fates), options, f"{tones} tones, seed {seed}")
    print(f"    {cut / experiments:.1f} bins started a cut per experiment")


def _show_fates(fates: np.ndarray, options: Options, name: str) -> None:
    """Print how many were found, plainly and with the chance in the noise taken out."""
    whole, linear = fates[:, 0] > options.threshold, fates[:, 1] > options.threshold
    each = ndtr(fates[:, 2] - options.threshold)
    predicted, n = float(each.mean()), len(fates)
    error = np.sqrt(predicted * (1 - predicted) / n)
    without_chance = each + whole - linear.astype(float)
    print(
        f"  {name}: found {whole.mean():.2%} +- {error:.2%} of {n}; the linear chain, same noise: "
        f"{linear.mean():.2%}, predicted {predicted:.2%}"
    )
    print(
        f"    with the chance in the noise taken out {without_chance.mean():.2%} +- "
        f"{without_chance.std() / np.sqrt(n):.2%}"
    )


_CACHE: dict[int, tuple[np.ndarray, np.ndarray]] = {}


def _signal(
    spectra: Spectra,
    mean: np.ndarray,
    merge: int,
    axion_hz: float,
    coupling: float,
    options: Options,
) -> tuple[np.ndarray, np.ndarray]:
    """Signal over noise in digitizer bins and the noise, from tables a tenth of a line apart."""
    key = round(axion_hz / 5.0)
    if key not in _CACHE:
        signal, _ = relative_signal(spectra, 5.0 * key, coupling, options)
        _CACHE[key] = (signal.astype(np.float32), np.repeat(mean, merge, axis=1))
    return _CACHE[key]


def _add_tones(
    power: np.ndarray, noise: np.ndarray, start_hz: np.ndarray, spectra: Spectra,
    rng: np.random.Generator, tones: int,
) -> None:  # fmt: skip
    """Steady tones of one frequency in all spectra that cover it."""
    low, high = start_hz.min(), start_hz.max() + power.shape[1] * spectra.step_hz
    for _ in range(tones):
        tone_hz = rng.uniform(low, high)
        kelvin = TONE_K * np.exp(rng.normal())
        for row, first in enumerate(start_hz):
            at = round((tone_hz - first) / spectra.step_hz)
            if 0 <= at < power.shape[1]:
                power[row, at] += noise[row, at] * kelvin / 0.2


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=100, help="of the part interference")
    parser.add_argument("--parts", nargs="+", default=["figure3", "coverage", "interference"])
    parser.add_argument("--output", type=Path, default=Path("montecarlo"))
    parser.add_argument("--only-centre", action="store_true", help="coverage at 1100 MHz alone")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    centre = background(1.1e9, 2.0, 1)
    if "figure3" in given.parts:
        figure3(centre, given.experiments, given.output)
    if "coverage" in given.parts:
        print("axions at the claimed 90 % coupling, anywhere within a bin:")
        coverage("1100 MHz, beta 2.0", centre, given.experiments, given.output)
        others = ((1091, 2.0), (1098, 2.0), (1109, 2.0), (1100, 1.8), (1100, 2.2))
        for mhz, beta in () if given.only_centre else others:
            name = f"{mhz} MHz, beta {beta}"
            coverage(name, background(mhz * 1e6, beta, 2), given.experiments, given.output)
    if "interference" in given.parts:
        print("the same through the whole chain from 10 Hz bins:")
        for tones in (0, TONES):
            interference(centre, given.experiments, tones=tones, seed=given.seed + tones)


if __name__ == "__main__":
    main()
