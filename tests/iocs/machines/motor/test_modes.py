"""What SPMG, jogs, tweaks and home searches do, and what waits for them."""

from __future__ import annotations

import asyncio

import pytest

from instruments.errors import Refused
from pvdb.parts.motor_status import Bits
from tests.iocs.conftest import Run
from tests.iocs.machines.motor.conftest import MotorBench


def test_tweak_home_and_pause(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.put("TWV", 0.5)
        tweak = rod.start("TWF", 1)
        await rod.let_pass(1.0)
        await tweak
        assert rod["RBV"] == 0.5
        move = rod.start("VAL", 2.0)
        await rod.let_pass(0.5)
        await rod.put("SPMG", "Pause")
        await rod.let_pass(1.0)
        assert not move.done()
        assert rod["RBV"] == pytest.approx(1.0)
        await rod.put("SPMG", "Go")
        await rod.let_pass(1.5)
        await move
        assert rod["RBV"] == 2.0
        assert not int(rod["MSTA"]) & Bits.HOMED
        home = rod.start("HOMR", 1)
        await rod.let_pass(13.0)
        await home
        assert rod["RBV"] == rod["VAL"] == -10.0
        assert int(rod["MSTA"]) & Bits.HOMED

    run(story())


def test_a_pause_at_rest_leaves_it_done(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 0.5)
        await rod.let_pass(1.0)
        await move
        await rod.put("SPMG", "Pause")
        await rod.let_pass(0.2)
        assert (rod["DMOV"], rod["MOVN"]) == (1, 0)
        await rod.put("SPMG", "Go")
        assert (rod["DMOV"], rod["VAL"]) == (1, 0.5)

    run(story())


def test_a_paused_move_that_may_not_go_on_stays_paused(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 2.0)
        await rod.let_pass(0.5)
        await rod.put("SPMG", "Pause")
        rod.lock = "digitizing"
        with pytest.raises(Refused, match="digitizing"):
            await rod.put("SPMG", "Go")
        await rod.let_pass(0.2)
        assert (rod["SPMG"], rod["DMOV"]) == ("Pause", 0)
        rod.lock = ""
        await rod.put("SPMG", "Go")
        await rod.let_pass(3.0)
        await move
        assert rod["RBV"] == 2.0

    run(story())


@pytest.mark.parametrize("jog", ["JOGF", "JOGR"])
def test_the_end_of_a_jog_stops_that_jog_and_no_other_motion(
    rod: MotorBench, run: Run, jog: str
) -> None:
    other = "JOGR" if jog == "JOGF" else "JOGF"

    async def story() -> None:
        puts = [rod.start("VAL", 2.0)]
        await rod.let_pass(0.5)
        puts.append(rod.start(jog, 0))
        await rod.let_pass(0.1)
        assert (rod["MOVN"], rod["VAL"]) == (1, 2.0)
        await rod.let_pass(3.0)
        await asyncio.gather(*puts)
        puts = [rod.start(jog, 1)]
        await rod.let_pass(1.0)
        puts.append(rod.start(other, 0))
        await rod.let_pass(0.1)
        assert (rod["MOVN"], rod[jog], rod["VAL"]) == (1, 1, 2.0)
        puts.append(rod.start(jog, 0))
        await rod.let_pass(0.5)
        await asyncio.gather(*puts)
        assert (rod["MOVN"], rod[jog]) == (0, 0)
        assert rod["VAL"] == rod["RBV"] != 2.0

    run(story())


def test_what_waits_for_go_is_refused_there_by_an_interlock_and_goes_on_waiting(
    rod: MotorBench, run: Run
) -> None:
    rod.lock = "digitizing"

    async def story() -> None:
        await rod.put("SPMG", "Pause")
        puts = [rod.start("VAL", 2.0)]
        await rod.let_pass(0.2)
        with pytest.raises(Refused, match="Rod: digitizing"):
            await rod.put("SPMG", "Move")
        assert (rod["SPMG"], rod["VAL"], rod["DMOV"]) == ("Pause", 2.0, 0)
        rod.lock = ""
        await rod.put("SPMG", "Go")
        await rod.let_pass(3.0)
        await asyncio.gather(*puts)
        assert rod["RBV"] == 2.0

    run(story())


def test_a_target_that_may_not_follow_a_home_search_is_forgotten(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        puts = [rod.start("HOMF", 1)]
        await rod.let_pass(1.0)
        puts.append(rod.start("VAL", 2.0))
        await rod.let_pass(1.0)
        rod.lock = "digitizing"
        await rod.let_pass(20.0)
        await asyncio.gather(*puts)
        assert rod["VAL"] == rod["RBV"] == -10.0

    run(story())
