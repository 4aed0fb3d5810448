"""Measured spectra of another haloscope: QUAX (INFN Legnaro), arXiv:2304.07505.

The runs are those of the public repository enlupi/QUAX in averaged form: ``runs.csv`` with cavity
frequency, loaded Q, coupling and temperature of each run, ``run_N.csv`` with the mean power of each
2000 s slice in converter units, 3072 bins of 651 Hz. No such file is part of this project; give the
folder. The paper's constants are below. The steps are ours, with its window (200 bins around the
cavity). Its baseline, a first-order pole-zero ratio times a line, is a cubic over a quadratic
(``shapes.PadeShape`` of degree 3); on these runs it leaves a bend that widens the grand spectrum by
a third, so the model is chosen by what the data say (module ``quality.ladder``). The line is 10 kHz
wide here, so spectra are not merged.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Calibration, FloatArray, Spectra, concatenate
from instruments.foreign_files import read_bounded

FIELD_T = 8.0  # Stated by the paper.
EFFECTIVE_VOLUME_M3 = 3.4e-5  # V C_030, stated by the paper.
NOISE_TEMPERATURE_K = 3.5  # With the converter's aliasing (2.06 K x 1.7), the scale of the power.
NOISE_TEMPERATURE_ERROR = 0.13 / 2.06  # Relative, stated by the paper.
AVERAGES_PER_SLICE = 1.37e6  # Stated by the paper's repository, approximately.
WINDOW_BINS = 200  # Stated by the paper.
LINE_BINS = 60  # 39 kHz: holds >99.9 % of the line, as 4050 Hz do at 1.1 GHz.

MOST_BYTES = 500_000_000  # Of a file; those of the repository have up to 6 MB.
_FEWEST_BINS, _FEWEST_COLUMNS = 2, 2

ASSUMPTIONS = (
    "axions are all of the local dark matter, 0.45 GeV/cm^3, standard halo, 270 km/s rms",
    f"field {FIELD_T} T, effective volume V*C = {EFFECTIVE_VOLUME_M3 * 1e3:g} litre",
    f"mean power at the cavity frequency is k_B * {NOISE_TEMPERATURE_K} K per bin width, gain flat",
    f"{AVERAGES_PER_SLICE:.3g} periodograms per slice of 2000 s",
    "cavity frequency, loaded Q and beta as listed per run, without uncertainty",
    "no attenuation between cavity and amplifier",
    f"T_n known to {NOISE_TEMPERATURE_ERROR:.1%}, taken off the expected signal-to-noise ratio",
)


@dataclass(frozen=True)
class QuaxRun:
    """One line of ``runs.csv``."""

    number: int
    cavity_frequency_hz: float
    loaded_q: float
    beta: float


def runs(folder: Path | str) -> list[QuaxRun]:
    """The runs listed in ``runs.csv``.

    Raises:
        OSError: The folder has no ``runs.csv``, or it cannot be read.
        ValueError: It is no list of runs.
    """
    path = Path(folder) / "runs.csv"
    lines = read_bounded(path, MOST_BYTES).decode().splitlines()
    try:
        return [
            QuaxRun(
                int(row["run"]),
                float(row["cavity_frequency_Hz"]),
                float(row["QL"]),
                float(row["beta"]),
            )
            for row in csv.DictReader(lines)
        ]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: not a list of runs: {type(error).__name__} {error}") from error


def step_hz(folder: Path | str, run: int) -> float:
    """Bin width of a run, Hz."""
    frequency = _columns(folder, run)[:, 0]
    return float((frequency[-1] - frequency[0]) / (len(frequency) - 1))


def read_run(folder: Path | str, run: QuaxRun) -> Spectra:
    """All slices of one run as a stack; the power stays in converter units.

    Raises:
        OSError: The run's file is not in the folder, or cannot be read.
        ValueError: It is no table of frequencies and powers.
    """
    columns = _columns(folder, run.number)
    power = np.ascontiguousarray(columns[:, 1:].T)
    n = len(power)
    full = np.full(n, 1.0)
    return Spectra(
        power_w=power,
        frequency_start_hz=full * columns[0, 0],
        step_hz=step_hz(folder, run.number),
        num_averages=full * AVERAGES_PER_SLICE,
        target_frequency_hz=full * run.cavity_frequency_hz,
        cavity_frequency_hz=full * run.cavity_frequency_hz,
        loaded_q=full * run.loaded_q,
        beta=full * run.beta,
        jpa_resonance_hz=full * run.cavity_frequency_hz,
        jpa_bandwidth_hz=full * 1e9,
        jpa_gain_peak_db=full * 0.0,
        magnet_field_t=full * FIELD_T,
        form_factor=full,
        calibration=Calibration(
            line_attenuation_db=0.0,
            noise_temperature_k=NOISE_TEMPERATURE_K,
            assumed=("line_attenuation_db",),
        ),
        volume_m3=EFFECTIVE_VOLUME_M3,
        field_ratio=1.0,
        labels=tuple(f"{run.number}:{k + 1}" for k in range(n)),
    )


def read(folder: Path | str) -> Spectra:
    """All runs of a folder in one stack."""
    return concatenate([read_run(folder, run) for run in runs(folder)])


def options(bin_hz: float) -> Options:
    """The settings for these spectra: the paper's window, no merging, the baseline left open.

    Args:
        bin_hz: Bin width, Hz.
    """
    return Options(
        window_hz=WINDOW_BINS * bin_hz,
        fine_merge=1,
        coarse_merge=1,
        line_bins=LINE_BINS,
        baseline="auto",
        filter_average=False,
        noise_systematic=NOISE_TEMPERATURE_ERROR,
    )


def _columns(folder: Path | str, run: int) -> FloatArray:
    path = Path(folder) / f"run_{run}.csv"
    lines = read_bounded(path, MOST_BYTES).decode().splitlines()
    try:
        columns = np.loadtxt(lines, delimiter=",", skiprows=1, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: not a table of numbers: {error}") from error
    if columns.shape[0] < _FEWEST_BINS or columns.shape[1] < _FEWEST_COLUMNS:
        raise ValueError(f"{path}: a table of shape {columns.shape}, needed bins and a slice")
    return columns
