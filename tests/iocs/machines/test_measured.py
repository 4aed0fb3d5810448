"""Measured quantities: undefined until put, in alarm outside what the scan holds."""

from __future__ import annotations

import math

import pytest
from caproto import AlarmStatus

from instruments.errors import Refused
from iocs.ioc import Ioc
from pvdb.records import Severity
from tests.iocs.conftest import Run
from tests.iocs.plants import make

NAMES = (
    *("JPAGain", "Beta", "LoadedQ", "CavityFrequency", "TargetFrequency"),
    *("LimitCoupling", "HighestExcess"),
    *("CampaignEnd", "CampaignLeft", "ForecastCoupling"),
)
NO_ALARM, MINOR, MAJOR = (
    Severity.NO_ALARM,
    Severity.MINOR_ALARM,
    Severity.MAJOR_ALARM,
)


@pytest.fixture
def ioc() -> Ioc:
    ioc = make("haloscope")
    ioc.clock.paused = True
    return ioc


def test_a_quantity_is_undefined_until_the_first_put(ioc: Ioc, run: Run) -> None:
    run(ioc.database.post())
    for name in NAMES:
        channel = ioc.database[f"Measured:{name}"]
        assert math.isnan(channel.value), name
        assert (channel.alarm.status, channel.alarm.severity) == (AlarmStatus.UDF, 3), name
        assert ioc.database[f"Measured:{name}.UDF"].value == 1, name
        assert ioc.database[f"Measured:{name}.SEVR"].value == "INVALID", name
    run(ioc.database.put("Measured:LoadedQ", 33_000.0))
    assert ioc.database["Measured:LoadedQ"].alarm.severity == NO_ALARM
    assert ioc.database["Measured:LoadedQ.UDF"].value == 0


@pytest.mark.parametrize(
    ("name", "story"),
    [
        # With hysteresis: 20.38 dB and 1.81 are not far enough back to end an alarm.
        ("JPAGain", [(20.0, NO_ALARM), (20.41, MINOR), (20.38, MINOR), (20.3, NO_ALARM)]),
        ("JPAGain", [(19.5, MINOR), (18.9, MAJOR), (19.7, NO_ALARM), (21.5, MAJOR)]),
        ("Beta", [(2.0, NO_ALARM), (1.79, MINOR), (1.81, MINOR), (1.85, NO_ALARM), (2.5, MAJOR)]),
        ("HighestExcess", [(3.0, NO_ALARM), (4.0, MINOR), (6.0, MAJOR)]),
    ],
)
def test_alarms_begin_where_the_scan_does_not_go(
    ioc: Ioc, run: Run, name: str, story: list[tuple[float, Severity]]
) -> None:
    for value, severity in story:
        run(ioc.database.put(f"Measured:{name}", value))
        assert ioc.database[f"Measured:{name}"].alarm.severity == severity, value


def test_what_no_measurement_gives_is_refused_and_the_value_stays(ioc: Ioc, run: Run) -> None:
    run(ioc.database.put("Measured:Beta", 2.0))
    for value in (math.nan, math.inf, -1.0, "two"):
        with pytest.raises(Refused, match="Measured:Beta"):
            run(ioc.database.put("Measured:Beta", value))
    assert ioc.database["Measured:Beta"].value == 2.0


def test_autosave_leaves_them_out(ioc: Ioc, run: Run) -> None:
    run(ioc.database.put("Measured:Beta", 2.0))
    assert not [name for name in ioc.database.saved_values() if name.startswith("Measured:")]
