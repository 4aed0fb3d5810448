"""Moves over Channel Access, interrupted: they go on, or say why not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus
from ophyd import EpicsSignal

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from devices.haloscope import Haloscope
from devices.waiting.watch import Watch
from plans.refrigerator.running import safe_shutdown
from plans.shared.safety import suspenders
from tests.plans.safety.interrupting import PATIENCE_S, Interruption, Thing
from tests.plans.safety.test_interruptions import HALOSCOPE, REFRIGERATOR, THINGS

#: Speeds at which a move takes about half a second.
SPEEDS = {"field": 5.0, "noise source": 2000.0, "rod": 80.0, "rod's setpoint": 80.0}
MOTOR_SPEED = 40.0
WAYS = ("pause", "suspend", "abort", "pause_and_abort", "fail", "halt", "set_while_moving")
#: Of the way that the move goes.
MOMENTS = {"begun": 0.0, "midway": 0.5, "nearly there": 0.98}
CASES = [
    *((way, "midway") for way in WAYS),
    *((way, moment) for way in ("pause", "abort") for moment in ("begun", "nearly there")),
]


class OnTheWay:
    """Waits until a move over the network has gone a part of its way; nothing stands still."""

    holds = False

    class _Always:
        def wait(self, _: float) -> bool:
            return True

        def clear(self) -> None:
            """Always set."""

    def __init__(self, thing: Thing, instrument: Any) -> None:
        self.thing, self.caught = thing, self._Always()
        prefix = f"{instrument.prefix}{thing.channel}"
        readback = prefix.replace(".VAL", ".RBV") if ".VAL" in prefix else f"{prefix}_RBV"
        self._setpoint = EpicsSignal(prefix, name="setpoint", auto_monitor=True)
        self._readback = EpicsSignal(readback, name="readback", auto_monitor=True)
        for signal in (self._setpoint, self._readback):
            signal.wait_for_connection(timeout=20.0)

    def advance(self, part: float) -> None:
        begin, end = self.thing.places[:2]
        sent = Watch(self._setpoint, lambda value: abs(value - end) < 1e-6, PATIENCE_S)
        sent.wait()
        way = abs(end - begin)
        Watch(self._readback, lambda value: abs(value - end) <= (1 - part) * way, PATIENCE_S).wait()

    def release(self) -> None:
        """Nothing was stopped."""

    def close(self) -> None:
        self._setpoint.destroy()
        self._readback.destroy()


@pytest.fixture(params=SPEEDS)
def interruption(request: pytest.FixtureRequest, engine: RunEngine) -> Iterator[Interruption]:
    """A thing at its first place, with the clock so that a move takes about a second."""
    name = request.param
    fixture = "refrigerator" if name in REFRIGERATOR else "device"
    instrument, thing = request.getfixturevalue(fixture), THINGS[name]
    if name in REFRIGERATOR:
        engine(safe_shutdown(instrument))
    thing.of(instrument).set(thing.places[0]).wait(PATIENCE_S)
    instrument.sim.speed.set(SPEEDS[name]).wait(20.0)
    way = OnTheWay(thing, instrument)
    yield Interruption(engine, thing, instrument, way)
    way.close()
    instrument.sim.speed.set(0.0).wait(20.0)


@pytest.mark.parametrize(("way", "moment"), CASES)
def test_a_move_over_channel_access_that_is_interrupted(
    interruption: Interruption, way: str, moment: str
) -> None:
    getattr(interruption, way)(MOMENTS[moment])


def test_a_move_that_another_client_redirects_is_left_to_it(interruption: Interruption) -> None:
    found, thing = interruption, interruption.thing
    client = EpicsSignal(f"{found.instrument.prefix}{thing.channel}", name="client")
    client.wait_for_connection(timeout=20.0)
    with pytest.raises(FailedStatus) as failure:
        found.run(bps.mv(found.mover, found.target), lambda: client.put(found.other), 0.5)
    message = str(failure.value.__cause__)
    assert f"asked for {found.target:g} " in message
    assert f"its setpoint is {found.other:g} " in message
    client.set(found.other).wait(PATIENCE_S)
    client.destroy()
    readback = Watch(
        found.catch._readback,
        lambda value: abs(value - found.other) <= thing.near,
        PATIENCE_S,
    )
    readback.wait()


@pytest.mark.parametrize("name", ["rod", "antenna"])
def test_a_motor_that_another_client_stops_has_not_arrived(
    engine: RunEngine, device: Any, name: str
) -> None:
    thing = HALOSCOPE[name]
    mover = thing.of(device)
    mover.set(thing.places[0]).wait(PATIENCE_S)
    device.sim.speed.set(MOTOR_SPEED).wait(20.0)
    way = OnTheWay(thing, device)
    stop = EpicsSignal(f"{device.prefix}{name.title()}.STOP", name="client")
    stop.wait_for_connection(timeout=20.0)
    found = Interruption(engine, thing, device, way)
    with pytest.raises(FailedStatus) as failure:
        found.run(bps.mv(mover, thing.places[1]), lambda: stop.put(1), 0.3)
    stop.destroy()
    way.close()
    device.sim.speed.set(0.0).wait(20.0)
    message = str(failure.value.__cause__)
    assert message.startswith(
        f"haloscope_{name}: asked for {thing.places[1]:g} {mover.egu}, is at "
    )
    assert "stopped or sent there by another client" in message
    assert abs(thing.place(device) - thing.places[1]) > 10 * thing.near


def test_a_move_whose_ioc_dies_is_held_and_goes_on_when_it_is_back(
    engine: RunEngine, pool: Any, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ioc = LaunchedIoc("haloscope", arguments=("--prefix", prefix, "--speed", "20", "--seed", "1"))
    running = [pool.start(ioc)]
    wait_served([f"{prefix}Rod"], running[0].port)
    device = Haloscope(prefix, name="haloscope")
    device.connect(20.0)
    thing = HALOSCOPE["magnet"]
    way = OnTheWay(thing, device)
    for suspender in suspenders(device):
        engine.install_suspender(suspender)
    found = Interruption(engine, thing, device, way)

    def die_and_come_back() -> None:
        lost = threading.Event()
        beat = device.ioc.heartbeat
        beat.subscribe(
            lambda connected, **_: connected or lost.set(), event_type=beat.SUB_META, run=False
        )
        running[0].process.kill()
        assert lost.wait(PATIENCE_S)
        running.append(pool.start(ioc, running[0].port))

    try:
        found.run(found.plan(), die_and_come_back, 0.3)
        found.assert_at(found.target)
    finally:
        engine.clear_suspenders()
        way.close()
        device.destroy()
        for one in running:
            pool.end(one)
    said = capsys.readouterr().out
    assert f"IOC lost: {prefix}IOC:HEARTBEAT at " in said
