"""What is put together at once has the bytes that caproto's way makes."""

from __future__ import annotations

import asyncio
from typing import Any

import caproto as ca
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iocs.documents.pages import build
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.scalars import scalar_payload
from pvdb.records import Severity, Status

KINDS = range(int(ca.ChannelType.CTRL_DOUBLE) + 1)
CHANNELS = {
    "double": lambda value: ca.ChannelDouble(value=value),
    "long": lambda value: ca.ChannelInteger(value=value),
    "short": lambda value: ca.ChannelShort(value=value),
    "enum": lambda value: ca.ChannelEnum(value=value, enum_strings=("Off", "On", "ö")),
    "text": lambda value: ca.ChannelString(value=value, string_encoding="utf-8"),
}
VALUES = {
    "double": st.floats(),
    "long": st.integers(-(2**31), 2**31 - 1),
    "short": st.integers(-(2**15), 2**15 - 1),
    "enum": st.sampled_from(["Off", "On", "ö"]),
    "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=45),
}


def the_long_way(posted: Posted, kind: int, count: int) -> tuple[bytes, ...] | str:
    try:
        return posted.update(ca.ChannelType(kind).name).parts(kind, count)
    except Exception as failure:
        return type(failure).__name__


def both_ways(entry: Any) -> int:
    """Compare all types; how many of them were put together at once."""
    posted = Posted(entry)
    at_once = 0
    for kind in KINDS:
        for count in (0, 1, 2):
            expected = the_long_way(posted, kind, count)
            try:
                found: Any = posted.parts(kind, count, ca.ChannelType(kind).name)
            except Exception as failure:
                found = type(failure).__name__
            assert found == expected, (entry, ca.ChannelType(kind).name, count)
        at_once += scalar_payload(entry, posted._data, posted._alarm, kind) is not None
    return at_once


@pytest.mark.parametrize("name", CHANNELS)
@given(data=st.data())
def test_any_value(name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[name])
    entry = CHANNELS[name]("" if name == "text" else value)
    entry._data["value"] = value
    entry._data["timestamp"] = ca.TimeStamp(
        data.draw(st.integers(0, 2**32 - 1)), data.draw(st.integers(0, 10**9 - 1))
    )
    entry.alarm._data["status"] = data.draw(st.sampled_from(list(Status)))
    entry.alarm._data["severity"] = data.draw(st.sampled_from(list(Severity)))
    plain = name != "text" or (value.isascii() and len(value) < 40)
    assert both_ways(entry) == int(plain)


@pytest.mark.parametrize("machine", ["amrr", "haloscope"])
def test_every_record_and_some_of_its_fields(machine: str) -> None:
    database = build(machine).database
    asyncio.run(database.post())
    at_once = 0
    for name, channel in database.channels.items():
        at_once += both_ways(channel)
        for field in ("HIHI", "DESC", "SEVR"):
            try:
                both_ways(database[f"{name}.{field}"])
            except KeyError:
                continue
    assert at_once > 0.8 * len(database.channels), "most records are as plain as that"


@pytest.mark.parametrize("value", [7, -1, "nowhere", None, 1.5])
def test_a_state_that_is_none_goes_the_long_way(value: Any) -> None:
    entry = CHANNELS["enum"]("On")
    entry._data["value"] = value
    assert both_ways(entry) == 0
