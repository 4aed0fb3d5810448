"""Take a spectrum the slow way, from a time series, and hold it against Gamma(N)/N.

    python examples/haloscope_time_series.py [N]

Each of the N records has 100 000 complex samples of noise with the machine's own spectrum, axion
included. Narrow spurious lines are left out: without a window they leak into neighbouring bins, as
they do in the real instrument.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy import stats

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters

QUIET = {
    "receiver": {"comb_power_k": 0.0, "interference_per_hour": 0.0},
    "jpa": {"leakage_power_w": 0.0},
}


def main(averages: int) -> None:
    machine = SimulatedHaloscope(
        HaloscopeParameters.from_mapping(QUIET), seed=0, lines=[AxionLine(1.1e9 + 10e3, 6.7e-15)]
    )
    machine.jpa.pump_on = True
    machine.digitizer.averages = averages
    exact = stats.gamma(averages, scale=1 / averages)
    samples = {}
    for name, slow in (("time series", True), ("Gamma(N)/N", False)):
        machine.digitizer.time_series = slow
        machine.digitizer.acquire()
        while machine.busy:
            machine.step(machine.dt_s)
        x = machine.digitizer.spectrum_w / machine.mean_spectrum_w(1.1e9)
        samples[name] = x
        test = stats.kstest(x, exact.cdf)
        neighbours = np.corrcoef(x[1:], x[:-1])[0, 1]
        print(
            f"{name:12s} N = {averages}: mean {x.mean():.6f}, width {100 * x.std():.4f} %"
            f" (exact {100 / np.sqrt(averages):.4f} %), KS distance {test.statistic:.5f},"
            f" p = {test.pvalue:.3f}, neighbours {neighbours:+.4f}"
        )
    test = stats.ks_2samp(*samples.values())
    print(f"one against the other: KS distance {test.statistic:.5f}, p = {test.pvalue:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
