"""A magnet supply as its operators know it: ramp, pause, zero, abort, limits, completion."""

from __future__ import annotations

import asyncio

import pytest

from instruments.errors import Refused
from iocs.ioc import Ioc
from iocs.records import Superseded
from tests.iocs.conftest import Run
from tests.iocs.driving import let_pass, start, wait_for
from tests.iocs.plants import make


@pytest.fixture
def ioc() -> Ioc:
    ioc = make("haloscope", "--seed", "4")
    ioc.clock.paused = True
    return ioc


def read(ioc: Ioc, name: str) -> float:
    return float(ioc.database[f"Magnet:{name}"].value)


def test_a_put_to_field_completes_when_the_coil_is_there(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        ramp = start(ioc, "Magnet:Field", 11.9)
        await let_pass(ioc, 20.0)
        assert not ramp.done()
        assert ioc.database["Magnet:State_RBV"].value == "Ramping"
        assert 11.9 < read(ioc, "Field_RBV") < 12.0
        await wait_for(ioc, ramp)
        assert read(ioc, "Field_RBV") == pytest.approx(11.9, abs=1e-3)
        assert ioc.database["Magnet:State_RBV"].value == "Holding"
        assert read(ioc, "Current") == pytest.approx(11.9 / 12 * 300, abs=1e-6)

    run(story())


def test_pause_lets_the_put_wait_and_ramp_goes_on(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        ramp = start(ioc, "Magnet:Field", 11.9)
        await let_pass(ioc, 10.0)
        await ioc.database.put("Magnet:Command", "Pause")
        await let_pass(ioc, 5.0)
        paused_at = read(ioc, "Current_RBV")
        await let_pass(ioc, 100.0)
        assert read(ioc, "Current_RBV") == pytest.approx(paused_at, abs=1e-3)
        assert not ramp.done()
        await ioc.database.put("Magnet:Command", "Ramp")
        await wait_for(ioc, ramp)

    run(story())


@pytest.mark.parametrize("command", ["Zero", "Abort"])
def test_zero_and_abort_end_the_put_with_an_error(ioc: Ioc, run: Run, command: str) -> None:
    async def story() -> None:
        ramp = start(ioc, "Magnet:Current", 290.0)
        await let_pass(ioc, 10.0)
        await ioc.database.put("Magnet:Command", command)
        await let_pass(ioc, 5.0)
        with pytest.raises(Refused, match="ended by another command"):
            await ramp

    run(story())


def test_a_quench_ends_the_put_and_stays_latched_until_reset(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        ramp = start(ioc, "Magnet:Current", 290.0)
        await let_pass(ioc, 5.0)
        ioc.plant.machine.quench()
        await let_pass(ioc, 10.0)
        with pytest.raises(Refused, match="quench"):
            await ramp
        with pytest.raises(Refused, match="coil still"):
            await ioc.database.put("Magnet:QuenchReset", 1)
        assert ioc.database["Magnet:Quench_RBV"].value == "Yes"
        while abs(read(ioc, "Current_RBV")) > 1e-4 or read(ioc, "CoilTemp_RBV") > 5.0:
            await let_pass(ioc, 500.0)
        await ioc.database.put("Magnet:QuenchReset", 1)
        await ioc.database.post()
        assert ioc.database["Magnet:Quench_RBV"].value == "No"
        assert ioc.database["Magnet:State_RBV"].value == "At zero"

    run(story())


def test_a_second_target_supersedes_the_first(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        first = start(ioc, "Magnet:Current", 299.0)
        await let_pass(ioc, 5.0)
        second = start(ioc, "Magnet:Current", 299.9)
        await let_pass(ioc, 1.0)
        with pytest.raises(Superseded):
            await first
        await wait_for(ioc, second)

    run(story())


@pytest.mark.parametrize(("earlier", "later"), [("Current", "Field"), ("Field", "Current")])
def test_current_and_field_set_one_target_and_supersede_each_other(
    ioc: Ioc, run: Run, earlier: str, later: str
) -> None:
    targets = {"Current": 299.0, "Field": 11.98}

    async def story() -> None:
        first = start(ioc, f"Magnet:{earlier}", targets[earlier])
        await let_pass(ioc, 1.0)
        second = start(ioc, f"Magnet:{later}", targets[later])
        await let_pass(ioc, 1.0)
        with pytest.raises(Superseded, match=f"Magnet:{later}"):
            await first
        await wait_for(ioc, second)
        assert read(ioc, f"{later}_RBV") == pytest.approx(targets[later], abs=1e-3)

    run(story())


def test_lowering_the_current_limit_lowers_the_control_limits(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        await wait_for(ioc, start(ioc, "Magnet:Current", 295.0))
        await ioc.database.put("Magnet:CurrentLimit", 296.0)
        await ioc.database.post()
        assert ioc.database["Magnet:Current"].upper_ctrl_limit == 296.0
        assert ioc.database["Magnet:Field"].upper_ctrl_limit == pytest.approx(11.84)
        with pytest.raises(Refused, match=r"outside 0 to 296 A"):
            await ioc.database.put("Magnet:Current", 298.0)

    run(story())
    asyncio.run(ioc.stop())


def test_a_fault_ends_the_put_and_says_so(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        ramp = start(ioc, "Magnet:Current", 290.0)
        await let_pass(ioc, 5.0)
        ioc.plant.machine.magnet.trip()
        await let_pass(ioc, 5.0)
        with pytest.raises(Refused, match="Magnet: fault; the target is not reached"):
            await ramp
        assert ioc.database["Magnet:State_RBV"].value == "Fault"

    run(story())
