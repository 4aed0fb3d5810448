"""What fails beside the physics stops neither the physics nor its neighbours, and is told once."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import Any

import pytest

from iocs.ioc import _ended
from iocs.records import Database
from iocs.supervision.health import Health
from iocs.supervision.simulation import Chore, Simulation
from iocs.words.complaints import PERIOD_S, Complaints, words
from pvdb.parts.clock import SimClock
from pvdb.records import Severity, readback
from tests.iocs.conftest import Bench, Run, monitor
from tests.iocs.toy import Toy, toy_records


def lines(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if part in record.getMessage()]


class Refusing:
    """A subscriber's queue that takes nothing."""

    def __init__(self) -> None:
        self.asked = 0

    async def put(self, _: Any) -> None:
        """The first value, which caproto gives."""

    def hand_over(self, *_: Any) -> None:
        self.asked += 1
        raise TypeError("unsupported operand type(s) for -: 'bytes' and 'bytes'")


async def refuse_all_of(channel: Any) -> Refusing:
    """Let a subscriber of ``channel`` fail from now on."""
    from tests.iocs.conftest import VALUES, Monitor

    queue, spec = Refusing(), Monitor(channel, VALUES)._spec
    await channel.subscribe(queue, spec, None)
    return queue


# -- one subscriber ----------------------------------------------------------------------------


def test_a_subscriber_that_fails_does_not_reach_who_posts(
    bench: Bench, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> tuple[int, list[float]]:
        database = bench.database
        await database.post()
        refusing = await refuse_all_of(database["Temp_RBV"])
        asked = refusing.asked
        other = await monitor(database["Frames_RBV"])
        for number in (1, 2, 3):
            bench.toy.temperature_k, bench.toy.frames = 300.0 + number, number
            await database["Temp_RBV"].publish(1)  # the wall itself: no other stands behind it
            await database.post()
        return refusing.asked - asked, other.values()

    asked, seen = run(story())
    assert asked >= 3
    assert seen == [1, 2, 3]
    assert len(lines(caplog, "handing over Temp_RBV failed: TypeError")) == 1


def test_a_watcher_that_fails_does_not_reach_the_others(bench: Bench, run: Run) -> None:
    seen: list[str] = []

    def broken(*_: Any) -> None:
        raise RuntimeError("no transport")

    bench.database.watchers.append(broken)
    bench.database.watchers.append(lambda channel, _: seen.append(channel.record.name))
    run(bench.database.post())
    assert {"Temp_RBV", "Frames_RBV"} <= set(seen)


# -- one channel -------------------------------------------------------------------------------


def test_a_channel_that_cannot_be_posted_is_in_alarm_and_the_others_are_posted(
    bench: Bench, run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = bench.database
    broken = database["Temp_RBV"]

    async def story() -> list[float]:
        await database.post()
        other = await monitor(database["Frames_RBV"])

        def moved(*_: Any) -> bool:
            raise ValueError("slice step cannot be zero")

        monkeypatch.setattr(broken, "_moved", moved)
        for number in (1, 2, 3):
            bench.toy.temperature_k, bench.toy.frames = 300.0 + number, number
            await database.post()
        return other.values()

    assert run(story()) == [1, 2, 3]
    assert broken.alarm.severity == Severity.INVALID_ALARM
    assert broken.alarm.alarm_string == "ValueError: slice step cannot be zero"
    assert len(lines(caplog, "posting Temp_RBV failed")) == 1
    monkeypatch.undo()
    run(database.post())
    assert (broken.value, broken.alarm.severity) == (303.0, Severity.NO_ALARM)


def test_a_value_that_cannot_be_compared_is_the_alarm_of_its_channel_alone(run: Run) -> None:
    class Stubborn:
        def __float__(self) -> float:
            return 1.0

        def __ne__(self, other: object) -> bool:
            raise RecursionError("too deep")

    table = [
        readback("A_RBV", Stubborn, "Cannot be compared"),
        readback("B_RBV", lambda: 2.0, "Can"),
    ]
    database = Database(table, "T:")

    async def story() -> None:
        await database.post()
        await database.post()

    run(story())
    assert database["B_RBV"].value == 2.0


# -- what is done on each tick -----------------------------------------------------------------


async def ticks(simulation: Simulation, number: int) -> None:
    """Let the loop go round until it has ticked so often."""
    seen = [0]

    def count() -> None:
        seen[0] += 1

    simulation.chores.append(Chore("counting", count))
    driving = asyncio.create_task(simulation.run())
    while seen[0] < number and not driving.done():
        await asyncio.sleep(0)
    ended = driving.done()
    driving.cancel()
    await asyncio.wait({driving})
    assert not ended, driving


def toy_simulation() -> Simulation:
    toy = Toy()
    return Simulation(toy, SimClock(toy, 0.0), Database(toy_records(toy), "T:"))


def test_a_chore_that_fails_stops_nothing_and_is_tried_again(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    simulation = toy_simulation()
    tries = [0]

    def health() -> None:
        tries[0] += 1
        if tries[0] < 3:
            raise OSError(errno.EMFILE, "Too many open files")

    async def story() -> list[str]:
        simulation.chores.append(Chore("health", health))
        await ticks(simulation, 1)
        found = [simulation.trouble]
        await ticks(simulation, 3)
        return [*found, simulation.trouble]

    failing, well = run(story())
    assert failing == "health: OSError: [Errno 24] Too many open files"
    assert well == ""
    assert tries[0] >= 3
    assert len(lines(caplog, "Too many open files")) == 1


def test_a_machine_that_cannot_say_its_step_is_held_and_the_loop_goes_on(run: Run) -> None:
    class Dumb(Toy):
        @property
        def dt_s(self) -> float:
            raise ArithmeticError("no step")

        @dt_s.setter
        def dt_s(self, _: float) -> None:
            return None

    toy = Dumb()
    clock = SimClock(toy, 0.0)
    toy.axis.moving = True
    simulation = Simulation(toy, clock, Database(toy_records(toy), "T:"))
    run(ticks(simulation, 2))
    assert simulation.error == "ArithmeticError: no step"
    assert clock.paused


def test_a_put_that_cannot_be_logged_is_done_and_told(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    full = [True]

    def put_log(_: Any) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")

    toy = Toy()
    database = Database(toy_records(toy), "T:", on_puts=put_log)
    run(database.put("Averages", 7))
    run(database.put("Averages", 8))
    assert toy.averages == 8
    assert database.put_log_error == "put log: OSError: [Errno 28] No space left on device"
    assert len(lines(caplog, "No space left")) == 1
    full[0] = False
    run(database.put("Averages", 9))
    assert database.put_log_error == ""


# -- health without file descriptors -----------------------------------------------------------


def test_without_descriptors_the_heart_beats_and_the_figures_are_invalid(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health("1", "hash", lambda: "")
    health.tick()
    beats = health.heartbeat
    monkeypatch.setattr(health, "_next_s", 0.0)

    def no_descriptor() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(health._process, "memory_info", no_descriptor)
    health.tick()
    assert health.heartbeat == beats + 1
    database = Database(health.records(), "T:")
    run(database.post())
    for name in ("IOC:MEM_USED", "IOC:IOC_CPU_LOAD", "IOC:FD_CNT"):
        alarm = database[name].alarm
        assert (alarm.severity, alarm.alarm_string) == (
            Severity.INVALID_ALARM,
            "OSError: [Errno 24] Too many open files",
        )
    assert database["IOC:HEARTBEAT"].alarm.severity == Severity.NO_ALARM


# -- the end of the loop -----------------------------------------------------------------------


class Failing:
    """A server that notes that it has failed."""

    reason = ""

    def fail(self, reason: str) -> None:
        self.reason = reason


@pytest.mark.parametrize("error", [ArithmeticError("no"), None])
def test_a_loop_that_ends_by_itself_is_a_failure_of_the_server(
    run: Run, error: Exception | None
) -> None:
    async def loop() -> None:
        if error is not None:
            raise error

    async def story() -> str:
        server, task = Failing(), asyncio.create_task(loop())
        await asyncio.wait({task})
        _ended(task, server)  # type: ignore[arg-type]
        return server.reason

    assert run(story()) == "the simulation loop failed"


def test_a_simulation_that_is_ended_while_it_is_woken_ends(bench: Bench, run: Run) -> None:
    """As by a put at the very moment of SIGTERM."""

    async def story() -> bool:
        driving = asyncio.create_task(bench.simulation.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it rests now
        bench.database.on_wake()
        driving.cancel()
        done, _ = await asyncio.wait({driving}, timeout=10.0)
        driving.cancel()
        return bool(done)

    assert run(story())


# -- the log -----------------------------------------------------------------------------------


def test_a_failure_that_repeats_is_one_line_until_a_minute_has_passed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    complaints = Complaints(logging.getLogger("test"), wall=lambda: now[0])
    for _ in range(100):
        complaints.tell("disk", "disk full")
    complaints.tell("net", "no net")
    assert lines(caplog, "disk") == ["disk full"]
    now[0] = PERIOD_S
    complaints.tell("disk", "disk full")
    assert lines(caplog, "disk")[1] == "disk full (and 99 more since the last such line)"
    complaints.forget("disk")
    complaints.tell("disk", "disk full")
    assert len(lines(caplog, "disk")) == 3


def test_an_exception_is_told_in_one_line() -> None:
    assert words(ValueError("two\nlines")) == "ValueError: two lines"
    assert words(KeyError()) == "KeyError"
