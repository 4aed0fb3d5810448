"""Motor records complete their puts when the move ends, and show it on the way."""

from __future__ import annotations

import asyncio

import pytest

from instruments.errors import Refused
from pvdb.parts.motor_status import Bits
from tests.iocs.conftest import Run, monitor
from tests.iocs.machines.motor.conftest import MotorBench


def test_a_put_completes_when_the_move_has_ended_and_rbv_is_there(
    rod: MotorBench, run: Run
) -> None:
    async def story() -> None:
        await rod.database.post()
        move = rod.start("VAL", 2.0)
        await rod.let_pass(1.0)
        assert not move.done()
        assert (rod["DMOV"], rod["MOVN"], rod["VAL"]) == (0, 1, 2.0)
        assert rod["RBV"] == pytest.approx(1.0)
        assert int(rod["MSTA"]) & Bits.MOVING
        done = await monitor(rod.database["Rod.DMOV"])
        await rod.let_pass(1.5)
        await move
        assert (rod["DMOV"], rod["MOVN"], rod["RBV"]) == (1, 0, 2.0)
        assert done.values() == [1]
        assert int(rod["MSTA"]) & Bits.DONE

    run(story())


def test_a_short_move_still_shows_dmov_going_down(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.database.post()
        done = await monitor(rod.database["Rod.DMOV"])
        move = rod.start("VAL", 0.01)
        await rod.let_pass(0.1)
        await move
        assert done.values() == [0, 1]

    run(story())


def test_dmov_goes_down_and_up_even_if_the_axis_is_there_already(rod: MotorBench, run: Run) -> None:
    rod.toy.axis.move_to = lambda _: None  # type: ignore[method-assign]

    async def story() -> None:
        await rod.database.post()
        done = await monitor(rod.database["Rod.DMOV"])
        move = rod.start("VAL", 0.0)
        await rod.let_pass(0.1)
        await move
        assert done.values() == [0, 1]

    run(story())


def test_a_motion_has_not_ended_at_the_moment_of_its_start(rod: MotorBench) -> None:
    """Guards look after a put, too; an axis that is there already must not seem done then."""
    axis, motor = rod.toy.axis, rod.motor
    axis.move_to = lambda _: None  # type: ignore[method-assign]
    motor.move(0.0)
    motor.process()
    assert (motor.at_rest(), motor.motion.moving()) == (False, True)
    rod.toy.time_s += 0.1
    motor.process()
    assert (motor.at_rest(), motor.motion.moving()) == (True, False)


def test_a_put_of_the_present_position_completes(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 0.0)
        await rod.let_pass(0.2)
        await move

    run(story())


def test_stop_ends_the_move_and_val_becomes_rbv(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 5.0)
        await rod.let_pass(1.0)
        stop = rod.start("STOP", 1)
        await rod.let_pass(0.2)
        await asyncio.gather(move, stop)
        assert rod["VAL"] == rod["RBV"] == pytest.approx(1.0)
        assert (rod["DMOV"], rod["STOP"]) == (1, 0)

    run(story())


def test_a_move_shorter_than_a_post_is_seen_to_begin_and_end(
    rod: MotorBench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posting gives way to other tasks; the machine must not use that to end the move."""

    async def story() -> None:
        done = await monitor(rod.database["Rod.DMOV"])
        process = rod.database["Rod"].process

        async def slowly(now: float) -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            await process(now)

        monkeypatch.setattr(rod.database["Rod"], "process", slowly)
        rod.clock.paused, rod.clock.speed = False, 0.0
        driving = asyncio.create_task(rod.simulation.run())
        await rod.put("VAL", 0.001)
        driving.cancel()
        assert done.values() == [0, 1]

    run(story())


def test_a_second_put_redirects_and_both_complete_at_rest(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        first = rod.start("VAL", 5.0)
        await rod.let_pass(0.5)
        second = rod.start("VAL", -1.0)
        await rod.let_pass(0.5)
        assert not first.done()
        await rod.let_pass(2.0)
        await asyncio.gather(first, second)
        assert rod["RBV"] == -1.0

    run(story())


def test_an_interlock_keeps_it_where_it_is(rod: MotorBench, run: Run) -> None:
    rod.lock = "digitizing"

    async def story() -> None:
        with pytest.raises(Refused, match="Rod: digitizing"):
            await rod.put("VAL", 1.0)

    run(story())


def test_retries_that_all_end_short_are_a_miss_until_a_move_arrives(
    rod: MotorBench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = rod.toy.axis
    to = axis.move_to

    async def story() -> None:
        await rod.put("RTRY", 2)
        monkeypatch.setattr(axis, "move_to", lambda target: to(0.5 * (axis.position + target)))
        move = rod.start("VAL", 4.0)
        await rod.let_pass(2.5)
        assert (rod["RCNT"], rod["MISS"], rod["DMOV"]) == (1, 0, 0)
        await rod.let_pass(9.0)
        await move
        assert rod["RBV"] == 3.5
        assert (rod["RCNT"], rod["MISS"], rod["DMOV"]) == (3, 1, 1)
        monkeypatch.setattr(axis, "move_to", to)
        move = rod.start("VAL", 4.0)
        await rod.let_pass(2.0)
        await move
        assert (rod["RCNT"], rod["MISS"], rod["RBV"]) == (0, 0, 4.0)

    run(story())
