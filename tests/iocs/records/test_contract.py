"""The contract of every process variable of both IOCs. One test per rule, over all of them.

Each test collects what breaks its rule, so that a failure names all offenders at once.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from caproto import AccessRights, ChannelType, Forbidden

from instruments.errors import Refused
from iocs.ioc import Ioc
from iocs.records import Database
from iocs.records.channels import LiveChannel
from pvdb.records import Record, Severity, Wire
from tests.iocs.plants import NAMES, shared

NUMBERS = (Wire.DOUBLE, Wire.FLOAT, Wire.LONG, Wire.SHORT)


@pytest.fixture(params=NAMES)
def ioc(request: pytest.FixtureRequest) -> Ioc:
    ioc = shared(request.param)
    asyncio.run(ioc.database.post())
    return ioc


def channels(ioc: Ioc) -> Iterator[tuple[str, LiveChannel, Record]]:
    for name, channel in ioc.database.channels.items():
        yield name, channel, channel.record


def is_field(name: str) -> bool:
    return "." in name


def test_names_follow_the_rules(ioc: Ioc) -> None:
    shape = re.compile(r"[A-Z][A-Za-z0-9]*(:[A-Za-z0-9]+)*(_RBV)?(\.[A-Z]{1,4})?$")
    statistics = re.compile(r"IOC:[A-Za-z_]+$")
    bad = [n for n, _, _ in channels(ioc) if not shape.match(n) and not statistics.match(n)]
    assert not bad
    assert all(len(full) <= 59 for full in ioc.database.pvdb)


def test_read_only_values_end_in_rbv(ioc: Ioc) -> None:
    bad = [
        name
        for name, _, record in channels(ioc)
        if not record.writable and not name.endswith("_RBV") and not is_field(name)
        and not name.startswith("IOC:")
    ]  # fmt: skip
    assert not bad
    assert not [n for n, _, record in channels(ioc) if record.writable and n.endswith("_RBV")]


def test_every_record_has_a_description_that_fits(ioc: Ioc) -> None:
    assert not [n for n, c, _ in channels(ioc) if not 2 <= len(c.description) <= 40]


def test_numbers_of_a_dimension_have_units_that_fit(ioc: Ioc) -> None:
    assert not [n for n, _, r in channels(ioc) if len(r.units.encode()) > 7]
    bare = {n for n, _, r in channels(ioc) if r.wire is Wire.DOUBLE and not r.units}
    assert not {n for n in bare if re.search(r"Temp|Current|Field|Voltage|Frequency|Power", n)}


def test_every_channel_has_an_alarm_of_its_own(ioc: Ioc) -> None:
    alarms = {id(channel.alarm) for _, channel, _ in channels(ioc)}
    assert len(alarms) == len(ioc.database.channels)


def test_all_four_alarm_limits_are_set_and_in_order(ioc: Ioc) -> None:
    for name, channel, record in channels(ioc):
        if record.wire is not Wire.DOUBLE:
            continue
        limits = [channel._data[f"{key}_limit"] for key in (
            "lower_alarm", "lower_warning", "upper_warning", "upper_alarm")]  # fmt: skip
        assert limits == sorted(limits), name
        assert limits[0] < limits[3], name


def test_a_healthy_machine_raises_no_alarm(ioc: Ioc) -> None:
    raised = {
        name: str(channel.alarm)
        for name, channel, _ in channels(ioc)
        if channel.alarm.severity and not _not_yet_measured(channel)
    }
    assert not raised


def _not_yet_measured(channel: LiveChannel) -> bool:
    return isinstance(channel.value, float) and math.isnan(channel.value)


def test_only_setpoints_have_control_limits(ioc: Ioc) -> None:
    for name, channel, record in channels(ioc):
        if record.wire not in NUMBERS or record.array:
            continue
        low, high = channel._data["lower_ctrl_limit"], channel._data["upper_ctrl_limit"]
        if record.writable and record.control is not None:
            assert low < high, name
        elif not record.writable:
            assert (low, high) == (0, 0), name


def test_analog_setpoints_have_control_limits(ioc: Ioc) -> None:
    bad = [n for n, _, r in channels(ioc) if r.kind in ("ao", "longout") and not r.control]
    assert not bad


def test_fields_tell_what_the_wire_tells(ioc: Ioc) -> None:
    async def story() -> None:
        for name, channel, record in channels(ioc):
            if record.wire is not Wire.DOUBLE or is_field(name):
                continue
            metadata, _ = await channel.read(ChannelType.CTRL_DOUBLE)
            told = {
                "EGU": metadata.units.decode(),
                "PREC": metadata.precision,
                "HOPR": metadata.upper_disp_limit,
                "LOPR": metadata.lower_disp_limit,
            }
            if record.kind == "ao":
                told |= {"DRVH": metadata.upper_ctrl_limit, "DRVL": metadata.lower_ctrl_limit}
            if not record.array:
                told |= {"HIHI": metadata.upper_alarm_limit, "HIGH": metadata.upper_warning_limit}
            assert {key: channel.get_field(key).value for key in told} == told, name
            assert channel.get_field("DESC").value == record.description
            assert channel.get_field("RTYP").value == channel.reported_record_type

    asyncio.run(story())


def test_waveforms_tell_their_sizes_and_keep_a_short_queue(ioc: Ioc) -> None:
    for name, channel, record in channels(ioc):
        if record.array:
            assert channel.get_field("NELM").value == record.length, name
            assert channel.get_field("NORD").value == np.size(channel.value), name
            assert channel.max_subscription_backlog <= 2, name


def test_every_value_can_be_read_in_every_type_that_it_converts_to(ioc: Ioc) -> None:
    async def story() -> None:
        for name, channel, record in channels(ioc):
            for data_type in ChannelType:
                kind = data_type.name.rpartition("_")[2]
                if kind in ("ACKT", "ACKS", "NAME") or (kind != "STRING" and _is_text(record)):
                    continue
                try:
                    await channel.read(data_type)
                except Exception as error:
                    raise AssertionError(f"{name} as {data_type.name}: {error!r}") from error

    asyncio.run(story())


def _is_text(record: Record) -> bool:
    return record.wire is Wire.STRING


def test_states_fit(ioc: Ioc) -> None:
    for name, _, record in channels(ioc):
        if record.wire is Wire.ENUM:
            assert 2 <= len(record.states) <= 16, name
            assert all(0 < len(state.name) <= 25 for state in record.states), name


def test_read_only_is_enforced_for_every_client(ioc: Ioc) -> None:
    async def story() -> None:
        for name, channel, record in channels(ioc):
            if record.writable:
                continue
            assert AccessRights.WRITE not in channel.check_access("host", "user"), name
            with pytest.raises(Forbidden):
                await channel.auth_write("host", "user", np.array([1.0]), ChannelType.DOUBLE, None)

    asyncio.run(story())


def bad_values(record: Record) -> Iterator[Any]:
    if record.wire is Wire.ENUM:
        yield from (len(record.states), -1, 0.5, math.nan, "No such state", [0, 1], [])
    elif record.wire in NUMBERS:
        yield from (math.nan, math.inf, -math.inf, "wrong", "", [1.0, 2.0], [])
        limits = record.control_range()
        if limits is not None and not record.write_checks_range:
            yield from (limits[1] + 1.0, limits[0] - 1.0)
        if record.wire.integer:
            yield from (2.5, 2**40)
    elif record.wire is Wire.STRING:
        yield from ("x" * (record.length + 1), 7)


def test_bad_puts_to_every_writable_pv_are_refused_and_move_nothing(ioc: Ioc) -> None:
    async def story() -> int:
        tried = 0
        for name, channel, record in channels(ioc):
            if not record.writable:
                continue
            before, state = channel.value, _flat(ioc.plant.machine.state())
            for value in bad_values(record):
                ioc.database.refusal = ""
                with pytest.raises(Refused):
                    await ioc.database.put(name, value)
                assert ioc.database.refusal, name
                np.testing.assert_equal(channel.value, before, err_msg=name)
                tried += 1
            np.testing.assert_equal(_flat(ioc.plant.machine.state()), state, err_msg=name)
            channel.refusal = ""
        return tried

    assert asyncio.run(story()) > 100


def _flat(state: dict[str, Any]) -> list[Any]:
    return [item for key in sorted(state) for item in (key, state[key])]


def test_texts_of_any_length_fit_the_wire(ioc: Ioc) -> None:
    """A text of two-byte letters, longer than any record takes, as each text record would read."""

    async def story() -> int:
        tried = 0
        for name, _, record in channels(ioc):
            if not _is_text(record):
                continue
            long = replace(record, name="Long", read=lambda: "x" + "ä" * 400, trouble=None)
            database = Database([long], "T:")
            await database.post()
            channel = database["Long"]
            assert len(str(channel.value).encode()) <= record.length, name
            assert str(channel.value).endswith("..."), name
            tried += 1
        return tried

    assert asyncio.run(story()) > 10


def test_severities_of_limits_without_a_limit_are_none(ioc: Ioc) -> None:
    for name, channel, record in channels(ioc):
        if record.kind in ("ai", "ao"):
            for limit, key in (("HIHI", "HHSV"), ("HIGH", "HSV"), ("LOW", "LSV"), ("LOLO", "LLSV")):
                severity = channel.get_field(key).value
                assert (severity == "NO_ALARM") == math.isinf(channel.get_field(limit).value), name


def test_temperatures_have_alarm_limits(ioc: Ioc) -> None:
    bad = [
        name
        for name, _, record in channels(ioc)
        if record.kind == "ai" and record.units == "K" and name.endswith(":Temp_RBV")
        and not any(record.alarms.severity(limit) for limit in ("high", "hihi"))
    ]  # fmt: skip
    assert not bad


def test_alarming_states_are_marked(ioc: Ioc) -> None:
    for name, _, record in channels(ioc):
        for state in record.states:
            if state.name in ("Quench", "Fault", "Blocked"):
                assert state.severity is Severity.MAJOR_ALARM, name


def test_the_simulations_truth_is_served_and_readable_by_nobody(ioc: Ioc) -> None:
    truth = [name for name, _, record in channels(ioc) if name.startswith("Sim:True")]
    assert truth
    for name in truth:
        assert ioc.database[name].check_access("localhost", "root") == AccessRights.NO_ACCESS
        assert ioc.database[f"{name}.DESC"].check_access("here", "root") == AccessRights.NO_ACCESS
