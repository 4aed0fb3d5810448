"""HAYSTAC and ADMX by commands alone, from parameter file to limit, beside what they published.

For each: an IOC of its parameter file hides an axion, ``cryohalo run campaign`` maps, calibrates,
scans and takes again what it finds, ``cryohalo analyze`` sets the limit. One table has the
sensitivity that the radiometer's formula predicts, that of the simulated search, and the published
one. The integration per frequency is the published one; it is taken in fewer and longer steps.

    python examples/other_haloscopes.py [--output reports/others] [haystac] [admx]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryohalo.commands.iocs import haloscope_file
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from haloscope.axion import line_pdf, mass_ev, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.parameters import HaloscopeParameters

CRYOHALO = [sys.executable, "-c", "from cryohalo.cli import main; main()"]


@dataclass(frozen=True)
class Search:
    """What is searched, and what was published of it.

    Attributes:
        name: Of the shipped parameter file.
        middle_mhz: Middle of the band.
        step_khz: Distance of the targets.
        steps: To either side of the middle.
        averages: Spectra averaged at each.
        hidden_per_gev: Coupling of the axion hidden near the middle.
        noise_k: System noise on resonance, as published.
        snr: Of a line at the published limit: of a threshold, or an upper limit of the power.
        published_per_gev: Median of the published limit about there.
    """

    name: str
    middle_mhz: float
    step_khz: float
    steps: int
    averages: int
    hidden_per_gev: float
    noise_k: float
    snr: float
    published_per_gev: float


SEARCHES = (
    # 6936 spectra of 15 minutes over 100 MHz are 900 s in 14.4 kHz: 9000 s in 144 kHz.
    Search("haystac", 5750.0, 144.0, 9, 900_000, 3.6e-14, 0.83, 5.1, 2.2e-14),
    # 100 s in 2 kHz: 250 s in 5 kHz. An upper limit of 90 % is 1.645 deviations of the noise.
    Search("admx", 740.0, 5.0, 9, 2_500, 9e-16, 0.35, 1.645, 3.5e-16),
)


def targets_hz(search: Search) -> NDArray[np.float64]:
    """Targets of a search (n,), Hz."""
    places = np.arange(-search.steps, search.steps + 1)
    return 1e6 * search.middle_mhz + 1e3 * search.step_khz * places


def predicted_per_gev(search: Search, parameters: HaloscopeParameters) -> float:
    """Limit at the middle by the radiometer's formula, with the line's shape as the filter, 1/GeV.

    SNR^2 = sum over steps of (P L / k T_n)^2 tau, times the integral of the line's density squared.
    """
    p, nu_hz = parameters, 1e6 * search.middle_mhz
    detuning_hz = nu_hz - targets_hz(search)
    detuning_hz = detuning_hz[np.abs(detuning_hz) <= 0.5 * p.analysis.window_hz]
    beta, unit_per_gev = p.antenna.reference_beta, 1e-14
    power_w = signal_power_w(
        unit_per_gev,
        nu_hz,
        field_t=p.magnet.average_field_t,
        volume_m3=p.cavity.volume_m3,
        form_factor=p.cavity.form_factor,
        loaded_q=p.cavity.unloaded_q / (1 + beta),
        beta=beta,
        detuning_hz=detuning_hz,
        density_gev_per_cm3=p.axion.density_gev_per_cm3,
    )
    power_w *= 10 ** (-p.receiver.line_attenuation_db / 10)
    seconds = search.averages / p.digitizer.bin_width_hz
    above_hz = np.linspace(0, 3 * p.analysis.line_span * nu_hz, 20_001)
    density = line_pdf(nu_hz + above_hz, nu_hz)
    sharpness_s = float(np.trapezoid(density**2, above_hz))
    ratio = power_w / (BOLTZMANN_J_PER_K * search.noise_k)
    snr = float(np.sqrt(np.sum(ratio**2) * seconds * sharpness_s))
    return unit_per_gev * float(np.sqrt(search.snr / snr))


def simulated_per_gev(search: Search, output: Path) -> tuple[float, str]:
    """Limit about the middle of a simulated search, 1/GeV, and what became of the hidden axion."""
    low, high = (search.middle_mhz + side * 2e-4 * search.step_khz for side in (-1, 1))
    hidden = ("--inject", str(search.hidden_per_gev), "--inject-band", str(low), str(high))
    parameters = ("--parameters", str(haloscope_file(search.name)))
    ioc = LaunchedIoc("haloscope", arguments=("--speed", "0", *parameters, *hidden))
    catalog = str(output / "catalog")
    with Launcher([ioc]) as launcher:
        environment = {**os.environ, **launcher.environment}
        targets = targets_hz(search) * 1e-6
        told = _run(
            ["run", "campaign", "--name", search.name, "--find-crossings",
             "--start-mhz", f"{targets[0]:.6f}", "--stop-mhz", f"{targets[-1]:.6f}",
             "--step-khz", str(search.step_khz), "--averages", str(search.averages),
             "--rescan-averages", str(4 * search.averages), "--catalog", catalog, "--yes"],
            environment,
        )  # fmt: skip
    runs = re.findall(r"^((?:re)?scan), scan \d+, run (\w+)", told, re.MULTILINE)
    scans = [uid for plan, uid in runs if plan == "scan"]
    # What was taken again adds to the sensitivity where the candidate is alone.
    _run(["analyze", *scans, "--catalog", catalog, "--output", str(output)], dict(os.environ))
    limit_per_gev = _limit_per_gev(search, output)
    everything = [uid for _, uid in runs]
    told = _run(
        ["analyze", *everything, "--catalog", catalog, "--output", str(output / "all")],
        dict(os.environ),
    )
    found = [line.strip() for line in told.splitlines() if line.startswith("  candidate ")]
    return limit_per_gev, "; ".join(found) or "no candidate"


def _limit_per_gev(search: Search, output: Path) -> float:
    """Median of the limit about the middle, away from the candidate, of the published kind."""
    own = HaloscopeParameters.shipped(search.name).analysis
    mass, limit = np.loadtxt(output / "limit.txt", ndmin=2).T
    near = np.abs(mass / mass_ev(1.0) - 1e6 * search.middle_mhz) < 2e3 * search.step_khz
    of_data = near & (limit < 1e-9)  # gaps have walls of 1
    return float(np.median(limit[of_data])) * float(np.sqrt(search.snr / own.target_snr))


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    """Run a command of cryohalo; returns what it printed, which is shown too.

    Raises:
        RuntimeError: It failed.
    """
    print("$ cryohalo", " ".join(arguments), flush=True)
    ended = subprocess.run(
        [*CRYOHALO, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    print(ended.stdout, flush=True)
    if ended.returncode not in (0, 3):  # 3: a result that is not to be believed, and says so
        raise RuntimeError(f"cryohalo {arguments[0]}: exit code {ended.returncode}")
    return ended.stdout


def main() -> None:
    """Run the searches and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=[search.name for search in SEARCHES])
    parser.add_argument("--output", type=Path, default=Path("reports/others"))
    options = parser.parse_args()
    rows = []
    for search in SEARCHES:
        if search.name in options.names:
            predicted = predicted_per_gev(search, HaloscopeParameters.shipped(search.name))
            simulated, found = simulated_per_gev(search, options.output / search.name)
            rows.append((search, predicted, simulated, found))
    print("haloscope   MHz       predicted   simulated   published   simulated / published, 1/GeV")
    for search, predicted, simulated, found in rows:
        ratio = simulated / search.published_per_gev
        print(
            f"{search.name:<10}{search.middle_mhz:8.1f}{predicted:12.3g}{simulated:12.3g}"
            f"{search.published_per_gev:12.3g}{ratio:12.2f}   {found}"
        )


if __name__ == "__main__":
    main()
