"""Spectra of your own haloscope: write the interchange file, read it back, analyse it.

    python examples/analysis_interchange.py my_spectra.h5

Here the spectra are drawn on the spot: a receiver of flat gain at 700 MHz without a JPA, 200 Hz
bins, with an axion of twice the DFSZ coupling in them. Replace ``my_spectra`` by your own arrays.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from haloscope.analysis.chain.signal import inject
from haloscope.analysis.exchange.files import summary
from haloscope.analysis.exchange.interchange import read_spectra, write_spectra
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Calibration, Spectra
from haloscope.axion import coupling_dfsz

AXION_HZ, STEP_HZ, BINS = 700.05e6, 200.0, 1000

#: 200 Hz bins are a third of a 700 MHz line: no merging before the fit, none after; 13 bins hold
#: 99.9 % of the line. Without a JPA a cubic over a quadratic follows the noise.
OPTIONS = Options(
    window_hz=150e3, fine_merge=1, coarse_merge=1, line_bins=13, baseline="pade", pade_degree=3
)


def my_spectra() -> Spectra:
    """25 spectra, 5 kHz apart, each the mean of 100 000 periodograms."""
    rng = np.random.default_rng(1)
    targets = 700e6 + 5e3 * np.arange(25)
    offset = (np.arange(BINS) - BINS // 2) * STEP_HZ
    averages, n = 100_000, len(targets)
    mean = 1.38e-23 * STEP_HZ * 0.5 * (1 + 0.2 / (1 + (offset / 7e3) ** 2)) * 1e10
    return Spectra(
        power_w=mean * rng.standard_gamma(averages, (n, BINS)) / averages,
        frequency_start_hz=targets + offset[0],
        step_hz=STEP_HZ,
        num_averages=np.full(n, averages),
        target_frequency_hz=targets,
        cavity_frequency_hz=targets,
        loaded_q=np.full(n, 50_000.0),
        beta=np.full(n, 2.0),
        magnet_field_t=np.full(n, 7.6),
        form_factor=np.full(n, 0.4),
        jpa_resonance_hz=targets,
        jpa_bandwidth_hz=np.full(n, 1e9),
        jpa_gain_peak_db=np.zeros(n),
        # Gain referred to the cavity. Nobody measured this one, and the results will say so.
        calibration=Calibration(
            receiver_gain_db=100.0, line_attenuation_db=0.0, assumed=("receiver_gain_db",)
        ),
        volume_m3=0.136,
        field_ratio=1.0,
    )


def main() -> None:
    """Write, read, analyse."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "my_spectra.h5")
    spectra = inject(my_spectra(), AXION_HZ, 2 * coupling_dfsz(AXION_HZ), OPTIONS)
    write_spectra(path, replace(spectra, power_w=spectra.power_w.astype(np.float32)))
    result = analyze(read_spectra(path), OPTIONS)
    for name, value in summary(result).items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        print(f"{name.replace('_', ' '):24} {shown}")
    for found in result.candidates:
        print(f"candidate at {found.frequency_hz * 1e-6:.6f} MHz: {found.excess:.1f} sigma, "
              f"global p {found.global_p:.1g}")  # fmt: skip


if __name__ == "__main__":
    main()
