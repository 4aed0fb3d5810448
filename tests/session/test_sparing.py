"""What is left out of bluesky's and ophyd's way changes no outcome."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.run_engine
import event_model
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.protocols import Movable, Readable
from bluesky.utils import FailedStatus, Msg, MsgGenerator
from jsonschema import ValidationError
from opentelemetry import trace
from opentelemetry.util._decorator import _AgnosticContextManager
from ophyd import Signal
from ophyd.status import Status

from cryohalo.run_engine import close_run_engine, make_run_engine
from cryohalo.sparing import KNOWN, EventCheck, wait_plainly, without_spans

EVENT: dict[str, Any] = {
    "uid": "a",
    "descriptor": "b",
    "seq_num": 1,
    "time": 1.5,
    "data": {"x": np.zeros(3), "y.z": "any"},
    "timestamps": {"x": 1.0, "y.z": 2.0},
    "filled": {},
}


@pytest.fixture
def engine() -> Iterator[RunEngine]:
    engine = make_run_engine({"operator": "test"})
    yield engine
    close_run_engine(engine)


def schema() -> Any:
    """event-model's own validator of events."""
    return event_model.schema_validators[event_model.DocumentNames.event]._schema


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"seq_num": 0},
        {"seq_num": 1.0},
        {"seq_num": True},
        {"seq_num": "1"},
        {"seq_num": np.int64(1)},
        {"time": 3},
        {"time": True},
        {"time": "now"},
        {"time": np.float64(2.0)},
        {"uid": 7},
        {"descriptor": None},
        {"data": []},
        {"data": {}},
        {"timestamps": None},
        {"timestamps": {"x": "late"}},
        {"filled": {"x": False}},
        {"filled": {"x": "uid"}},
        {"filled": {"x": 1}},
        {"filled": []},
        {"more": 1},
        {"uid": ...},
        {"filled": ...},
        {"timestamps": ...},
        {"data": ...},
    ],
)
def test_an_event_is_judged_as_by_its_schema(engine: RunEngine, change: dict[str, Any]) -> None:
    event = {**EVENT, **change}
    event = {name: value for name, value in event.items() if value is not ...}

    def verdict(validator: Any) -> str:
        try:
            validator.validate(event)
        except ValidationError as error:
            return error.message
        return "well"

    assert verdict(EventCheck(schema())) == verdict(schema())


def test_no_schema_is_asked_about_an_event_as_plans_make_them(
    engine: RunEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = event_model.schema_validators[event_model.DocumentNames.event]
    monkeypatch.setattr(check, "_schema", None)
    taken: list[str] = []
    signal = Signal(name="s", value=np.zeros(4))

    def plan() -> MsgGenerator[None]:
        yield from bps.open_run()
        yield from bps.trigger_and_read([signal])
        yield from bps.close_run()

    engine(plan(), lambda name, _: taken.append(name))
    assert taken == ["start", "descriptor", "event", "stop"]


class Slow:
    """A thing whose settings end when the test says so."""

    name, parent = "slow", None

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self.begun = threading.Semaphore(0)

    def set(self, _: Any) -> Status:
        self.statuses.append(Status())
        self.begun.release()
        return self.statuses[-1]


def waiting(thing: Slow, said: list[Any], **how: Any) -> MsgGenerator[None]:
    yield from bps.abs_set(thing, 1, group="g")
    yield from bps.abs_set(thing, 2, group="g")
    said.append((yield Msg("wait", None, group="g", **how)))


def run(engine: RunEngine, thing: Slow, end: Any, **how: Any) -> tuple[list[Any], list[Any]]:
    """Let a plan wait for two settings, which ``end`` ends; what it and the hook were told."""
    said: list[Any] = []
    told: list[Any] = []

    def hook(statuses: Any) -> None:
        told.append(statuses and set(statuses))

    engine.waiting_hook = hook

    def ending() -> None:
        for _ in range(2):
            thing.begun.acquire()
        end(*thing.statuses)

    other = threading.Thread(target=ending)
    other.start()
    try:
        engine(waiting(thing, said, **how))
    finally:
        other.join()
    return said, told


def both(one: Status, other: Status) -> None:
    one.set_finished()
    other.set_finished()


@pytest.mark.parametrize("how", [{}, {"timeout": 10.0}, {"error_on_timeout": False}])
def test_a_wait_ends_with_the_last_and_tells_who_shows_progress(
    engine: RunEngine, how: dict[str, Any]
) -> None:
    thing = Slow()
    said, told = run(engine, thing, both, **how)
    assert said == [True]
    assert told == [set(thing.statuses), None]


def test_a_wait_ends_with_the_first_failure(engine: RunEngine) -> None:
    thing = Slow()
    with pytest.raises(FailedStatus) as caught:
        run(engine, thing, lambda one, _: one.set_exception(ValueError("too warm")))
    assert isinstance(caught.value.__cause__, ValueError)
    thing.statuses[1].set_finished()


def test_a_wait_for_what_has_ended_or_for_nothing_goes_on(engine: RunEngine) -> None:
    thing = Slow()
    said: list[Any] = []

    def plan() -> MsgGenerator[None]:
        yield from bps.abs_set(thing, 1, group="g")
        thing.statuses[0].set_finished()
        said.append((yield Msg("wait", None, group="g")))
        said.append((yield Msg("wait", None, group="another")))

    engine(plan())
    assert said == [True, True]


def test_a_wait_is_left_by_a_pause_and_taken_again(engine: RunEngine) -> None:
    thing = Slow()

    def plan() -> MsgGenerator[None]:
        yield from bps.checkpoint()
        yield from bps.abs_set(thing, 1, group="g")
        yield from bps.wait("g")

    def pausing() -> None:
        thing.begun.acquire()
        engine.request_pause()
        thing.begun.acquire()  # by resuming
        both(*thing.statuses)

    other = threading.Thread(target=pausing)
    other.start()
    with pytest.raises(bluesky.run_engine.RunEngineInterrupted):
        engine(plan())
    engine.resume()
    other.join()
    assert len(thing.statuses) == 2


def test_a_callback_of_old_is_still_called_without_the_status(engine: RunEngine) -> None:
    told: list[Any] = []
    status = Status()
    status.add_callback(told.append)  # no plain function
    status.add_callback(lambda one: told.append(one))
    status.add_callback(lambda one, more=3: told.append((one, more)))
    with pytest.warns(DeprecationWarning, match="cb\\(status\\)"):
        status.add_callback(lambda: told.append("old"))
    status.set_finished()
    status.wait(1.0)
    assert told == [status, status, (status, 3), "old"]


def test_a_plain_callback_is_not_inspected(
    engine: RunEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspect.signature", lambda *_: pytest.fail("inspected"))
    Status().add_callback(lambda _: None)


def test_a_device_without_a_protocol_is_refused_whatever_others_of_its_class_have(
    engine: RunEngine,
) -> None:
    check = bluesky.run_engine.check_supports
    one = Signal(name="one")
    assert check(one, Readable) is one
    assert check(one, Movable) is one
    assert check(one, Readable) is one
    plain = type("Plain", (), {"name": "p", "parent": None})()
    with pytest.raises(AssertionError, match="Readable"):
        check(plain, Readable)
    # One that has the methods by itself, not by its class, says nothing of others.
    plain.read = plain.describe = plain.hints = dict
    assert check(plain, Readable) is plain
    with pytest.raises(AssertionError, match="Readable"):
        check(type(plain)(), Readable)


def test_a_command_of_ours_that_wraps_another_stays(engine: RunEngine) -> None:
    @functools.wraps(engine._open_run)
    async def checked(message: Msg) -> None:
        raise ValueError(f"refused: {message.command}")

    engine.register_command("open_run", checked)
    without_spans(engine)
    with pytest.raises(ValueError, match="refused: open_run"):
        engine(bps.open_run())


def test_with_another_bluesky_the_engine_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "bluesky", "0.0")
    engine = RunEngine({})
    before = dict(engine._command_registry)
    without_spans(engine)
    wait_plainly(engine)
    assert engine._command_registry == before
    close_run_engine(engine)


def test_no_span_is_opened_where_no_tracing_is_set_up(
    engine: RunEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    opened: list[Any] = []
    again = _AgnosticContextManager._recreate_cm
    monkeypatch.setattr(
        _AgnosticContextManager,
        "_recreate_cm",
        lambda manager: (opened.append(manager), again(manager))[1],
    )
    engine(waited())
    assert opened == []


def waited() -> MsgGenerator[None]:
    """A set and a wait."""
    yield from bps.abs_set(Signal(name="s"), 1, group="g")
    yield from bps.wait("g")


def test_a_state_is_said_once_for_as_long_as_it_lasts(engine: RunEngine) -> None:
    idle, seen = engine.state, []

    def plan() -> MsgGenerator[None]:
        for _ in range(2):
            yield Msg("null")
            seen.append(engine.state)

    engine(plan())
    assert (idle, *seen, engine.state) == ("idle", "running", "running", "idle")
    assert seen[0] is seen[1]
    assert seen[0].state_machine is idle.state_machine
    assert not idle.is_running
    assert idle.can_be_running
