"""Plain cycling of the refrigerator for 3000 cycles with 40 and 80 lumps along a bed, at 600 uW.

    python -m benchmarks.studies.refrigerator_long_runs [LUMPS ...]

Both begin with the same straight profiles from the stage to 0.88 K and the filling's 3He
everywhere, noiseless; mean and swing of the plate are printed after 10, 60, 560 and 3000 cycles
(simulated time 150 hours; the bath is refilled as it goes).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Final

from amrr.parameters import RefrigeratorParameters
from amrr.periodic import guess, to_cycle_start
from amrr.refrigerator import SimulatedRefrigerator

AFTER: Final = (10, 60, 560, 3000)
LOAD_W: Final = 600e-6


def run(lumps: int) -> None:
    """Cycle one machine and print what it comes to."""
    parameters = RefrigeratorParameters()
    bed = replace(parameters.regenerator, nodes=lumps)
    machine = SimulatedRefrigerator(replace(parameters, regenerator=bed))
    machine.set_quiet(True)
    machine.chx_heater.power_setpoint_w = LOAD_W
    machine.cycle.run()
    to_cycle_start(machine)
    guess(machine, 0.88)
    for count in range(1, AFTER[-1] + 1):
        machine.step(machine.cycle.period_s)
        if machine.bath.level < 0.3:
            machine.bath.filling = True
        if count in AFTER:
            c = machine.cycle
            swing = c.max_chx_temperature_k - c.min_chx_temperature_k
            print(
                f"{lumps} lumps, after {count} cycles: {c.mean_chx_temperature_k:.5f} K, "
                f"swing {1e3 * swing:.2f} mK",
                flush=True,
            )


if __name__ == "__main__":
    for number in [int(text) for text in sys.argv[1:]] or [40, 80]:
        run(number)
