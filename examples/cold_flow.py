"""A cold flow in a time stream: what a quarter of an hour of a haloscope says of it.

    python examples/cold_flow.py stream.h5 --share 0.05

Draws a stream of 40 Hz about a candidate at 1.1 GHz: noise of 215 mK, and a flow that is a share
of the local density in DFSZ axions, drifting as the laboratory turns. Writes it in the layout of
``haloscope.analysis.reuse.streams`` and looks for it. Then: cryohalo flows stream.h5 --bin 0.02
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from haloscope.analysis.reuse.flows import find_flows, longest_s
from haloscope.analysis.reuse.streams import Stream, read_stream, write_stream
from haloscope.axion import coupling_dfsz, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K, SPEED_OF_LIGHT_M_PER_S

CENTRE_HZ, RATE_HZ, BIN_HZ = 1.1e9, 40.0, 0.02
NOISE_K, LINE_DB = 0.215, 0.4
SPEED_M_PER_S, ACCELERATION_M_PER_S2 = 320e3, 0.021


def flow_hz(share: float) -> float:
    """Power of a flow over the density of the noise, Hz."""
    power_w = signal_power_w(
        coupling_dfsz(CENTRE_HZ), CENTRE_HZ, field_t=10.31, volume_m3=36.85e-3, form_factor=0.6,
        loaded_q=35_000, beta=2.0,
    )  # fmt: skip
    return share * float(power_w) * 10 ** (-LINE_DB / 10) / (BOLTZMANN_J_PER_K * NOISE_K)


def drawn(share: float, seed: int) -> Stream:
    """The stream."""
    rng = np.random.default_rng(seed)
    duration_s = 0.98 * longest_s(CENTRE_HZ, BIN_HZ)
    m = int(duration_s * RATE_HZ)
    noise = rng.standard_normal((2, m)) * np.sqrt(RATE_HZ / 2)
    t = np.arange(m) / RATE_HZ
    drift = CENTRE_HZ * SPEED_M_PER_S * ACCELERATION_M_PER_S2 / SPEED_OF_LIGHT_M_PER_S**2
    phase = 2 * np.pi * (4.321 * t + 0.5 * drift * t**2 + rng.random())
    line = np.sqrt(flow_hz(share)) * np.exp(1j * phase)
    return Stream(noise[0] + 1j * noise[1] + line, RATE_HZ, CENTRE_HZ)


def main() -> None:
    """Draw, write, read, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=Path("stream.h5"))
    parser.add_argument("--share", type=float, default=0.05, help="of the local density")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write_stream(given.path, drawn(given.share, given.seed))
    stream = read_stream(given.path)
    found = find_flows(stream, BIN_HZ)
    whole = flow_hz(1.0)
    print(f"{stream.duration_s:.0f} s; a flow of {given.share:.2%} is k_B T_n times "
          f"{flow_hz(given.share):.3g} Hz")  # fmt: skip
    for one in found.flows:
        share = one.bandwidth_hz / whole
        print(f"flow at {one.frequency_hz * 1e-6:.9f} MHz, drift {one.drift_hz_per_s:+.2g} Hz/s: "
              f"{share:.2%} of the density, global p {one.global_p:.1g}")  # fmt: skip
    print(f"found with {found.confidence:.0%}: {found.limit_hz / whole:.2%} of the density in DFSZ "
          f"axions in this stream, {found.limit_mean_hz / whole:.2%} on average")  # fmt: skip


if __name__ == "__main__":
    main()
