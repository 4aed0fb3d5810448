"""The rules of the records layer, one test or more for each; without the rule its test fails."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest
from caproto import AlarmSeverity, AlarmStatus, ChannelType, SubscriptionType

from instruments.errors import Refused
from iocs.records import Database, Superseded, choice, counter, readback, setpoint, text, waveform
from tests.iocs.conftest import Bench, Run, monitor
from tests.iocs.toy import Toy, toy_records


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
        assert bench.database["Temp_RBV"].alarm.severity == AlarmSeverity.MINOR_ALARM
        assert bench.database["Other_RBV"].alarm.severity == AlarmSeverity.NO_ALARM
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
    assert database["A_RBV"].alarm.severity == AlarmSeverity.NO_ALARM


def _only_high() -> Any:
    from iocs.records import AlarmLimits

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
    assert database["Bad_RBV"].alarm.severity == AlarmSeverity.INVALID_ALARM
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
        assert database["Odd"].alarm.severity == AlarmSeverity.INVALID_ALARM
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
        assert database["Odd"].alarm.severity == AlarmSeverity.INVALID_ALARM

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
    assert (alarm.severity, alarm.alarm_string) == (AlarmSeverity.INVALID_ALARM, "sensor open")


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
        assert bench.database["Temp_RBV"].alarm.severity == AlarmSeverity.MINOR_ALARM
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


# -- 6: puts ------------------------------------------------------------------------------------

BAD_PUTS = [
    ("Temp", math.nan),
    ("Temp", math.inf),
    ("Temp", -math.inf),
    ("Temp", 401.0),
    ("Temp", 199.9),
    ("Temp", "hot"),
    ("Temp", [300.0, 301.0]),
    ("Temp", []),
    ("Averages", 0),
    ("Averages", 2.5),
    ("Averages", 3_000_000_000),
    ("Mode", 3),
    ("Mode", -1),
    ("Mode", "Four"),
    ("Mode", 0.5),
    ("Mode", math.nan),
    ("Lights", 7),
    ("Temp_RBV", 300.0),
    ("Message_RBV", "x"),
    ("Picture_RBV", [1.0]),
    ("Mode_RBV", 1),
    ("Temp.DESC", "x" * 41),
    ("Temp.PREC", 99),
    ("Temp.EGU", "mK"),
    ("Temp_RBV.MDEL", math.inf),
]


@pytest.mark.parametrize(("name", "value"), BAD_PUTS, ids=lambda item: str(item)[:12])
def test_a_bad_put_is_refused_says_so_and_moves_nothing(
    bench: Bench, run: Run, name: str, value: Any
) -> None:
    async def story() -> None:
        await bench.database.post()
        before = {record: channel.value for record, channel in bench.database.channels.items()}
        kept = bench.database[name].value
        with pytest.raises(Refused) as caught:
            await bench.database.put(name, value)
        await bench.database.post()
        after = {record: channel.value for record, channel in bench.database.channels.items()}
        np.testing.assert_equal(after, before)
        np.testing.assert_equal(bench.database[name].value, kept)
        assert bench.database.refusal == str(caught.value)
        assert name.partition(".")[0] in bench.database.refusal
        assert bench.puts[-1].refused == str(caught.value)

    run(story())


def test_what_the_machine_refuses_is_refused_and_shown(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        await bench.database.put("Lights", "On")
        with pytest.raises(Refused, match="with the lights on"):
            await bench.database.put("Temp", 360.0)
        assert bench.database["Temp"].value == 300.0
        assert bench.database["Temp"].alarm.status == AlarmStatus.WRITE
        await bench.database.put("Lights", 0)
        bench.toy.temperature_k = 301.0
        await bench.database.put("Temp", 301.0) if bench.toy.there else None

    run(story())


def test_an_accepted_put_clears_the_alarm_of_a_refused_one(bench: Bench, run: Run) -> None:
    async def story() -> None:
        with pytest.raises(Refused):
            await bench.database.put("Averages", 0)
        assert bench.database["Averages"].alarm.severity == AlarmSeverity.MINOR_ALARM
        await bench.database.put("Averages", 5)
        assert bench.database["Averages"].alarm.severity == AlarmSeverity.NO_ALARM

    run(story())


def test_a_put_completes_after_the_readback_is_true(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        put = asyncio.create_task(bench.database.put("Temp", 302.0))
        await bench.let_pass(1.0)
        assert not put.done()
        assert bench.database["Temp"].value == 302.0
        assert bench.database["Temp_RBV"].value == pytest.approx(301.0)
        readings = await monitor(bench.database["Temp_RBV"])
        await bench.let_pass(1.5)
        await put
        assert readings.values()[-1] == 302.0

    run(story())


def test_what_a_put_changes_elsewhere_is_posted_before_it_completes(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        bench.toy.stale = ""
        reset = bench.database["Reset"].record
        object.__setattr__(reset, "write", lambda _: setattr(bench.toy, "stale", "reset"))
        await bench.database.put("Reset", 1)
        assert bench.database["Message_RBV"].value == "reset"

    run(story())


def test_who_is_told_of_a_refusal_finds_its_reason(run: Run) -> None:
    """At once, not with the next tick."""
    toy = Toy()

    def last() -> str:
        return database.refusal

    database = Database([*toy_records(toy), text("Refusal_RBV", last, "Why")], "T:")

    async def story() -> None:
        await database.post()
        with pytest.raises(Refused, match="Temp"):
            await database.put("Temp", 1e9)
        assert "Temp" in database["Refusal_RBV"].value
        await database.forbid(database["Temp_RBV"], 1.0, "guest@x", "")
        assert database["Refusal_RBV"].value == "Temp_RBV is not writable for guest@x"

    run(story())


def test_a_second_put_supersedes_the_first(bench: Bench, run: Run) -> None:
    async def story() -> None:
        first = asyncio.create_task(bench.database.put("Temp", 305.0))
        await bench.let_pass(0.5)
        second = asyncio.create_task(bench.database.put("Temp", 299.0))
        await bench.let_pass(0.1)
        with pytest.raises(Superseded):
            await first
        await bench.let_pass(3.0)
        await second
        assert bench.toy.temperature_k == 299.0

    run(story())


def test_a_refused_put_does_not_disturb_the_one_under_way(bench: Bench, run: Run) -> None:
    async def story() -> None:
        first = asyncio.create_task(bench.database.put("Temp", 301.0))
        await bench.let_pass(0.5)
        with pytest.raises(Refused):
            await bench.database.put("Temp", math.nan)
        await bench.let_pass(1.0)
        await first

    run(story())


def test_acquire_completes_when_idle_and_refuses_a_second_start(bench: Bench, run: Run) -> None:
    async def story() -> None:
        picture = asyncio.create_task(bench.database.put("Acquire", 1))
        await bench.let_pass(0.5)
        assert bench.database["Acquire"].value == "Acquire"
        with pytest.raises(Refused, match="exposes already"):
            await bench.database.put("Acquire", 1)
        await bench.let_pass(1.0)
        await picture
        assert bench.database["Acquire"].value == "Done"
        assert list(bench.database["Picture_RBV"].value) == [1.0] * 4

    run(story())


def test_a_command_acts_once_and_returns_to_rest(bench: Bench, run: Run) -> None:
    async def story() -> None:
        updates = await monitor(bench.database["Reset"])
        await bench.database.put("Reset", 1)
        await bench.database.put("Reset", 1)
        await bench.database.put("Reset", 0)
        assert bench.toy.resets == 2
        assert bench.database["Reset"].value == "Done"
        assert updates.values()[:4] == [1, 0, 1, 0]

    run(story())


def test_a_value_may_come_as_text_or_as_the_name_of_a_state(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.put("Mode", "Three")
        await bench.database.put("Lights", "1")
        await bench.database.put("Averages", "12")
        assert (bench.toy.mode, bench.toy.lights, bench.toy.averages) == (2, 1, 12)

    run(story())


def test_metadata_that_a_client_sends_along_is_ignored(bench: Bench, run: Run) -> None:
    from caproto._dbr import DBR_CTRL_DOUBLE

    async def story() -> None:
        metadata = DBR_CTRL_DOUBLE(units=b"bananas", upper_ctrl_limit=1e9)
        channel = bench.database["Averages"]
        await channel.auth_write("host", "user", np.array([5.0]), ChannelType.CTRL_DOUBLE, metadata)
        assert channel.value == 5
        assert channel.units == ""
        assert controlled(channel) == (1, 100)

    run(story())


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
        with pytest.raises(Refused, match=r"outside 0\.\.2 A"):
            await database.put("A", 3.0)

    run(story())
