"""Two cycles of the refrigerator."""

from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold

machine = SimulatedRefrigerator(seed=1)
start_cold(machine)
machine.step(360.0)
assert 0.5 < machine.cycle.mean_chx_temperature_k < 1.2
