"""Interrupting moves at a chosen moment: what is moved, when it is caught, how it is interrupted.

Time of a simulated machine stands still while a move is caught, so that "the last step before it
arrives" is that, whatever the host does meanwhile.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky import RunEngine
from bluesky.suspenders import SuspendBoolHigh
from bluesky.utils import MsgGenerator, RunEngineInterrupted
from ophyd import Signal

PATIENCE_S = 60.0
#: A step of a simulated machine, s.
STEP_S = 0.1


@dataclass(frozen=True)
class Thing:
    """Something that is set, and takes simulated time.

    Attributes:
        path: of the device or signal within its instrument.
        channel: that its put goes to.
        places: where it begins, where it is sent, and two others.
        near: how near is there.
        where: path of the signal that tells where it is.
    """

    path: str
    channel: str
    places: tuple[float, float, float, float]
    near: float
    where: str

    def of(self, instrument: Any) -> Any:
        return operator.attrgetter(self.path)(instrument)

    def place(self, instrument: Any) -> float:
        return float(operator.attrgetter(self.where)(instrument).get(use_monitor=False))

    def put_by_another(self, instrument: Any, value: float) -> None:
        """What another client does."""
        instrument.bench.put_as_client(self.channel, value)


class Catch:
    """Stops a bench's time when the next put to a channel has been made."""

    holds = True

    def __init__(self, bench: Any, channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self.caught = bench, threading.Event()
        self._point, self._put = bench.point(channel), bench.put
        monkeypatch.setattr(bench, "put", self._catch)

    def _catch(self, point: Any, *put: Any) -> None:
        if point is not self._point or self.caught.is_set():
            self._put(point, *put)
            return
        self.bench.paused = True
        self._put(point, *put)
        self.caught.set()

    def advance(self, seconds: float) -> None:
        """Let so much time pass by hand; puts that are completed by then are told."""
        self.bench.let_pass(seconds)

    def release(self) -> None:
        """Let time pass again."""
        self.bench.paused = False


def duration_s(thing: Thing, instrument: Any) -> float:
    """Simulated seconds that the move takes in peace; the thing is brought back after it."""
    bench = instrument.bench
    begin_s = bench.machine.time_s
    bench.paused = True
    status = thing.of(instrument).set(thing.places[1])
    while not status.done:
        bench.let_pass(STEP_S)
    took_s = bench.machine.time_s - begin_s
    bench.paused = False
    thing.of(instrument).set(thing.places[0]).wait(PATIENCE_S)
    return float(took_s)


class Interruption:
    """One way to interrupt: the plan, what happens when it is caught, how it goes on."""

    def __init__(self, RE: RunEngine, thing: Thing, instrument: Any, catch: Catch) -> None:
        self.RE, self.thing, self.instrument, self.catch = RE, thing, instrument, catch
        self.mover = thing.of(instrument)
        self.home, self.target, self.other, self.another = thing.places
        self.acted = threading.Event()

    def run(self, plan: MsgGenerator[Any], act: Callable[[], None], after_s: float) -> None:
        """Run a plan; once its move is caught and `after_s` later, act, on another thread."""
        errors: list[BaseException] = []

        def interrupt() -> None:
            try:
                assert self.catch.caught.wait(PATIENCE_S)
                self.catch.advance(after_s)
                act()
            except BaseException as error:
                errors.append(error)
            finally:
                self.acted.set()
                self.catch.release()

        self.acted.clear()
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            self.RE(plan)
        finally:
            thread.join(PATIENCE_S)
            if errors:
                raise errors[0]

    def assert_at(self, place: float) -> None:
        assert self.thing.place(self.instrument) == pytest.approx(place, abs=self.thing.near)

    def plan(self) -> MsgGenerator[None]:
        """To the target, in a run that can be rewound."""
        yield from bps.open_run()
        yield from bps.checkpoint()
        yield from bps.mv(self.mover, self.target)
        yield from bps.wait_for([self._interrupted])
        yield from bps.checkpoint()
        yield from bps.close_run()

    async def _interrupted(self) -> None:
        """A move that has arrived is not forgotten by its plan before it is interrupted."""
        await self.RE.loop.run_in_executor(None, self.acted.wait, PATIENCE_S)

    def cleaned(self) -> MsgGenerator[Any]:
        """To the target, and home in the end, however it ends."""

        def home() -> MsgGenerator[None]:  # made only when it runs: a halted plan makes none
            yield from bps.mv(self.mover, self.home)

        return bpp.finalize_wrapper(self.plan(), home)

    # The ways -------------------------------------------------------------------------------------

    def pause(self, after_s: float) -> None:
        with pytest.raises(RunEngineInterrupted):
            self.run(self.plan(), self.RE.request_pause, after_s)
        self.RE.resume()
        self.assert_at(self.target)

    def pause_twice(self, after_s: float) -> None:
        self.pause(after_s)
        self.RE(bps.mv(self.mover, self.home))
        self.catch.caught.clear()
        self.pause(after_s)

    def deferred_pause(self, after_s: float) -> None:
        with pytest.raises(RunEngineInterrupted):
            self.run(self.plan(), lambda: self.RE.request_pause(defer=True), after_s)
        self.assert_at(self.target)
        self.RE.resume()
        self.assert_at(self.target)

    def suspend(self, after_s: float) -> None:
        """With recovery: elsewhere before the hold, and elsewhere again after it."""
        trouble = Signal(name="trouble", value=0)
        seen: list[float] = []

        def recover(place: float) -> Callable[[], MsgGenerator[None]]:
            def plan() -> MsgGenerator[None]:
                yield from bps.mv(self.mover, place)
                seen.append(self.thing.place(self.instrument))
                trouble.put(0)

            return plan

        self.RE.install_suspender(
            SuspendBoolHigh(trouble, pre_plan=recover(self.other), post_plan=recover(self.another))
        )
        self.run(self.plan(), lambda: self._suspend(trouble), after_s)
        self.assert_at(self.target)
        assert seen == pytest.approx([self.other, self.another], abs=self.thing.near)

    def _suspend(self, trouble: Signal) -> None:
        """Trip, and let time stand still until the RunEngine has been told."""
        stopped = threading.Event()
        stop = type(self.mover).stop

        def noted(mover: Any, **how: Any) -> None:
            stop(mover, **how)
            stopped.set()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(self.mover), "stop", noted)
            trouble.put(1)
            assert stopped.wait(PATIENCE_S)

    def abort(self, after_s: float) -> None:
        with pytest.raises(RunEngineInterrupted):
            self.run(self.cleaned(), self.RE.abort, after_s)
        self.assert_at(self.home)

    def pause_and_abort(self, after_s: float) -> None:
        with pytest.raises(RunEngineInterrupted):
            self.run(self.cleaned(), self.RE.request_pause, after_s)
        self.RE.abort()
        self.assert_at(self.home)

    def stop(self, after_s: float) -> None:
        with pytest.raises(RunEngineInterrupted):
            self.run(self.cleaned(), self.RE.stop, after_s)
        self.assert_at(self.home)

    def fail(self, after_s: float) -> None:
        """Something else in the plan fails; the clean-up brings it home."""

        def plan() -> MsgGenerator[None]:
            yield from bps.abs_set(self.mover, self.target, group="move")
            self.catch.advance(after_s)
            self.catch.release()
            raise RuntimeError("something else")

        with pytest.raises(RuntimeError, match="something else"):
            self.RE(bpp.finalize_wrapper(plan(), lambda: bps.mv(self.mover, self.home)))
        self.assert_at(self.home)

    def halt(self, after_s: float) -> None:
        with pytest.raises(RunEngineInterrupted):
            self.run(self.cleaned(), self.RE.halt, after_s)
        self.RE(bps.mv(self.mover, self.target))
        self.assert_at(self.target)

    def set_while_moving(self, after_s: float) -> None:
        def plan() -> MsgGenerator[None]:
            first = yield from bps.abs_set(self.mover, self.target, group="first")
            self.catch.advance(after_s)
            arrived = first.done or not self.catch.holds  # before it was sent elsewhere
            yield from bps.abs_set(self.mover, self.other, group="second")
            self.catch.release()
            yield from bps.wait("first")
            if not arrived:
                self.assert_at(self.other)
            yield from bps.wait("second")

        self.RE(plan())
        self.assert_at(self.other)
