"""The clock and the simulation loop, with a wall clock that the test turns."""

from __future__ import annotations

import asyncio

import pytest

from instruments.errors import Refused
from iocs.records import Database
from iocs.supervision.simulation import Simulation
from pvdb.parts.clock import SimClock
from pvdb.parts.clock_records import clock_records
from tests.iocs.conftest import Bench, Run
from tests.iocs.toy import Toy, toy_records


class Wall:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def advance(clock: SimClock, machine: Toy) -> None:
    while (step := clock.due_s()) > 0:
        machine.step(step)


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 2.0), (100.0, 200.0), (0.0, 2.0)])
def test_an_idle_machine_keeps_its_speed(speed: float, expected: float) -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, speed, wall)
    wall.now += 2.05
    advance(clock, toy)
    assert toy.time_s == pytest.approx(expected + 0.05 * (speed if speed > 1 else 0), abs=0.11)


def test_at_speed_zero_a_busy_machine_runs_ahead_of_the_wall() -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, 0.0, wall)
    toy.target_k = 350.0
    advance(clock, toy)
    assert toy.there
    assert toy.time_s == pytest.approx(50.0)


@pytest.mark.parametrize(("speed", "longest_s"), [(0.0, 50.0), (1.0, 1.0), (100.0, 1.0)])
def test_only_at_speed_zero_a_step_may_be_longer_than_a_second(
    speed: float, longest_s: float
) -> None:
    wall, toy = Wall(), Toy()
    toy.dt_s = 80.0
    clock = SimClock(toy, speed, wall)
    toy.target_k = 350.0
    wall.now += 1.5
    assert clock.due_s() == longest_s
    clock.paused = True
    assert clock.step_s == 1.0


def test_it_takes_the_machines_own_steps_only() -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, 1.0, wall)
    wall.now += 0.199
    assert clock.due_s() == toy.dt_s
    advance(clock, toy)
    assert toy.time_s == pytest.approx(0.1)


def test_a_single_step_advances_exactly_that_much() -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, 1.0, wall)
    clock.paused = True
    clock.advance_by(0.25)
    wall.now += 1000.0
    advance(clock, toy)
    assert toy.time_s == pytest.approx(0.25, abs=1e-12)
    assert not clock.stepping


async def acted_on(database: Database) -> None:
    """Let the puts that were just begun be acted on and posted: only then does the machine move."""
    await asyncio.sleep(0)
    while database.posting:
        await asyncio.sleep(0)


@pytest.mark.parametrize("seconds", [0.05, 0.25])
def test_a_step_whose_last_piece_fails_has_been_cut_short(run: Run, seconds: float) -> None:
    async def story() -> None:
        toy = Toy()
        clock = SimClock(toy)
        clock.paused = True
        database = Database([*toy_records(toy), *clock_records(clock, 0, lambda: "")], "T:")
        simulation = Simulation(toy, clock, database)
        step = asyncio.create_task(database.put("Sim:Step", seconds))
        await acted_on(database)
        while toy.time_s < seconds - toy.dt_s:
            simulation.advance(0.0)
        toy.broken = True
        simulation.advance(60.0)
        await database.settle()
        with pytest.raises(Refused, match=f"cut short at {toy.time_s:g} s"):
            await step
        assert toy.time_s < seconds

    run(story())


@pytest.mark.parametrize("cut", ["pause", "failure"])
def test_a_step_that_is_cut_short_ends_its_put_with_an_error(run: Run, cut: str) -> None:
    async def story() -> None:
        toy = Toy()
        clock = SimClock(toy)
        clock.paused = True
        error = [""]
        table = [*toy_records(toy), *clock_records(clock, 0, lambda: error[0])]
        database = Database(table, "T:")
        simulation = Simulation(toy, clock, database)
        step = asyncio.create_task(database.put("Sim:Step", 5.0))
        await acted_on(database)
        assert clock.stepping
        if cut == "pause":
            await database.put("Sim:Pause", "Yes")
        else:
            toy.broken = True
            simulation.advance(1.0)
            assert simulation.error
        await database.settle()
        with pytest.raises(Refused, match="cut short at 0 s"):
            await step
        toy.broken = False
        again = asyncio.create_task(database.put("Sim:Step", 1.0))
        await acted_on(database)
        simulation.advance(60.0)
        await database.settle()
        await again
        assert simulation.error == ""

    run(story())


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_step_back_is_refused(seconds: float) -> None:
    clock = SimClock(Toy())
    clock.paused = True
    with pytest.raises(Refused):
        clock.advance_by(seconds)


def test_a_running_clock_is_not_stepped() -> None:
    with pytest.raises(Refused, match="pause it"):
        SimClock(Toy()).advance_by(1.0)


def test_a_change_of_speed_does_not_jump() -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, 100.0, wall)
    wall.now += 1.0
    advance(clock, toy)
    clock.speed = 1.0
    assert clock.due_s() == 0.0
    assert toy.time_s == pytest.approx(100.0)


def test_a_lag_is_forgotten_and_counted() -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, 1.0, wall)
    wall.now += 60.0
    clock.forgive_lag()
    assert clock.overruns == 1
    assert clock.due_s() == 0.0


def test_speeds_give_the_same_physics_at_the_same_times() -> None:
    def temperatures(speed: float) -> dict[float, float]:
        wall, toy = Wall(), Toy()
        clock = SimClock(toy, speed, wall)
        toy.target_k = 330.0
        seen = {}
        for _ in range(200):
            wall.now += 0.037
            while (step := clock.due_s()) > 0 and toy.time_s < 5.0:
                toy.step(step)
                seen[round(toy.time_s, 6)] = toy.temperature_k
            clock.forgive_lag()
            if toy.time_s >= 5.0:
                break
        return seen

    slow = temperatures(1.0)
    assert len(slow) >= 50
    assert slow == temperatures(100.0) == temperatures(0.0)


def test_the_loop_serves_others_between_slices_and_completes_puts(run: Run) -> None:
    """Free running, with a wall clock that moves on by itself.

    A put must not wait for the end of the physics.
    """

    async def story() -> int:
        toy = Toy()
        database = Database(toy_records(toy), "T:")
        clock = SimClock(toy, 0.0)
        driving = asyncio.create_task(Simulation(toy, clock, database).run())
        await asyncio.gather(database.put("Temp", 399.0), database.put("Acquire", 1))
        driving.cancel()
        assert database["Temp_RBV"].value == 399.0
        return toy.frames

    assert run(story()) == 1


def test_stepped_mode_gives_the_same_stream_of_values_twice(run: Run) -> None:
    async def stream() -> list[tuple[str, list[float]]]:
        from tests.iocs.conftest import monitor

        bench = Bench()
        await bench.database.post()
        names = ("Temp_RBV", "Temp", "Frames_RBV", "Acquire")
        watched = [(name, await monitor(bench.database[name])) for name in names]
        put = asyncio.create_task(bench.database.put("Temp", 301.3))
        picture = asyncio.create_task(bench.database.put("Acquire", 1))
        for seconds in (0.3, 0.25, 1.0, 2.0):
            await bench.let_pass(seconds)
        await asyncio.gather(put, picture)
        return [(name, [float(value) for value in one.values()]) for name, one in watched]

    first, second = run(stream()), run(stream())
    assert first == second
    assert len(first[0][1]) >= 4


@pytest.mark.parametrize("speed", [1.0, 50.0])
def test_the_next_step_is_due_when_it_says(speed: float) -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, speed, wall)
    wait_s = clock.until_due_s()
    assert wait_s == pytest.approx(toy.dt_s / speed)
    wall.now += 0.99 * wait_s
    assert clock.due_s() == 0.0
    wall.now += 0.02 * wait_s
    assert clock.due_s() == toy.dt_s
    assert clock.until_due_s() == 0.0


@pytest.mark.parametrize("speed", [1.0, 50.0])
def test_a_short_lag_is_caught_up(speed: float) -> None:
    wall, toy = Wall(), Toy()
    clock = SimClock(toy, speed, wall)
    wall.now += 0.4
    clock.forgive_lag()
    assert clock.overruns == 0
    advance(clock, toy)
    assert toy.time_s == pytest.approx(0.4 * speed, abs=toy.dt_s)
