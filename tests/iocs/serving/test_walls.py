"""A client's type, filter or buffer never reaches who posts: what fails ends one subscription."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import caproto as ca
import numpy as np
import pytest

from iocs.serving.caproto_overrides import ServingContext, _publish
from iocs.serving.clients.circuit import ServingCircuit
from iocs.serving.clients.readings import ClientChannel
from iocs.serving.filtering.filter_text import parse_name
from iocs.serving.filtering.filters import make_filters
from iocs.serving.limits import Limits
from iocs.serving.messages import HEADER, CaCommand, Request
from iocs.serving.sending.posted import Posted, at_once
from iocs.serving.sending.updates import Update
from tests.iocs.conftest import Run

STRING, DOUBLE, STS_STRING, VALUE, GETFAIL = 0, 6, 7, 1, 152


class Writer:
    """A client's end that takes all that is sent."""

    def __init__(self) -> None:
        self.sent = b""
        self.transport = SimpleNamespace(
            is_closing=lambda: False, abort=lambda: None, get_write_buffer_size=lambda: 0
        )

    def write(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _: str) -> None:
        return None


class Client:
    """A circuit without a socket, and what it was sent."""

    def __init__(self, context: ServingContext | None = None) -> None:
        self.writer = Writer()
        self.context = context or ServingContext({}, ["127.0.0.1"], Limits())
        streams = SimpleNamespace(writer=self.writer)
        self.circuit = ServingCircuit(("127.0.0.1", 1), streams, self.context)

    def subscribe(self, entry: Any, kind: int = DOUBLE, name: str = "A", number: int = 1) -> None:
        mask = struct.pack(">fffH2x", 0, 0, 0, VALUE)
        filters = make_filters(parse_name(name).filters)
        channel = ClientChannel(name, 7, 7, entry, filters, long_text=False)
        request = Request(CaCommand.EVENT_ADD, kind, 0, 7, number, mask)
        self.circuit.answers.subscriptions.begin(request, channel)

    async def received(self) -> list[tuple[int, int, int, bytes]]:
        """Messages since the last call: command, first and second number, payload."""
        await self.circuit.tell()
        self.circuit.outbound.write()
        data, self.writer.sent = self.writer.sent, b""
        found = []
        while data:
            command, size, _, _, first, second = HEADER.unpack_from(data)
            found.append((command, first, second, data[16 : 16 + size]))
            data = data[16 + size :]
        return found


def told_to_fail(message: tuple[int, int, int, bytes]) -> bool:
    command, _, status, _ = message
    return (command, status) == (CaCommand.ERROR, GETFAIL)


def text(value: str) -> Any:
    return ca.ChannelString(value=value, string_encoding="utf-8")


async def post(entry: Any, value: Any) -> None:
    """Post as the machine does: it must never raise."""
    entry._data["value"] = value
    await _publish(entry, VALUE)


def doubles(messages: list[tuple[int, int, int, bytes]]) -> list[float]:
    return [struct.unpack(">d", payload[:8])[0] for *_, payload in messages]


async def failing_later(
    entry: Any, kind: int, name: str, spoil: Callable[[], Any]
) -> tuple[list[Any], list[Any], bool]:
    """One of two subscribers begins to fail: what both get, and whether the books have one left."""
    bad = Client()
    good = Client(bad.context)
    bad.subscribe(entry, kind, name)
    good.subscribe(entry, STRING)
    await bad.received()
    await good.received()
    spoil()
    await post(entry, "abc")
    await post(entry, "def")
    got = await bad.received(), await good.received()
    kept = [one for several in bad.context.fanout._subscriptions.values() for one in several]
    return *got, [one.circuit for one in kept] == [good.circuit]


def check(failed: list[Any], good: list[Any], alone: bool, log: str) -> None:
    assert len(failed) == 1
    assert told_to_fail(failed[0])
    assert [payload.rstrip(b"\0") for *_, payload in good] == [b"abc", b"def"]
    assert alone
    assert log.count("its subscription as") == 1


def test_a_value_that_becomes_no_number_ends_the_subscription_as_a_number(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    story = failing_later(text("1.5"), DOUBLE, "A", lambda: None)
    check(*run(story), caplog.text)


def test_a_filter_that_fails_ends_its_subscription(
    run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> bool:
        raise TypeError("unsupported operand type(s) for -: 'bytes' and 'bytes'")

    def spoil() -> None:
        monkeypatch.setattr("iocs.serving.filtering.filters.Deadband.passes", fails)

    check(*run(failing_later(text("x"), STRING, 'A.{"dbnd":{}}', spoil)), caplog.text)


def test_an_encoding_that_fails_ends_its_subscription(
    run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Update.parts

    def fails(self: Update, kind: int, count: int) -> tuple[bytes, bytes, bytes]:
        if kind == STS_STRING:  # the one who asks for the alarm, too
            raise struct.error("short")
        return parts(self, kind, count)

    def spoil() -> None:
        monkeypatch.setattr(Update, "parts", fails)

    check(*run(failing_later(text("x"), STS_STRING, "A", spoil)), caplog.text)


@pytest.mark.parametrize("keeps_up", [True, False])
def test_a_circuit_that_fails_does_not_keep_the_others_from_theirs(
    run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, keeps_up: bool
) -> None:
    async def story() -> list[Any]:
        bad, entry = Client(), ca.ChannelDouble(value=1.0)
        good = Client(bad.context)
        bad.subscribe(entry)
        good.subscribe(entry)
        await bad.received()
        await good.received()

        def fails(*_: Any) -> None:
            raise MemoryError

        if keeps_up:
            monkeypatch.setattr(bad.circuit.monitors, "add", fails)
        else:
            bad.circuit.monitors.close()
            monkeypatch.setattr(bad.circuit, "post", fails)
        for value in (2.0, 3.0):
            await post(entry, value)
        return await good.received()

    assert doubles(run(story())) == [2.0, 3.0]
    assert caplog.text.count("giving out a value failed: MemoryError") == 1


@pytest.mark.parametrize("name", ["A", 'A.{"dbnd":{"abs":1.0}}', 'A.{"dec":{"n":2}}'])
def test_a_first_value_that_cannot_be_had_leaves_no_subscription(run: Run, name: str) -> None:
    async def story() -> None:
        client, entry = Client(), text("0 days, 00:00:05")
        with pytest.raises(ca.CaprotoConversionError):
            client.subscribe(entry, DOUBLE, name)
        assert not client.context.fanout._subscriptions
        assert not entry._queues
        await post(entry, "0 days, 00:00:06")
        assert await client.received() == []

    run(story())


def test_a_first_value_that_cannot_be_encoded_leaves_no_subscription(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise struct.error("short")

    monkeypatch.setattr(Update, "message", fails)

    async def story() -> None:
        client, entry = Client(), ca.ChannelDouble(value=1.0)
        with pytest.raises(struct.error):
            client.subscribe(entry)
        assert not client.context.fanout._subscriptions
        assert not entry._queues

    run(story())


def test_what_is_given_out_is_what_was_posted(run: Run) -> None:
    async def story() -> tuple[list[float], list[float]]:
        client, entry = Client(), ca.ChannelDouble(value=1.0)
        late = Client(client.context)
        client.subscribe(entry)
        await client.received()
        for value in (2.0, 3.0):
            await post(entry, value)
        late.subscribe(entry)  # the values posted before it came are not for it
        entry._data["value"] = 4.0
        return doubles(await client.received()), doubles(await late.received())

    assert run(story()) == ([2.0, 3.0], [3.0])


def test_an_array_that_changes_after_it_was_posted_is_given_out_as_it_was(run: Run) -> None:
    async def story() -> bytes:
        client, entry = Client(), ca.ChannelDouble(value=np.zeros(2), max_length=2)
        client.subscribe(entry)
        await client.received()
        array = np.ones(2)
        await post(entry, array)
        array[:] = 5.0
        return (await client.received())[0][3]

    assert run(story()) == struct.pack(">2d", 1.0, 1.0)


def test_posting_works_out_nothing_of_a_client(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> list[str]:
        seen = []
        entry = ca.ChannelDouble(value=1.0)
        client = Client()
        client.subscribe(entry)
        await client.received()
        monkeypatch.setattr(Posted, "update", lambda *_: seen.append("converted"))
        entry._data["value"] = 2.0
        posting = _publish(entry, VALUE)
        with pytest.raises(StopIteration):
            posting.send(None)
        return list(seen)

    assert run(story()) == []


def test_a_conversion_that_suspends_is_an_error(run: Run) -> None:
    async def suspends() -> tuple[int, int]:
        await asyncio.sleep(0)
        return 1, 2

    async def story() -> None:
        with pytest.raises(RuntimeError, match="suspended"):
            at_once(suspends())

    run(story())


def test_when_the_last_subscriber_has_gone_nothing_is_copied_any_more(run: Run) -> None:
    async def story() -> None:
        client, entry = Client(), ca.ChannelDouble(value=1.0)
        client.subscribe(entry, number=1)
        client.subscribe(entry, STRING, number=2)
        client.circuit.answers.subscriptions.end_all(lambda _: True)
        assert not entry._queues
        assert not client.context.fanout._subscriptions

    run(story())
