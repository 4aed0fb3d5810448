"""What comes is answered where it comes, as it would be otherwise, and nothing overtakes."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iocs.records import Database
from iocs.serving.caproto_overrides import ServingContext
from iocs.serving.clients.at_once import MOST_PUTS
from iocs.serving.limits import Limits
from iocs.serving.listening.accepting import Incoming
from iocs.serving.messages import HEADER
from pvdb.records import Record, readback, setpoint
from tests.fuzz import inbound
from tests.iocs.conftest import Run
from tests.iocs.serving.test_walls import Client, text
from tests.live import raw_client as ca
from tests.live.exchange import frame, subscription

NAMES = (b"T:A\0", b"T:A_RBV\0", b"T:Slow\0")
A, A_RBV, SLOW = 1, 2, 3


class Machine:
    """A setpoint, its readback, and one that takes its time."""

    def __init__(self) -> None:
        self.value = 0.0
        self.there = False
        self.passes = 0
        self.database = Database(self.table(), "T:")

    def table(self) -> list[Record]:
        every = (-1e3, 1e3)
        return [
            setpoint("A", lambda: self.value, self.take, "Setpoint", control=every),
            readback("A_RBV", self.read, "Readback"),
            setpoint("Slow", None, self.take, "Takes time", control=every, done=lambda: self.there),
        ]

    def take(self, value: float) -> None:
        self.value = value

    def read(self) -> float:
        self.passes += 1
        return self.value


@contextlib.asynccontextmanager
async def served(pvdb: dict[str, Any], names: Sequence[bytes] = NAMES) -> AsyncIterator[Client]:
    """A client with its channels open, from 1 on, whose circuit waits for what comes."""
    context = ServingContext(pvdb, ["127.0.0.1"], Limits())
    context.port = 5064
    client = Client(context)
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    client.circuit.client.recv = lambda _: pieces.get()
    client.circuit.answers.identity._established = True
    serving = asyncio.create_task(client.circuit.serve())
    for number, name in enumerate(names, 1):
        pieces.put_nowait(frame(ca.CREATE_CHANNEL, first=number, second=13, payload=name))
    while not client.circuit._listens or len(client.circuit.answers.channels) < len(names):
        await asyncio.sleep(0)
    await client.received()
    yield client
    pieces.put_nowait(b"")
    await serving


def put(sid: int, value: float, ioid: int, command: int = ca.WRITE_NOTIFY) -> bytes:
    return frame(command, ca.DOUBLE, 1, sid, ioid, struct.pack(">d", value))


def get(sid: int, ioid: int) -> bytes:
    return frame(ca.READ_NOTIFY, ca.DOUBLE, 1, sid, ioid)


def sent(client: Client) -> list[tuple[int, int, bytes]]:
    """Messages that have left already: command, the client's number, payload."""
    data, client.writer.sent = client.writer.sent, b""
    found = []
    while data:
        command, size, _, _, _, number = HEADER.unpack_from(data)
        found.append((command, number, data[16 : 16 + size]))
        data = data[16 + size :]
    return found


def numbers(messages: list[tuple[int, int, bytes]]) -> list[tuple[int, int]]:
    return [(command, number) for command, number, _ in messages]


def test_gets_and_a_put_are_answered_in_the_turn_in_which_they_come(run: Run) -> None:
    async def story() -> None:
        machine = Machine()
        async with served(machine.database.pvdb) as client:
            data = get(A_RBV, 1) + put(A, 5.0, 2) + get(A_RBV, 3) + put(A, 7.0, 4, ca.WRITE)
            data += get(A_RBV, 5)
            writes: list[bytes] = []
            client.writer.write = writes.append  # type: ignore[method-assign]
            assert client.circuit.hear(data) == len(data)
            assert len(writes) == 1
            client.writer.sent = writes[0]
            answers = sent(client)
        assert [number for _, number, _ in answers] == [1, 2, 3, 5]
        assert [struct.unpack(">d", body)[0] for _, n, body in answers if n != 2] == [0.0, 5.0, 7.0]

    run(story())


def test_puts_in_one_packet_share_a_pass_and_complete_in_their_order(run: Run) -> None:
    async def story() -> None:
        machine = Machine()
        async with served(machine.database.pvdb) as client:
            before = machine.passes
            data = b"".join(put(A, float(number), number) for number in range(1, 31))
            assert client.circuit.hear(data) == len(data)
            answers: list[tuple[int, int, bytes]] = []
            while len(answers) < 30:
                await asyncio.sleep(0)
                answers += sent(client)
        assert numbers(answers) == [(ca.WRITE_NOTIFY, number) for number in range(1, 31)]
        assert machine.value == 30.0
        assert machine.passes - before <= 3  # looked at, read, and looked at when all is over

    run(story())


def test_a_monitor_comes_before_the_put_that_caused_it_completes(run: Run) -> None:
    async def story() -> None:
        async with served(Machine().database.pvdb) as client:
            mask = subscription(ca.VALUE_EVENTS)
            await client.circuit.answers(request(ca.EVENT_ADD, A_RBV, 9, mask))
            await client.received()
            data = put(A, 5.0, 2)
            assert client.circuit.hear(data) == len(data)
            answers: list[tuple[int, int, bytes]] = []
            while len(answers) < 2:
                answers += sent(client)
                await asyncio.sleep(0)
            assert numbers(answers) == [(ca.EVENT_ADD, 9), (ca.WRITE_NOTIFY, 2)]

    run(story())


def request(command: int, sid: int, number: int, payload: bytes) -> Any:
    from iocs.serving.messages import Request

    return Request(command, ca.DOUBLE, 1, sid, number, payload)


def test_a_put_that_takes_its_time_completes_later_and_holds_up_nobody(run: Run) -> None:
    async def story() -> None:
        machine = Machine()
        async with served(machine.database.pvdb) as client:
            slow = put(SLOW, 5.0, 1)
            assert client.circuit.hear(slow) == len(slow)
            assert sent(client) == []
            assert client.circuit.answers.puts.in_progress == 1
            quick = put(A, 6.0, 2)
            assert client.circuit.hear(quick) == len(quick)
            assert numbers(sent(client)) == [(ca.WRITE_NOTIFY, 2)]
            machine.there = True
            await machine.database.settle()
            while not (answers := sent(client)):
                await asyncio.sleep(0)
            assert numbers(answers) == [(ca.WRITE_NOTIFY, 1)]
            assert client.circuit.answers.puts.in_progress == 0

    run(story())


def test_a_refused_put_is_told_at_once_with_its_reason(run: Run) -> None:
    async def story() -> None:
        async with served(Machine().database.pvdb) as client:
            data = put(A, 5e3, 2)
            assert client.circuit.hear(data) == len(data)
            ((command, _, body),) = sent(client)
            assert command == ca.ERROR
            assert b"5000" in body

    run(story())


@pytest.mark.parametrize(
    "rest",
    [
        frame(ca.EVENT_ADD, ca.DOUBLE, 1, A, 1, subscription(1)),
        frame(ca.READ_NOTIFY, ca.DOUBLE, 1, 99, 1),
        frame(ca.READ_NOTIFY, ca.DOUBLE, 3, A, 1),
        frame(ca.READ_NOTIFY, 99, 1, A, 1),
        put(99, 1.0, 1),
        put(A, 1.0, 1)[:-8],
        get(A, 1)[:10],
        b"\xff" * 16,
    ],
)
def test_what_is_not_plain_is_left_with_all_that_follows(run: Run, rest: bytes) -> None:
    async def story() -> None:
        async with served(Machine().database.pvdb) as client:
            assert client.circuit.hear(get(A, 7) + rest) == 16
            assert numbers(sent(client)) == [(ca.READ_NOTIFY, 7)]
            assert client.circuit.hear(get(A, 9)) == 0  # it must not overtake the rest

    run(story())


def test_only_so_many_puts_of_one_packet_go_before_others_get_their_turn(run: Run) -> None:
    async def story() -> None:
        machine = Machine()
        async with served(machine.database.pvdb) as client:
            one = put(A, 1.0, 1, ca.WRITE)
            assert client.circuit.hear(one * (MOST_PUTS + 5)) == len(one) * MOST_PUTS

    run(story())


def test_a_channel_that_is_not_ours_gets_its_puts_in_a_task(run: Run) -> None:
    async def story() -> None:
        pvdb = {"T:A": text("x"), "T:A_RBV": text("y"), "T:Slow": text("z")}
        async with served(pvdb) as client:
            assert client.circuit.hear(frame(ca.WRITE, ca.STRING, 1, A, 1, b"w\0")) == 0

    run(story())


def test_a_client_that_does_not_keep_up_waits_for_the_task(run: Run) -> None:
    async def story() -> None:
        async with served(Machine().database.pvdb) as client:
            client.writer.transport.get_write_buffer_size = lambda: 1
            assert client.circuit.hear(get(A, 1)) == 0

    run(story())


def test_what_has_been_dealt_with_is_not_read_again(run: Run) -> None:
    async def story() -> None:
        incoming = Incoming()
        incoming.hear = lambda data: 3 if data.startswith(b"abc") else 0
        incoming.feed_data(b"abcdef")
        incoming.feed_data(b"abc")
        incoming.feed_data(b"ghi")
        incoming.feed_eof()
        assert await incoming.read() == b"defghi"

    run(story())


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[inbound.Server, inbound.Server]]:
    """Two servers with the same records, of which one answers at once."""
    heard, read = inbound.Server(), inbound.Server()
    read.at_once = False
    yield heard, read
    heard.close()
    read.close()


SIDS = st.integers(1, 12)
READINGS = st.builds(
    frame, st.just(ca.READ_NOTIFY), st.integers(0, 6), st.integers(0, 2), SIDS, st.integers(0, 9)
)
OTHERS = st.sampled_from([frame(ca.ECHO), frame(ca.CLEAR_CHANNEL, first=3, second=3)])


@given(st.lists(READINGS | OTHERS, max_size=12), st.sampled_from([1 << 20, 24, 7]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_answers_are_those_of_the_task(
    both: tuple[inbound.Server, inbound.Server], asked: list[bytes], piece: int
) -> None:
    data = inbound.seeds()["channels"] + b"".join(asked)
    heard, read = (_by_request(server.give(data, piece)) for server in both)
    assert heard == read


def _by_request(received: bytes) -> dict[tuple[int, ...], list[bytes]]:
    """Answers by command and number."""
    found: dict[tuple[int, ...], list[bytes]] = {}
    while received:
        command, size, *_, second = HEADER.unpack_from(received)
        found.setdefault((command, second), []).append(received[: 16 + size])
        received = received[16 + size :]
    return found
