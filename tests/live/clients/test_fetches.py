"""Values fetched and looked up past pyepics are those that pyepics has; and of their moment."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from ophyd.signal import EpicsSignalBase, ReadTimeoutError

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from devices.haloscope import Haloscope
from devices.signals import fetches
from devices.signals.reading import LOST, Monitored, Readback, foresee


def readings(device: Haloscope, kind: type) -> list[Any]:
    """The signals of a kind, all of the device."""
    return [walk.item for walk in device.walk_signals() if isinstance(walk.item, kind)]


def stock(signal: Any, **how: Any) -> Any:
    """A value by way of pyepics alone."""
    signal.wait_for_connection()
    return signal._read_pv.get_with_metadata(
        as_string=signal.as_string, form="time", timeout=10.0, **how
    )


def test_numbers_and_arrays_are_fetched_as_by_pyepics(device: Haloscope) -> None:
    device.sim.paused.set(1).wait(20.0)  # else they move on between the two
    try:
        compared = 0
        for signal in readings(device, Readback):
            fetch = fetches.ask_for(signal._read_pv)
            if fetch is None or signal.as_string:  # texts of states are left to pyepics
                continue
            ours, theirs = fetch.result(10.0), stock(signal, use_monitor=False)
            assert ours.keys() == theirs.keys() & ours.keys(), signal.name
            if signal.name.startswith("haloscope_ioc"):
                continue  # a heart that beats
            for key, value in ours.items():
                assert type(value) is type(theirs[key]), (signal.name, key)
                np.testing.assert_equal(value, theirs[key], f"{signal.name} {key}")
            compared += 1
        assert compared > 60
    finally:
        device.sim.paused.set(0).wait(20.0)


def test_a_fetched_array_is_the_readers_own(device: Haloscope) -> None:
    device.daq.trigger().wait(30.0)
    first, second = device.daq.spectrum.get(), device.daq.spectrum.get()
    first[:] = 0.0
    assert second.all()
    assert device.daq.spectrum.get().all()


def test_what_monitors_hold_is_taken_as_by_pyepics(device: Haloscope) -> None:
    looked = 0
    for signal in readings(device, Monitored):
        if not signal._auto_monitor or signal.name.startswith("haloscope_ioc"):
            continue
        theirs = EpicsSignalBase.get(signal)
        assert type(signal.get()) is type(theirs), signal.name
        np.testing.assert_equal(signal.get(), theirs, signal.name)
        looked += 1
    assert looked > 40


def test_an_unanswered_fetch_says_what_has_not_come(device: Haloscope) -> None:
    with pytest.raises(ReadTimeoutError, match=r"H.*Field_RBV within 0\.05 s"):
        fetches.Fetch("H:Magnet:Field_RBV").result(0.05)


class Counted:
    """Counts the requests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []

        def counting(pv: Any) -> Any:
            self.names.append(pv.pvname)
            return fetches.ask_for(pv)

        monkeypatch.setattr("devices.signals.reading.ask_for", counting)


def test_what_was_asked_for_at_an_acquisitions_end_is_not_asked_again(
    device: Haloscope, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.vna.trigger().wait(20.0)
    counted = Counted(monkeypatch)
    first = device.vna.read()
    assert counted.names == []
    second = device.vna.read()
    assert len(counted.names) == 3
    for name, reading in first.items():
        assert np.array_equal(reading["value"], second[name]["value"])


def test_what_was_foreseen_is_old_once_anything_begins_or_time_has_passed(
    device: Haloscope, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    for number, begin in enumerate(
        (
            lambda: device.settings.set({"lo_frequency": 1090.25}).wait(20.0),
            lambda: device.lo.frequency.set(1090.5).wait(20.0),
            lambda: device.rod.set(device.rod.position + 0.01).wait(20.0),
            lambda: device.daq.trigger().wait(30.0),
        )
    ):
        begun = fetches.begun()
        foresee([device.magnet.field])
        begin()
        assert fetches.begun() != begun, number
        counted.names.clear()
        device.magnet.field.read()
        assert [name.rpartition(":")[2] for name in counted.names] == ["Field_RBV"], number
    monkeypatch.setattr(fetches, "FORESIGHT_S", 0.0)
    foresee([device.magnet.field])
    counted.names.clear()
    device.magnet.field.read()
    assert len(counted.names) == 1


def test_devices_are_foreseen_in_one_packet_and_once(
    device: Haloscope, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    parts = [device.fridge, device.magnet.field, device.sim]
    foresee(parts)
    foresee(parts)
    asked = list(counted.names)
    assert len(asked) == len(set(asked)) == 9
    read = {name: value for part in parts for name, value in part.read().items()}
    assert counted.names == asked
    assert read["haloscope_magnet_field"]["value"] == device.magnet.field.position


def test_a_fetch_under_way_fails_when_its_ioc_goes(pool: Any, prefix: str) -> None:
    running = pool.start(LaunchedIoc("haloscope", arguments=("--prefix", prefix, "--seed", "1")))
    wait_served([f"{prefix}Rod"], running.port)
    lost = Haloscope(prefix, name="lost")
    try:
        lost.connect(20.0)
        gone = threading.Event()
        lost.fridge.mxc.subscribe(
            lambda connected=True, **_: None if connected else gone.set(),
            event_type=lost.fridge.mxc.SUB_META,
        )
        running.process.send_signal(19)  # it stands still, and answers no more
        fetch = fetches.ask_for(lost.magnet.field.readback._read_pv)
        assert fetch is not None
        fetches.send_requests()
        running.process.kill()
        with pytest.raises(LOST):
            fetch.result(20.0)
        assert gone.wait(20.0)
        assert fetches.ask_for(lost.magnet.field.readback._read_pv) is None
    finally:
        lost.destroy()
        pool.end(running)
