"""The rules of the records layer, one test or more for each; without the rule its test fails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from caproto import AlarmStatus, ChannelType, SubscriptionType

from instruments.errors import Refused
from iocs.records import Database
from pvdb.records import Severity, choice, counter, readback, setpoint, waveform
from tests.iocs.conftest import Bench, Run, monitor


def controlled(channel: Any) -> tuple[float, float]:
    return channel.lower_ctrl_limit, channel.upper_ctrl_limit


# -- 1: an alarm of its own ---------------------------------------------------------------------


def test_every_channel_has_an_alarm_of_its_own(bench: Bench) -> None:
    channels = bench.database.channels
    assert len({id(channel.alarm) for channel in channels.values()}) == len(channels)


def test_one_readings_alarm_leaves_the_others_alone(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        updates = await monitor(bench.database["Other_RBV"], SubscriptionType.DBE_ALARM)
        bench.toy.temperature_k = 315.0
        await bench.database.post()
        assert bench.database["Temp_RBV"].alarm.severity == Severity.MINOR_ALARM
        assert bench.database["Other_RBV"].alarm.severity == Severity.NO_ALARM
        assert updates.updates() == []

    run(story())


# -- 2: four limits, none of them false ---------------------------------------------------------


def test_limits_that_are_not_set_are_infinite_and_raise_no_alarm(bench: Bench, run: Run) -> None:
    channel = bench.database["Temp_RBV"]
    assert (channel.lower_alarm_limit, channel.lower_warning_limit) == (-math.inf, 290.0)
    assert (channel.upper_warning_limit, channel.upper_alarm_limit) == (310.0, 320.0)
    database = Database(
        [readback("A_RBV", lambda: -3.0, "High limits alone", alarms=_only_high())], "T:"
    )
    run(database.post())
    assert database["A_RBV"].alarm.severity == Severity.NO_ALARM


def _only_high() -> Any:
    from pvdb.records import AlarmLimits

    return AlarmLimits(high=8.0)


@pytest.mark.parametrize(
    ("kelvin", "status", "severity"),
    [
        (300, "NO_ALARM", 0),
        (310, "HIGH", 1),
        (320, "HIHI", 2),
        (290, "LOW", 1),
        (math.nan, "UDF", 3),
    ],
)
def test_limits_are_inclusive_and_carry_their_severity(
    bench: Bench, run: Run, kelvin: float, status: str, severity: int
) -> None:
    bench.toy.temperature_k = kelvin
    run(bench.database.post())
    alarm = bench.database["Temp_RBV"].alarm
    assert (alarm.status, alarm.severity) == (AlarmStatus[status], severity)


# -- 3: display limits for readbacks, control limits for setpoints; a failing reading stops nothing
# --------------


def test_readbacks_have_display_limits_only(bench: Bench) -> None:
    channel = bench.database["Temp_RBV"]
    assert (channel.lower_disp_limit, channel.upper_disp_limit) == (0.0, 500.0)
    assert controlled(channel) == (0.0, 0.0)
    assert controlled(bench.database["Temp"]) == (200.0, 400.0)


def test_a_reading_beyond_its_display_limits_is_posted(bench: Bench, run: Run) -> None:
    bench.toy.temperature_k = 900.0
    run(bench.database.post())
    assert bench.database["Temp_RBV"].value == 900.0


def test_a_reading_that_fails_is_invalid_and_the_others_go_on(run: Run) -> None:
    def fail() -> float:
        raise ZeroDivisionError("no flow")

    database = Database(
        [readback("Bad_RBV", fail, "Fails"), readback("Good_RBV", lambda: 2.0, "Works")], "T:"
    )
    run(database.post())
    assert database["Bad_RBV"].alarm.severity == Severity.INVALID_ALARM
    assert "no flow" in database["Bad_RBV"].alarm.alarm_string
    assert database["Good_RBV"].value == 2.0


ODD_READINGS = {
    "a state that does not exist": lambda: choice(
        "Odd", lambda: "No such state", lambda _: None, "Odd", ("One", "Two")
    ),
    "an index beyond the states": lambda: choice(
        "Odd", lambda: 7, lambda _: None, "Odd", ("A", "B")
    ),
    "a number that does not fit": lambda: counter("Odd", lambda: 2**40, "Odd"),
    "a text for a number": lambda: readback("Odd", lambda: "text", "Odd"),  # type: ignore[arg-type,return-value]
}


@pytest.mark.parametrize("odd", ODD_READINGS)
def test_an_odd_reading_is_invalid_logged_once_and_the_others_go_on(
    run: Run, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        count = iter(range(10))
        database = Database(
            [ODD_READINGS[odd](), readback("Good_RBV", lambda: float(next(count)), "Works")], "T:"
        )
        for _ in range(3):
            await database.post()
        assert database["Odd"].alarm.severity == Severity.INVALID_ALARM
        assert database["Good_RBV"].value >= 2.0

    run(story())
    assert len([line for line in caplog.records if "reading Odd failed" in line.message]) == 1


def test_a_control_range_that_fails_later_stops_nothing(run: Run) -> None:
    ranges = iter([(0.0, 1.0)] * 8)  # some more than making the channel and one post ask for
    record = setpoint("Odd", lambda: 1.0, lambda _: None, "Odd", control=lambda: next(ranges))

    async def story() -> None:
        database = Database([record], "T:")
        for _ in range(10):
            await database.post()
        assert database["Odd"].alarm.severity == Severity.INVALID_ALARM

    run(story())


def test_a_step_that_fails_pauses_time_and_says_why(bench: Bench, run: Run) -> None:
    async def story() -> None:
        bench.clock.paused = False
        bench.clock.speed = 0
        bench.toy.target_k = 310.0
        bench.toy.broken = True
        bench.simulation.advance(1.0)
        assert bench.clock.paused
        assert bench.simulation.error == "ArithmeticError: the toy is broken"

    run(story())


def test_a_reading_that_cannot_be_trusted_is_invalid(bench: Bench, run: Run) -> None:
    bench.toy.stale = "sensor open"
    run(bench.database.post())
    alarm = bench.database["Temp_RBV"].alarm
    assert (alarm.severity, alarm.alarm_string) == (Severity.INVALID_ALARM, "sensor open")


# -- 4: truthful fields, deadbands, nothing posted that did not change --------------------------


def field(bench: Bench, name: str) -> Any:
    return bench.database[name].value


def test_fields_tell_the_truth(bench: Bench, run: Run) -> None:
    run(bench.database.post())
    told = {
        name: field(bench, f"Temp.{name}")
        for name in ("EGU", "DESC", "PREC", "HOPR", "LOPR", "DRVH", "DRVL")
    }
    assert told == {
        "EGU": "K",
        "DESC": "Oven temperature",
        "PREC": 3,
        "HOPR": 400.0,
        "LOPR": 200.0,
        "DRVH": 400.0,
        "DRVL": 200.0,
    }
    assert (field(bench, "Picture_RBV.NORD"), field(bench, "Picture_RBV.NELM")) == (4, 4)
    assert field(bench, "Picture_RBV.FTVL") == "DOUBLE"
    assert field(bench, "Temp_RBV.HSV") == "MINOR"
    assert field(bench, "Temp_RBV.LLSV") == "NO_ALARM"
    assert field(bench, "Mode.TWST") == "Three"


def test_the_units_on_the_wire_are_the_field_egu(bench: Bench, run: Run) -> None:
    metadata, _ = run(bench.database["Temp_RBV"].read(ChannelType.CTRL_DOUBLE))
    assert metadata.units == b"K"


def test_unchanged_values_are_not_posted(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        watched = [await monitor(channel) for channel in bench.database.channels.values()]
        for _ in range(3):
            await bench.database.post()
        assert [one.updates() for one in watched] == [[]] * len(watched)

    run(story())


def test_mdel_and_adel_act(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        await bench.database.put("Temp_RBV.MDEL", 0.5)
        await bench.database.put("Temp_RBV.ADEL", 1.0)
        channel = bench.database["Temp_RBV"]
        values = await monitor(channel)
        archived = await monitor(channel, SubscriptionType.DBE_LOG)
        for step in range(20):
            bench.toy.temperature_k = 300.0 + 0.1 * (step + 1)
            await bench.database.post()
        assert values.values() == pytest.approx([300.6, 301.2, 301.8])
        assert archived.values() == pytest.approx([301.1])
        assert channel.value == pytest.approx(302.0), "a get tells the newest value all the same"

    run(story())


def test_hysteresis_acts(bench: Bench, run: Run) -> None:
    async def severities(readings: list[float]) -> list[int]:
        found = []
        for bench.toy.temperature_k in readings:
            await bench.database.post()
            found.append(int(bench.database["Temp_RBV"].alarm.severity))
        return found

    assert run(severities([309.5, 310.0, 309.5, 309.0, 308.9])) == [0, 1, 1, 1, 0]


def test_an_alarm_limit_that_is_written_acts_and_is_told_on_the_wire(
    bench: Bench, run: Run
) -> None:
    async def story() -> None:
        await bench.database.post()
        properties = await monitor(bench.database["Temp_RBV"], SubscriptionType.DBE_PROPERTY)
        await bench.database.put("Temp_RBV.HIGH", 299.0)
        assert bench.database["Temp_RBV"].alarm.severity == Severity.MINOR_ALARM
        assert bench.database["Temp_RBV"].upper_warning_limit == 299.0
        assert len(properties.updates()) == 1

    run(story())


def test_a_subscription_gets_only_the_events_it_asked_for(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        alarms = await monitor(bench.database["Temp_RBV"], SubscriptionType.DBE_ALARM)
        for bench.toy.temperature_k in (301.0, 302.0, 312.0):
            await bench.database.post()
        assert alarms.values() == [312.0]

    run(story())


def test_infinite_limits_are_sent_to_clients_that_ask_for_integers(bench: Bench, run: Run) -> None:
    metadata, _ = run(bench.database["Temp_RBV"].read(ChannelType.CTRL_LONG))
    assert metadata.lower_alarm_limit == -(2**31)
    metadata, _ = run(bench.database["Temp_RBV"].read(ChannelType.CTRL_INT))
    assert metadata.lower_alarm_limit == -(2**15)


# -- 6: puts, in ``test_puts`` ------------------------------------------------------------------


# -- 7: short queues ----------------------------------------------------------------------------


def test_subscriptions_to_waveforms_keep_a_short_queue(bench: Bench) -> None:
    assert bench.database["Picture_RBV"].max_subscription_backlog <= 2


def test_a_waveform_is_read_only_when_it_changed(run: Run) -> None:
    reads = []

    def read() -> np.ndarray:
        reads.append(1)
        return np.arange(3.0)

    version = iter([1, 1, 1, 2])
    database = Database(
        [waveform("W_RBV", read, "Numbers", 3, version=lambda: next(version))], "T:"
    )

    async def story() -> None:
        for _ in range(4):
            await database.post()

    run(story())
    assert len(reads) == 2


# -- the table ----------------------------------------------------------------------------------


def test_what_channel_access_cannot_carry_is_refused_when_the_table_is_made() -> None:
    with pytest.raises(ValueError, match="Channel Access allows 40"):
        readback("A_RBV", lambda: 0.0, "d" * 41)
    with pytest.raises(ValueError, match="bytes, Channel Access allows 7"):
        readback("A_RBV", lambda: 0.0, "d", "photons/s")
    with pytest.raises(ValueError, match="stands twice"):
        Database([counter("A_RBV", lambda: 0, "d"), counter("A_RBV", lambda: 0, "d")], "T:")
    with pytest.raises(ValueError, match="Channel Access allows 59"):
        Database([counter("A" * 58, lambda: 0, "d")], "T:")


def test_control_limits_follow_the_instrument(run: Run) -> None:
    limits = [0.0, 5.0]
    record = setpoint(
        "A", lambda: 0.0, lambda _: None, "d", "A", control=lambda: (limits[0], limits[1])
    )
    database = Database([record], "T:")

    async def story() -> None:
        await database.post()
        properties = await monitor(database["A"], SubscriptionType.DBE_PROPERTY)
        limits[1] = 2.0
        await database.post()
        assert controlled(database["A"]) == (0.0, 2.0)
        assert len(properties.updates()) == 1
        with pytest.raises(Refused, match=r"outside 0 to 2 A"):
            await database.put("A", 3.0)

    run(story())
