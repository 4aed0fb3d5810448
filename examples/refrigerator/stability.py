"""How steadily the refrigerator holds 0.95 K, measured by a plan through the IOC.

    python examples/refrigerator/stability.py [--ballast 5] [--figure FILE]

Starts an IOC whose plate carries a thermal ballast (0.25 kg of garnet, 5 J/K at 1 K), runs
``plans.refrigerator.stability.temperature_stability`` on it twice, with the loop alone and fed
forward from the phase of the cycle, and draws from the recorded events: the mean cycle, the
spectrum, the Allan deviation. All numbers are the thermometer's, its noise included.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

from cryohalo.processes.launcher import LaunchedIoc, Launcher
from instruments.drawing import save, styled
from instruments.stability import allan_deviation, spectrum

SETPOINT_K = 0.95
#: P in uW/K for each J/K of ballast, and for the bare plate; I in 1/s.
GAINS = {True: (200e3, 0.1), False: (50e3, 0.2)}


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Both runs, each as its result, readings (K) and powers (µW) of shape (cycles, phases)."""
    parameters = folder / "machine.toml"
    parameters.write_text(f"[exchangers]\ncold_ballast_j_per_k = {options.ballast:g}\n")
    arguments = ("--speed", str(options.speed), "--seed", "1", "--parameters", str(parameters))
    with Launcher([LaunchedIoc("amrr", arguments=arguments)], log_folder=folder) as launcher:
        os.environ.update(launcher.environment)  # before the client's library is loaded
        from cryohalo.session import Session
        from plans.refrigerator.running import cooldown
        from plans.refrigerator.stability import temperature_stability

        found = {}
        with Session.open(options.catalog or folder / "catalog", amrr_prefix="AMRR:") as session:
            fridge = session.refrigerator
            session.run_engine(cooldown(fridge, heater_power_uw=630.0, tolerance_k=0.02))
            gain, integral = GAINS[options.ballast > 0.0]
            for label, ahead in (("loop alone", False), ("fed forward", True)):
                plan = temperature_stability(
                    fridge, SETPOINT_K, cycles=options.cycles, feed_forward=ahead,
                    proportional_uw_per_k=gain * (options.ballast or 1.0),
                    integral_per_s=integral,
                )  # fmt: skip
                result = session.run_engine(plan).plan_result
                run = list(session.catalog)[-1]
                names = "refrigerator_chx_phases_temperatures", "refrigerator_chx_phases_powers"
                table = run.table(*names)
                found[label] = (result, *(table[name] for name in names))
                tell(label, result)
    return found


def tell(label: str, result: Any) -> None:
    """Print what a run found."""
    n = {name: 1e6 * value for name, value in result.numbers.items() if name != "cycles"}
    print(
        f"{label}: {result.numbers['cycles']} cycles after {result.settling_cycles} "
        f"({'settled' if result.settled else 'not settled'}, {result.unseen} unseen)\n"
        f"  mean {result.numbers['mean']:.6f} K at {result.mean_power_uw:.1f} uW\n"
        f"  within a cycle {n['within_cycle']:.1f} uK rms: repeating {n['repeating']:.1f}, "
        f"random {n['random']:.1f} (thermometer and temperature together)\n"
        f"  between cycles {n['between_cycles']:.2f} uK; independent samples would give "
        f"{n['expected_between']:.2f}",
        flush=True,
    )


@styled
def draw(found: dict[str, Any], period_s: float, path: Path) -> None:
    """The mean cycle, its power, the spectrum and the Allan deviation."""
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.5), layout="constrained")
    for label, (_, kelvin, microwatts) in found.items():
        spacing_s = period_s / kelvin.shape[1]
        phase_s = spacing_s * (np.arange(kelvin.shape[1]) + 0.5)
        axes[0, 0].plot(phase_s, 1e6 * (kelvin.mean(axis=0) - SETPOINT_K), label=label)
        axes[0, 1].plot(phase_s, microwatts.mean(axis=0), label=label)
        series = kelvin.ravel()
        frequency_hz, density = spectrum(series, spacing_s, 5 * kelvin.shape[1])
        axes[1, 0].loglog(1e3 * frequency_hz, 1e6 * np.sqrt(density), linewidth=0.8)
        times_s, deviation = allan_deviation(series, spacing_s)
        axes[1, 1].loglog(times_s, 1e6 * deviation, "o-", markersize=3)
    random = found["fed forward"][0].numbers["random"]
    axes[1, 1].loglog(
        times_s, 1e6 * random * np.sqrt(spacing_s / times_s), "k:", label="independent samples"
    )
    axes[0, 0].set(xlabel="time in the cycle (s)", ylabel="reading - 0.95 K, mean cycle (µK)")
    axes[0, 1].set(xlabel="time in the cycle (s)", ylabel="heater power, mean cycle (µW)")
    axes[1, 0].set(xlabel="frequency (mHz)", ylabel="reading (µK/√Hz)")
    axes[1, 1].set(xlabel="averaging time (s)", ylabel="Allan deviation of the reading (µK)")
    for panel in (axes[0, 0], axes[1, 1]):
        panel.legend()
    for panel in axes.flat:
        panel.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ballast", type=float, default=5.0, help="on the plate, J/K at 1 K")
    parser.add_argument("--cycles", type=int, default=40)
    parser.add_argument("--speed", type=float, default=300.0)
    parser.add_argument("--catalog", type=Path, default=None, help="kept; default: thrown away")
    parser.add_argument("--figure", type=Path, default=Path("docs/figures/amrr_stability.png"))
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    draw(found, 180.0, options.figure)


if __name__ == "__main__":
    main()
