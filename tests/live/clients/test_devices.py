"""Devices over Channel Access: settings in one packet, readbacks in one round trip, a lost IOC."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from ophyd.utils.errors import LimitError

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from devices.haloscope import Haloscope
from devices.signals import burst
from devices.waiting.status import NotReachedError

WANTED = {
    "vna_path": "Bypass",
    "vna_center": 1101.0,
    "vna_span": 0.3,
    "vna_num_points": 41,
    "lo_frequency": 1090.5,
    "jpa_pump": "Off",
}


def standing(device: Haloscope, names: Any) -> dict[str, Any]:
    """What setpoint and readback of settings are, fetched."""
    signals = device.settings.signals
    return {
        name: (
            signals[name].get_setpoint(use_monitor=False),
            signals[name].get(use_monitor=False),
        )
        for name in names
    }


def test_settings_of_all_types_arrive_together(device: Haloscope) -> None:
    device.settings.set({**WANTED, "vna_path": "Weak", "vna_span": 0.5}).wait(20.0)
    device.settings.set(WANTED).wait(20.0)
    assert standing(device, WANTED) == {name: (value, value) for name, value in WANTED.items()}


def test_settings_that_hold_their_values_are_not_put(device: Haloscope) -> None:
    device.settings.set(WANTED).wait(20.0)
    assert device.settings.set(WANTED).done


def without_monitors(monkeypatch: pytest.MonkeyPatch, signals: Iterable[Any]) -> dict[Any, float]:
    """As EPICS base does, have puts answered before monitors tell; time stamps of what they told.

    What these signals hold is put back to what it is now before a put completes.
    """
    before = {signal: (dict(signal._read_pv._args), signal.timestamp) for signal in signals}
    join = burst.join

    def early(put: Any, value: Any, completed: Callable[..., None]) -> None:
        def answered(**how: Any) -> None:
            for signal, (held, stamp) in before.items():
                signal._read_pv._args.update(held)
                signal._metadata["timestamp"] = stamp
            completed(**how)

        join(put, value, answered)

    monkeypatch.setattr(burst, "join", early)
    return {signal: stamp for signal, (_, stamp) in before.items()}


def test_a_setting_shows_what_was_put_though_its_monitor_is_late(
    device: Haloscope, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.settings.set({**WANTED, "vna_path": "Weak"}).wait(20.0)
    stamps = without_monitors(monkeypatch, [device.vna.path])
    device.settings.set(WANTED).wait(20.0)
    shown = device.settings.read()["haloscope_settings_vna_path"]
    assert shown["value"] == "Bypass"
    assert shown["timestamp"] > stamps[device.vna.path]
    monkeypatch.undo()
    without_monitors(monkeypatch, [device.vna.center])
    device.vna.center.set(1102.5).wait(20.0)
    assert device.vna.center.get() == 1102.5


def test_a_motor_shows_where_it_was_sent_though_its_monitor_is_late(
    device: Haloscope, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.rod.set(36.0).wait(60.0)
    stamps = without_monitors(monkeypatch, [device.rod.user_readback])
    device.rod.set(35.5).wait(60.0)
    shown = device.rod.read()["haloscope_rod"]
    assert shown["value"] == pytest.approx(35.5, abs=device.rod.reach)
    assert shown["timestamp"] > stamps[device.rod.user_readback]


def test_of_settings_put_together_the_refused_one_is_named(device: Haloscope) -> None:
    device.settings.set({**WANTED, "daq_num_averages": 20}).wait(20.0)
    device.sim.paused.set(1).wait(20.0)  # so that it acquires for as long as this takes
    try:
        acquiring = device.daq.trigger()
        status = device.settings.set({"vna_center": 1102.0, "daq_num_averages": 30})
        with pytest.raises(NotReachedError, match=r"daq_num_averages refused: .*acquiring"):
            status.wait(20.0)
        assert standing(device, ["vna_center"]) == {"vna_center": (1102.0, 1102.0)}
    finally:
        device.sim.paused.set(0).wait(20.0)
    acquiring.wait(20.0)


def test_one_setting_beyond_its_limits_keeps_all_from_being_put(device: Haloscope) -> None:
    device.settings.set(WANTED).wait(20.0)
    with pytest.raises(LimitError):
        device.settings.set({"vna_span": 0.7, "vna_center": 9999.0})
    assert standing(device, ["vna_span"]) == {"vna_span": (0.3, 0.3)}


def test_a_device_that_is_read_says_what_its_signals_say(device: Haloscope) -> None:
    device.vna.trigger().wait(20.0)
    for part in (device.vna, device.magnet, device.daq):
        together = part.read()
        assert list(together) == list(part.describe())
        for name, reading in together.items():
            signal = next(w.item for w in part.walk_signals() if w.item.name == name)
            assert np.array_equal(reading["value"], signal.get(use_monitor=False)), name
    assert device.magnet.read()["haloscope_magnet_state"]["value"] == "Holding"


def test_a_value_is_asked_for_anew_each_time(device: Haloscope) -> None:
    device.settings.set(WANTED).wait(20.0)
    traces = []
    for _ in range(3):
        device.vna.trigger().wait(20.0)
        traces.append(device.vna.read()["haloscope_vna_real"]["value"].copy())
    assert not np.array_equal(traces[0], traces[1])
    assert not np.array_equal(traces[1], traces[2])


def test_an_ioc_that_dies_ends_what_waits_for_it(
    pool: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A put under way and a reading fail, soon and in words; nothing hangs."""
    running = pool.start(LaunchedIoc("haloscope", arguments=("--prefix", prefix, "--seed", "1")))
    wait_served([f"{prefix}Rod"], running.port)
    lost = Haloscope(prefix, name="lost")
    try:
        lost.connect(20.0)
        acquiring = lost.daq.trigger()
        for signal in (lost.vna.frequency, lost.vna.center):
            monkeypatch.setattr(signal, "_connection_timeout", 0.5)
        running.process.kill()
        with pytest.raises(ConnectionError, match="daq_acquire: the IOC went away"):
            acquiring.wait(20.0)
        with pytest.raises(Exception, match=r"(?i)time|connect|disconn"):
            lost.vna.read()
        words = rf"the IOC has not come back .*{prefix}.* at .*:\d+"
        for status in (lost.settings.set({"vna_center": 1101.0}), lost.rod.set(36.0)):
            with pytest.raises(ConnectionError, match=words):
                status.wait(20.0)
    finally:
        lost.destroy()
        pool.end(running)
