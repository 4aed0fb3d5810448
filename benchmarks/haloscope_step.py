"""CPU time of one step of a scan inside the machine: tune, couple, set the JPA, take 500 s of data.

    OMP_NUM_THREADS=1 python benchmarks/haloscope_step.py [steps]

Everything that a plan does at a step, but through the machine's own interface: no process
variables, no plan.
"""

from __future__ import annotations

import sys
from time import process_time

import numpy as np

from haloscope import commissioning as operator
from haloscope.apparatus.experiment import Haloscope
from haloscope.axion import AxionLine


def main(steps: int) -> None:
    machine = Haloscope(seed=1, lines=[AxionLine(1.1002e9, 6.7e-16)])
    operator.tune(machine, 1.1e9)
    parts: dict[str, list[float]] = {"tune": [], "couple": [], "jpa": [], "spectrum": []}
    tuning_s = []
    for number in range(1, steps + 1):
        target_hz = 1.1e9 + 10e3 * number
        before_s = machine.time_s
        tasks = {
            "tune": lambda: operator.tune(machine, target_hz),  # noqa: B023
            "couple": lambda: operator.couple(machine, target_hz, 2.0, tolerance=0.2),  # noqa: B023
            "jpa": lambda: operator.set_jpa(machine, target_hz, tolerance_db=0.4),  # noqa: B023
            "spectrum": lambda: operator.digitize(machine, target_hz, 5000),  # noqa: B023
        }
        for name, task in tasks.items():
            start = process_time()
            task()
            parts[name].append(1e3 * (process_time() - start))
        tuning_s.append(machine.time_s - before_s - 500 / 0.995)
    for name, times in parts.items():
        print(f"{name:10s} mean {np.mean(times):6.2f} ms")
    total = sum(float(np.mean(times)) for times in parts.values())
    print(f"{'step':10s} mean {total:6.2f} ms of CPU")
    print(f"simulated time beside the 500 s: {np.mean(tuning_s):.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
