"""CPU time of one step of a scan in process, by its parts: tune, couple, set the JPA, take 500 s.

    OMP_NUM_THREADS=1 python benchmarks/haloscope_step.py [steps]

The plans on the simulated device, each part as a plan of its own: machine, device and RunEngine
together, without network and without recording. ``benchmarks/plans_step.py`` times whole scans.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from bluesky.utils import MsgGenerator

from benchmarks.results import hand_in
from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.axion import AxionLine
from plans.haloscope.digitizing import digitize
from plans.haloscope.tuning import Amplifier, Rod, set_coupling, set_jpa, tune_to
from plans.shared.common import in_run

#: A spectrum of 5000 averages takes this long, s: the digitizer is not live all the time.
SPECTRUM_S = 500 / 0.995


def parts_of(haloscope: Any) -> dict[str, Callable[[float], MsgGenerator[Any]]]:
    """The parts of a step at a target in MHz; what one step learns serves the next."""
    rod, amplifier = Rod(), Amplifier()
    return {
        "tune": lambda mhz: tune_to(haloscope, mhz, rod=rod),
        "couple": lambda mhz: set_coupling(haloscope, frequency_mhz=mhz),
        "jpa": lambda mhz: set_jpa(haloscope, mhz, amplifier=amplifier),
        "spectrum": lambda mhz: in_run(digitize(haloscope, mhz, 5000, "primary"), {}),
    }


def main(steps: int) -> None:
    haloscope = Haloscope(name="haloscope", seed=1, lines=[AxionLine(1.1002e9, 6.7e-16)])
    engine, machine = make_run_engine(), haloscope.bench.machine
    parts = parts_of(haloscope)
    for part in parts.values():
        engine(part(1100.0))
    cpu_ms: dict[str, list[float]] = {name: [] for name in parts}
    tuning_s = []
    for number in range(1, steps + 1):
        before_s = machine.time_s
        for name, part in parts.items():
            start = process_time()
            engine(part(round(1100.0 + 0.01 * number, 6)))
            cpu_ms[name].append(1e3 * (process_time() - start))
        tuning_s.append(machine.time_s - before_s - SPECTRUM_S)
    for name, times in cpu_ms.items():
        print(f"{name:10s} mean {np.mean(times):6.2f} ms")
    total = sum(float(np.mean(times)) for times in cpu_ms.values())
    print(f"{'step':10s} mean {total:6.2f} ms of CPU")
    hand_in("a step in process, processor", total, "ms")
    print(f"simulated time beside the 500 s: {np.mean(tuning_s):.1f} s")
    close_run_engine(engine)
    haloscope.bench.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
