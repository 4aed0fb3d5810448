"""Does the time that a spectrum takes tell where a hidden line is?

Two machines that differ in their line alone take spectra in turn: one has it in the middle of the
band, the other 5 MHz beside it. Printed is the difference of the mean times, over its standard
error; 3 would tell them apart. Processor time is what counts: an attacker sees the wall's, which
other programs blur. Two machines that are equal differ by up to some 10 us, by where their memory
lies; measured on a shared host of two cores: -0.8 +- 2.8 us, where the line was left out of what is
beside it 336 +- 3 us.

    python benchmarks/studies/blind_timing.py --spectra 400
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.axion import AxionLine

CENTRE_HZ = 1.1e9


def machine(offset_hz: float) -> SimulatedHaloscope:
    found = SimulatedHaloscope(seed=1, lines=[AxionLine(CENTRE_HZ + offset_hz, 1e-15)])
    found.jpa.pump_on = True
    return found


def seconds(haloscope: SimulatedHaloscope) -> float:
    began = time.thread_time()
    haloscope.mean_spectrum_w(CENTRE_HZ)
    return time.thread_time() - began


def pair(one: SimulatedHaloscope, other: SimulatedHaloscope, turn: int) -> tuple[float, float]:
    """Times of both, which take turns at being first: what comes second finds the cache warm."""
    if turn % 2:
        later = seconds(other)
        return seconds(one), later
    return seconds(one), seconds(other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spectra", type=int, default=400, help="pairs of spectra")
    pairs = parser.parse_args().spectra
    inside, beside = machine(0.0), machine(5e6)
    times = np.array([pair(inside, beside, turn) for turn in range(pairs + 20)])[20:]
    difference = times[:, 0] - times[:, 1]
    middle = np.sort(difference)[pairs // 10 : -pairs // 10]  # without the host's interruptions
    error = middle.std() / np.sqrt(middle.size)
    print(f"a spectrum takes {np.median(times) * 1e3:.2f} ms")
    print(f"in the band - beside it: {middle.mean() * 1e6:+.1f} us, error {error * 1e6:.1f} us")
    print(f"told apart by {abs(middle.mean()) / error:.1f} standard errors")


if __name__ == "__main__":
    main()
