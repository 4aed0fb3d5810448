"""The search for the periodic state ends where there is none."""

import pytest

from amrr.parameters import RefrigeratorParameters
from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator
from amrr.studies.ranges import with_values
from instruments.errors import Refused


def test_a_search_ends_when_a_quench_stops_the_cycle() -> None:
    values = {"regenerator_magnet.diode_cold_v": 1.5, "regenerator.nodes": 8, "dt_s": 0.5}
    machine = SimulatedRefrigerator(with_values(RefrigeratorParameters(), values))
    machine.cycle.run()
    with pytest.raises(Refused, match=r"the cycle does not run \(Regen. is latched \(quench\)"):
        settle(machine)
    assert machine.time_s < 10 * machine.cycle.period_s
