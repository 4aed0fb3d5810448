"""What is put together at once has the bytes that caproto's way makes."""

from __future__ import annotations

import asyncio
from typing import Any

import caproto as ca
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iocs.documents.pages import build
from iocs.serving.clients import readings
from iocs.serving.clients.identity import Identity
from iocs.serving.clients.readings import ClientChannel
from iocs.serving.filtering.filters import NO_FILTERS
from iocs.serving.messages import CaCommand, Request
from iocs.serving.sending.arrays import array_payload
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.scalars import scalar_payload
from iocs.serving.sending.updates import SMALL_BYTES, Update
from pvdb.records import Severity, Status
from tests.iocs.serving.test_walls import Client, post

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
@settings(deadline=None)
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
    assert both_ways(entry) == 2 * plain  # plain and with its time


@settings(deadline=None)
@given(values=st.lists(st.floats(), max_size=5), count=st.integers(0, 6))
def test_any_array(values: list[float], count: int) -> None:
    entry = ca.ChannelDouble(value=np.array(values, float), max_length=10)
    entry.alarm._data["severity"] = list(Severity)[-1]
    posted = Posted(entry)
    at_once = 0
    for kind in (kind for kind in KINDS if ca.ChannelType(kind).name.endswith("DOUBLE")):
        expected = the_long_way(posted, kind, count)
        assert posted.parts(kind, count, ca.ChannelType(kind).name) == expected
        made = array_payload(entry, posted._data, posted._alarm, kind, count)
        at_once += made is not None
    assert at_once == (2 if values and count <= len(values) else 0)


@pytest.mark.parametrize(
    "value", [np.arange(3), np.arange(3.0, dtype=np.float32), np.ones((2, 2)), [1.0, 2.0], 1.0]
)
def test_what_is_no_array_of_doubles_goes_the_long_way(value: Any) -> None:
    entry = ca.ChannelDouble(value=1.0, max_length=10)
    entry._data["value"] = value
    posted = Posted(entry)
    kind = int(ca.ChannelType.TIME_DOUBLE)
    assert array_payload(entry, posted._data, posted._alarm, kind, 0) is None


def test_a_large_array_is_made_once_and_kept_while_it_is_given_out_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> None:
        raise AssertionError("it went the long way")

    monkeypatch.setattr(Update, "parts", fails)
    posted = Posted(ca.ChannelDouble(value=np.ones(SMALL_BYTES), max_length=SMALL_BYTES))
    kind = ca.ChannelType.TIME_DOUBLE
    first = posted.parts(int(kind), 0, kind.name)
    assert posted.parts(int(kind), 0, kind.name)[2] is first[2]
    assert len(posted.parts(int(kind), 5, kind.name)[2]) == 16 + 5 * 8, "another number of elements"
    posted.given_out()
    assert posted.parts(int(kind), 0, kind.name)[2] is not first[2]


def test_for_who_does_not_keep_up_nothing_is_made_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    stock = Posted.parts

    def parts(self: Posted, *asked: Any) -> Any:
        made.append(1)
        return stock(self, *asked)

    monkeypatch.setattr(Posted, "parts", parts)

    async def story() -> tuple[int, int]:
        slow, entry = Client(), ca.ChannelDouble(value=np.zeros(5), max_length=5)
        fast = Client(slow.context)
        slow.subscribe(entry)
        await slow.received()
        slow.circuit.monitors.close()
        await post(entry, np.ones(5))
        slow.context.fanout.deliver()
        alone = len(made)
        fast.subscribe(entry)
        await post(entry, np.full(5, 2.0))
        received = [one[3] for one in await fast.received()]
        assert received[-1] == np.full(5, 2.0, ">f8").tobytes()
        assert [one[3] for one in await slow.received()] == [
            np.full(5, value, ">f8").tobytes() for value in (1.0, 2.0)
        ]
        return alone, len(made)

    assert asyncio.run(story()) == (0, 1)


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


@pytest.mark.parametrize("machine", ["amrr", "haloscope"])
def test_a_reading_is_the_same_at_once(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = build(machine).database
    at_once = readings._at_once
    used = 0

    async def reply(channel: ClientChannel, kind: int, count: int) -> bytes | str:
        request = Request(CaCommand.READ_NOTIFY, kind, count, 1, 7)
        try:
            return await readings.read(request, channel, Identity(("127.0.0.1", 1), 2))
        except Exception as failure:
            return type(failure).__name__

    async def story() -> None:
        nonlocal used
        await database.post()
        for name in database.channels:
            for way in (name, *([] if "." in name else [f"{name}.DESC"])):
                channel = ClientChannel(way, 1, 1, database[way], NO_FILTERS, long_text=False)
                for kind in KINDS:
                    for count in (0, 1, 2):
                        monkeypatch.setattr(readings, "_at_once", at_once)
                        found = await reply(channel, kind, count)
                        monkeypatch.setattr(readings, "_at_once", lambda *_: None)
                        assert found == await reply(channel, kind, count), (way, kind, count)
                request = Request(CaCommand.READ_NOTIFY, int(channel.entry.data_type), 1, 1, 7)
                used += at_once(request, channel, Identity(("127.0.0.1", 1), 2)) is not None

    asyncio.run(story())
    assert used > 0.7 * len(database.channels)


def test_an_array_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    database = build("haloscope").database
    entry = database["DAQ:Spectrum_RBV"]
    monkeypatch.setitem(entry._data, "value", np.arange(100_000.0))
    monkeypatch.setattr(type(entry), "auth_read", None)
    channel = ClientChannel("Spectrum", 1, 1, entry, NO_FILTERS, long_text=False)
    request = Request(CaCommand.READ_NOTIFY, int(ca.ChannelType.DOUBLE), 0, 1, 7)
    reply = asyncio.run(readings.read(request, channel, Identity(("127.0.0.1", 1), 2)))
    assert reply[-16:] == np.array([99_998, 99_999], ">f8").tobytes()
    assert len(reply) == 24 + 800_000


def test_who_may_not_read_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    database = build("haloscope").database
    channel = ClientChannel("Rod", 1, 1, database["Rod"], NO_FILTERS, long_text=False)
    monkeypatch.setattr(database, "rights", lambda *_: ca.AccessRights.NO_ACCESS)
    request = Request(CaCommand.READ_NOTIFY, int(ca.ChannelType.DOUBLE), 1, 1, 7)
    with pytest.raises(ca.Forbidden):
        asyncio.run(readings.read(request, channel, Identity(("127.0.0.1", 1), 2)))
