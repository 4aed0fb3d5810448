"""Small files as other laboratories bring them, and the commands that read them.

    python examples/foreign/make_files.py FOLDER

Writes spectra of a receiver without a JPA at 700 MHz as CSV tables with a description, and as HDF5;
a cavity's reflection as Touchstone, an amplifier with and without its pump, and a line at the
cavity and at the open switch. Then run what it prints.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from haloscope.analysis.exchange.interchange import write_spectra
from haloscope.analysis.exchange.tables import read_described

STEP_HZ, BINS, SPECTRA = 200.0, 1000, 12
CAVITY_HZ, LOADED_Q, BETA = 700e6, 50_000.0, 2.0

DESCRIPTION = f"""# Spectra of a receiver of flat gain at 700 MHz, and how to analyse them.
format = "cryohalo-spectra-csv"
version = 1
volume_m3 = 0.136
field_ratio = 1.0

[list]
file = "list.csv"
table = "spectrum_{{number}}.csv"

[values]
num_averages = 100000
cavity_frequency_hz = {{ column = "cavity_hz" }}
loaded_q = {LOADED_Q}
beta = {BETA}
magnet_field_t = 7.6
form_factor = 0.4
jpa_resonance_hz = "cavity_frequency_hz"
jpa_bandwidth_hz = 1e9
jpa_gain_peak_db = 0.0

[errors]
loaded_q = 500.0

[calibration]
receiver_gain_db = 100.0
line_attenuation_db = 0.0
assumed = ["receiver_gain_db"]

[options]
baseline = "pade"
pade_degree = 3
"""


def write_tables(folder: Path, rng: np.random.Generator) -> None:
    """One table for each spectrum, a list of them, and the description."""
    offset = (np.arange(BINS) - BINS // 2) * STEP_HZ
    mean = 1.38e-23 * STEP_HZ * 0.5 * (1 + 0.2 / (1 + (offset / 7e3) ** 2)) * 1e10
    lines = ["number,cavity_hz"]
    for number in range(SPECTRA):
        cavity_hz = CAVITY_HZ + 5e3 * number
        power = mean * rng.standard_gamma(1e5, BINS) / 1e5
        table = np.stack([cavity_hz + offset, power], axis=1)
        np.savetxt(folder / f"spectrum_{number}.csv", table, fmt="%.12g", delimiter=",",
                   header="frequency_hz,power_w", comments="")  # fmt: skip
        lines.append(f"{number},{cavity_hz:.1f}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    (folder / "spectra.toml").write_text(DESCRIPTION)


def write_trace(
    path: Path, frequency_hz: np.ndarray, s: np.ndarray, rng: np.random.Generator
) -> None:
    """One S-parameter as Touchstone or CSV, with noise of a thousandth."""
    noise = rng.standard_normal((2, len(s))) * 1e-3 * np.abs(s).max()
    rows = np.stack([frequency_hz, s.real + noise[0], s.imag + noise[1]], axis=1)
    if path.suffix == ".csv":
        np.savetxt(path, rows, fmt="%.12g", delimiter=",", header="frequency_hz,re,im", comments="")
    else:
        np.savetxt(path, rows, fmt="%.12g", header="Hz S RI R 50", comments="# ")


def write_two_ports(
    path: Path, frequency_hz: np.ndarray, through: np.ndarray, rng: np.random.Generator
) -> None:
    """A transmission between two ports that reflect all, as Touchstone, with noise."""
    noise = rng.standard_normal((2, len(through))) * 1e-3 * np.abs(through).max()
    s21 = through + noise[0] + 1j * noise[1]
    every = [np.ones_like(s21), s21, s21, np.ones_like(s21)]
    rows = [frequency_hz, *(part for s in every for part in (s.real, s.imag))]
    np.savetxt(path, np.stack(rows, axis=1), fmt="%.12g", header="Hz S RI R 50", comments="# ")


def write_traces(folder: Path, rng: np.random.Generator) -> None:
    """A cavity, an amplifier, a line."""
    nu = CAVITY_HZ + 6 * CAVITY_HZ / LOADED_Q * np.linspace(-0.5, 0.5, 401)
    inside = 1 / (1 + 2j * LOADED_Q * (nu / CAVITY_HZ - 1))
    cable = 0.5 * np.exp(-2j * np.pi * 40e-9 * (nu - CAVITY_HZ))
    write_trace(folder / "cavity.s1p", nu, cable * (2 * BETA / (1 + BETA) * inside - 1), rng)
    write_two_ports(folder / "both.s2p", nu, 0.01 * inside, rng)
    nu = CAVITY_HZ + np.linspace(-1e6, 1e6, 401)
    gain = 1 + 99 / (1 + (2 * (nu - CAVITY_HZ) / 200e3) ** 2)
    through = 0.1 * np.exp(-2j * np.pi * 30e-9 * (nu - CAVITY_HZ))
    write_trace(folder / "pump_on.csv", nu, np.sqrt(gain) * through, rng)
    write_trace(folder / "pump_off.csv", nu, through, rng)
    floating = 0.8 * np.exp(-2j * np.pi * 30e-9 * (nu - CAVITY_HZ))
    write_trace(folder / "open.s1p", nu, floating, rng)
    write_trace(folder / "full.s1p", nu, 10 ** (-2 * 0.4 / 20) * floating, rng)


def main() -> None:
    """Write them, and say what reads them."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "foreign_files")
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    write_tables(folder, rng)
    write_spectra(folder / "spectra.h5", read_described(folder / "spectra.toml").spectra)
    write_traces(folder, rng)
    print(f"cryohalo analyze {folder}/spectra.toml")
    print(f"cryohalo analyze {folder}/spectra.h5 --baseline pade --degree 3")
    print(f"cryohalo trace {folder}/cavity.s1p")
    print(f"cryohalo trace {folder}/both.s2p --s 21")
    print(f"cryohalo trace {folder}/pump_on.csv --as gain --reference {folder}/pump_off.csv")
    print(f"cryohalo trace {folder}/full.s1p --as attenuation --reference {folder}/open.s1p")


if __name__ == "__main__":
    main()
