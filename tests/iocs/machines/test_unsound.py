"""A refrigerator with a number that is none: the IOC says where, and goes on serving."""

from __future__ import annotations

import asyncio

import numpy as np

from amrr.circuit import rows
from tests.iocs.driving import let_pass
from tests.iocs.plants import make


def test_the_ioc_says_where_the_number_is_and_lives_on() -> None:
    async def story() -> None:
        ioc = make("amrr", "--seed", "1")
        ioc.clock.paused = True
        machine = ioc.plant.machine
        await let_pass(ioc, 1.0)
        good = machine.state()
        machine._arrays()["nodes"][rows.TEMPERATURE, 12] = np.nan
        ioc.clock.advance_by(5.0)
        ioc.simulation.advance(60.0)
        await ioc.database.post()
        said = str(ioc.database.channels["Sim:Error_RBV"].value)
        assert "temperature of regenerator B, lump 8 of 40 is nan" in said
        assert ioc.clock.paused
        # It still takes puts, and runs again from a good state.
        await ioc.database.put("Sim:Speed", 2.0)
        machine.restore(good)
        await let_pass(ioc, 1.0)
        assert np.isfinite(machine.chx_temperature_k)
        assert machine.time_s > 1.5

    asyncio.run(story())
