"""What a monitor tells leaves a signal, and whoever watches it, as ophyd's own way would."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from ophyd.signal import EpicsSignalBase
from ophyd.utils.epics_pvs import AlarmSeverity, AlarmStatus

from devices.signals.reading import Readback
from devices.signals.settable import Setting, Target


def told(**other: Any) -> dict[str, Any]:
    """What pyepics tells of a number besides the value."""
    return {
        "pvname": "X", "status": 0, "severity": 0, "precision": 3, "units": "mm",
        "lower_ctrl_limit": -1.0, "upper_ctrl_limit": 1.0, "timestamp": 1e9, "enum_strs": None,
        "posixseconds": 1_000_000_000, "nanoseconds": 5, "char_value": "1.000", "ftype": 20,
        "count": 1, "upper_disp_limit": 2.0, "cb_info": (1, None), **other,
    }  # fmt: skip


EVENTS: list[tuple[Any, dict[str, Any]]] = [
    (1.5, told()),
    (-2.5, told(status=3, severity=2, timestamp=1e9 + 1.25)),
    (0, told(enum_strs=["Off", "On"], precision=None, units=None, char_value="Off")),
    ("text", {"char_value": "text", "timestamp": 2e9}),
]


def seen(signal: Any, watched: list[dict[str, Any]]) -> tuple[Any, ...]:
    """All that a monitor leaves behind."""
    cached = {**signal._args_cache[signal.SUB_VALUE][1], "obj": None}
    types = [(key, type(one)) for key, one in sorted(signal._metadata.items())]
    return signal._readback, dict(signal._metadata), types, cached, list(watched)


def told_to(kind: type[Any], string: bool, *, own: bool) -> list[tuple[Any, ...]]:
    """What each event leaves, in ophyd's ``own`` way or in ours."""
    signal = kind("X", name="x", auto_monitor=True, string=string)
    watched: list[dict[str, Any]] = []
    signal._monitors = dict.fromkeys(signal._monitors, 1)  # it is told by hand
    signal.subscribe(lambda **what: watched.append({**what, "obj": what["obj"].name}), run=False)
    found = []
    for value, event in EVENTS:
        tell = EpicsSignalBase._read_changed if own else kind._read_changed
        tell(signal, value, **event)
        found.append(seen(signal, watched))
    signal.destroy()
    return found


@pytest.mark.parametrize("kind", [Readback, Setting, Target])
@pytest.mark.parametrize("string", [False, True])
def test_what_a_monitor_leaves_is_what_ophyd_would(kind: type[Any], string: bool) -> None:
    ours = told_to(kind, string, own=False)
    assert ours == told_to(kind, string, own=True)
    assert ours[1][0] == ("1.000" if string else -2.5)
    assert len(ours[-1][-1]) == len(EVENTS)


def test_alarms_are_named_and_an_unknown_one_is_refused_as_before() -> None:
    signal: Any = Readback("X", name="x", auto_monitor=True)
    signal._read_changed(1.0, **told(status=3, severity=2))
    assert isinstance(signal.alarm_status, AlarmStatus)
    assert signal.alarm_severity is AlarmSeverity.MAJOR
    with pytest.raises(ValueError, match="99 is not a valid AlarmStatus"):
        signal._read_changed(2.0, **told(status=99))
    assert signal._readback == 1.0
    signal.destroy()


def test_who_subscribes_later_is_told_the_last_value() -> None:
    signal: Any = Readback("X", name="x", auto_monitor=True)
    signal._monitors = dict.fromkeys(signal._monitors, 1)
    signal._read_changed(1.0, **told())
    signal._read_changed(2.0, **told())
    found: list[Any] = []
    signal.subscribe(lambda *, value, old_value, **_: found.append((old_value, value)))
    assert found == [(1.0, 2.0)]
    signal.destroy()


def test_a_log_of_the_control_layer_has_every_event(caplog: pytest.LogCaptureFixture) -> None:
    signal: Any = Readback("X", name="x", auto_monitor=True)
    with caplog.at_level(logging.DEBUG, "ophyd.control_layer"):
        signal._read_changed(1.5, **told())
    assert [one for one in caplog.messages if "put(value=1.5" in one]
    assert signal._readback == 1.5
    signal.destroy()
