"""What is asked of both servers: gets, monitors and puts of every type, on records and fields."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from pvdb.records import Record, Wire
from tests.live import dbr
from tests.live import raw_client as ca
from tests.live.against_base import softioc, twin_ioc
from tests.live.against_base.twins import PREFIX, Twins
from tests.live.exchange import CLOSED, Reply, frame, subscription

RECORDS: Final = {record.name: record for record in twin_ioc.table()}
GET, OLD_GET, MONITOR, PUT, PLAIN_PUT = ca.READ_NOTIFY, 3, ca.EVENT_ADD, ca.WRITE_NOTIFY, ca.WRITE
#: Put after a case that only one of the servers has taken, so that both are alike again.
GOOD: Final[dict[str, Any]] = {
    "ao": 2.5, "longout": 0.0, "bo": 0.0, "mbbo": 0.0, "lso": "short", "wave": [1.5, -2.5, 3.5],
}  # fmt: skip


_TURNS: Final = 3


@dataclass(frozen=True)
class Case:
    """One request.

    Attributes:
        record: Name of the record, without prefix.
        rest: What follows in the channel's name: field, ``$``, filter.
        command: GET, MONITOR, ...
        kind: DBR type asked for or sent.
        count: Elements asked for or sent.
        values: What is put.
        payload: What is put, as bytes, where it is not ``values`` encoded.
        mask: Of a monitor.
    """

    record: str
    command: int
    kind: int
    count: int = 0
    rest: str = ""
    values: Sequence[Any] = ()
    payload: bytes | None = None
    mask: int = 1
    then: Sequence[float] = field(default=())

    @property
    def name(self) -> str:
        """The channel."""
        return f"{PREFIX}{self.record}{self.rest}"

    @property
    def field(self) -> str:
        """The field, without ``$`` or filter."""
        return self.rest.removeprefix(".").partition("{")[0].partition("[")[0].rstrip("$.")

    def __str__(self) -> str:
        names = {GET: "get", OLD_GET: "old get", MONITOR: "monitor", PUT: "put"}
        kind = dbr.NAMES[self.kind] if self.kind < len(dbr.NAMES) else self.kind
        extra = f" {list(self.values)}" if self.values else ""
        extra += f" {self.payload.hex()}" if self.payload is not None else ""
        extra += f" mask {self.mask:#x}" if self.command == MONITOR else ""
        what = names.get(self.command, "plain put")
        return f"{what} {self.name} {kind} x {self.count}{extra}"


@dataclass(frozen=True)
class Outcome:
    """What a server made of a case.

    Attributes:
        opened: Type and number of elements of the channel, None if it is not served.
        rights: 1 read, 2 write.
        replies: What came back.
        after: The value after a put, as double and as text.
    """

    opened: tuple[int, int] | None
    rights: int = 0
    replies: tuple[Reply, ...] = ()
    after: tuple[Reply, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether a put was."""
        return not any(reply[0] in ("ERROR", "CLOSED") for reply in self.replies) and not any(
            reply[0] == "WRITE_NOTIFY" and reply[3] != 1 for reply in self.replies
        )


NO_FIELD_PUT: Final = Outcome(None)
"""A put that was not tried: base would change a field that is read-only here."""


def outcomes(twins: Twins, case: Case) -> tuple[Outcome, Outcome]:
    """What base made of a case, and what we did; both records are alike afterwards."""
    if _would_change_base_alone(twins, case):
        return NO_FIELD_PUT, NO_FIELD_PUT
    before = [_text(peer, case) for peer in twins.peers]
    base, ours = (_outcome(peer, case) for peer in twins.peers)
    if case.command in (PUT, PLAIN_PUT) and case.field not in ("", "VAL"):
        for peer, text in zip(twins.peers, before, strict=True):
            _put_text(peer, case, text)
    elif case.command in (PUT, PLAIN_PUT) or case.then:
        restore(twins, case.record)
    return base, ours


def _would_change_base_alone(twins: Twins, case: Case) -> bool:
    """Whether a put is to a field that only base lets be written."""
    if case.command not in (PUT, PLAIN_PUT) or case.field in ("", "VAL"):
        return False
    channels = [peer.channel(case.name) for peer in twins.peers]
    return None in channels or not channels[1][3] & 2


def _text(peer: Any, case: Case) -> str | None:
    if case.command not in (PUT, PLAIN_PUT) or case.field in ("", "VAL"):
        return None
    channel = peer.channel(case.name)
    (reply,) = peer.ask(frame(ca.READ_NOTIFY, ca.STRING, 1, channel[0], 8), 1)
    return reply[5][0] if reply[0] == "READ_NOTIFY" and reply[5] else None


def _put_text(peer: Any, case: Case, text: str | None) -> None:
    if peer.cut_off:
        peer.reconnect()
    channel = peer.channel(case.name)
    if text is not None and channel is not None:
        data = dbr.encoded(ca.STRING, [text])
        peer.ask(frame(ca.WRITE_NOTIFY, ca.STRING, 1, channel[0], 9, data), 1)


def restore(twins: Twins, record: str) -> None:
    """Give both records the value that they began with."""
    if record not in GOOD:
        return
    value = GOOD[record]
    values = value if isinstance(value, list) else [value]
    kind = ca.STRING if isinstance(value, str) else ca.DOUBLE
    for peer in twins.peers:
        channel = peer.channel(PREFIX + record)
        assert channel is not None
        data = dbr.encoded(kind, values)
        peer.ask(frame(ca.WRITE_NOTIFY, kind, len(values), channel[0], 9, data), 1)


def _outcome(peer: Any, case: Case) -> Outcome:
    if peer.cut_off:
        peer.reconnect()
    channel = peer.channel(case.name)
    if channel is None:
        return Outcome(None)
    sid, kind, count, rights = channel
    opened = (kind, count)
    if case.command == MONITOR:
        return Outcome(opened, rights, tuple(_monitored(peer, case, sid)))
    if case.command in (GET, OLD_GET):
        request = frame(case.command, case.kind, case.count, sid, 5)
        return Outcome(opened, rights, tuple(peer.ask(request, 1)))
    data = dbr.encoded(case.kind, list(case.values)) if case.payload is None else case.payload
    request = frame(case.command, case.kind, case.count, sid, 5, data)
    replies = peer.ask(request, 1 if case.command == PUT else 0)
    for _ in range(_TURNS if case.command == PLAIN_PUT and not replies else 0):
        replies += peer.ask(b"")  # a refusal may take some turns of our loop
    return Outcome(opened, rights, tuple(replies), _after(peer, case))


def _after(peer: Any, case: Case) -> tuple[Reply, ...]:
    if peer.cut_off:
        peer.reconnect()
    channel = peer.channel(case.name)
    found: list[Reply] = []
    for kind in (ca.DOUBLE, ca.STRING):
        found += peer.ask(frame(ca.READ_NOTIFY, kind, 0, channel[0], 6), 1)
    return tuple(found)


def _monitored(peer: Any, case: Case, sid: int) -> list[Reply]:
    request = frame(ca.EVENT_ADD, case.kind, case.count, sid, 5, subscription(case.mask))
    found = list(peer.ask(request, 1))
    if CLOSED not in found and not any(reply[0] == "ERROR" for reply in found):
        told: list[Reply] = []
        for value in case.then:
            put = frame(ca.WRITE_NOTIFY, ca.DOUBLE, 1, sid, 7, struct.pack(">d", value))
            told += peer.ask(put, 1 + bool(case.mask & 3))
        # Whether an update or a completion comes first is up to base's threads.
        found += sorted(told, key=lambda reply: reply[0])
        found += peer.ask(frame(ca.EVENT_CANCEL, case.kind, case.count, sid, 5), 1)
    return found


# -- all of them -------------------------------------------------------------------------------


def every_reading() -> Iterator[Case]:
    """Every DBR type by get, old get and monitor, of every record, of four counts."""
    for record in RECORDS.values():
        most = record.length if record.array else 1
        for kind in (*range(39), 39, 255):
            for command in (GET, OLD_GET, MONITOR):
                for count in sorted({0, 1, most, most + 1}):
                    yield Case(record.name, command, kind, count)


def every_put(name: str) -> Iterator[Case]:
    """Every DBR type put to a record, of four counts; never too few bytes.

    Base converts what stands in its buffer then, in place: the next message, which it loses.
    """
    record = RECORDS[name]
    most = record.length if record.array else 1
    for kind in (*range(39), 39, 255):
        for count in sorted({0, 1, most, most + 1}):
            size = dbr.size_of(kind, count or kind > 34) if kind < 39 else 8 * count
            for data in (_ones(kind, count or kind > 34), b"\1" * (size + 8)):
                for command in (PUT, PLAIN_PUT):
                    yield Case(record.name, command, kind, count, payload=data)


def _ones(kind: int, count: int) -> bytes:
    if kind > 38:
        return b"\1" * 8 * count
    return dbr.encoded(kind, ["1" if dbr.native_of(kind) == "STRING" else 1] * count)


# -- some of them ------------------------------------------------------------------------------

_TEXTS: Final = (
    "1", "0", "-3", "2.5", "1e3", " 7", "7 ", "0x10", "1_0", "abc", "", "nan", "inf", "-inf", "5 K",
    "Off", "On", "off", "Idle", "Running", "Failed", "Nowhere", "3000000000", "-3000000000",
    "1e400",
    "0x1.8", "-0X1f", "x" * 39, "x" * 40, "\xe4", "1,5", "+4", "--4", "1e", ".5", "5.",
)  # fmt: skip
_NUMBERS: Final = (
    0, 1, -1, 2, 3, 7, 16, 100, 255, 256, 32767, 32768, 65535, 65536, -32768, -32769, 2**31 - 1,
    2**31, -(2**31), -(2**31) - 1, 0.5, -0.5, 1.999, 2.5, 1e10, -1e10, 1e38, 1e39, 1e300, 1e-300,
    float("nan"), float("inf"), float("-inf"), 123456.789, 1e8, 99999999.5,
)  # fmt: skip
_LIMITS: Final = {
    "SHORT": (-(2**15), 2**15 - 1), "ENUM": (0, 2**16 - 1), "CHAR": (0, 255),
    "LONG": (-(2**31), 2**31 - 1),
}  # fmt: skip
_FILTERS: Final = (
    "[0:1]", "[1]", "[::2]", "[-2:]", "[5]", "[a]", "[", '{"arr":{"s":1}}', '{"ts":{}}',
    '{"dbnd":{"abs":1}}', '{"dbnd":{}}', '{"dec":{"n":2}}', '{"sync":{"m":"x","s":"y"}}', "{}",
    '{"none":{}}', "{", '{"arr":{"i":0}}', '{"arr":', "$", "$$", "$[0:3]", '${"arr":{"e":3}}',
)  # fmt: skip


_STATES_TOLD: Final = tuple(dbr.NAMES.index(name) for name in ("GR_ENUM", "CTRL_ENUM"))
"""Read of a text through a filter, they make base write over its own records (mbbi becomes 3)."""


def random_case(random: Random) -> Case:
    """One case at random: name with field and filter, type, count, mask, data."""
    record = random.choice(list(RECORDS.values()))
    rest = _rest(random, record)
    kind = random.choice((*range(39), *range(7), *range(7), random.randrange(65536)))
    most = record.length if record.array else 1
    count = random.choice((0, 1, 1, 1, 2, most, most + 1, random.randrange(200)))
    command = random.choice((GET, OLD_GET, MONITOR, PUT, PUT, PLAIN_PUT))
    if "{" in rest or "[" in rest:
        kind = kind - 1 if kind in _STATES_TOLD else kind
    if command == MONITOR:
        mask = random.choice((1, 1, 2, 3, 4, 5, 7, 8, 15, 0, 16, 0xFF, random.randrange(65536)))
        then = (3.0, 4.5) if record.name == "ao" and not rest else ()
        return Case(record.name, command, kind, count, rest, mask=mask, then=then)
    if command in (GET, OLD_GET):
        return Case(record.name, command, kind, count, rest)
    kind = random.choice((*range(7), *range(7), *range(7), kind))
    if kind > 34 or random.random() < 0.2:
        least = dbr.size_of(kind, count or kind > 34) if kind < 39 else 0
        data = random.randbytes(least + 8 * random.choice((0, 0, 1, random.randrange(25))))
        return Case(record.name, command, kind, count, rest, payload=data)
    return Case(record.name, command, kind, count, rest, values=_values(random, kind, count))


def _rest(random: Random, record: Record) -> str:
    if random.random() < 0.5:
        return ""
    rest = ""
    if random.random() < 0.8:
        fields = softioc.fields_of(record.kind)
        rest = "." + random.choice((*fields, "VAL", "VAL", "NOSUCH", "", "val"))
    return rest + (random.choice(_FILTERS) if random.random() < 0.3 else "")


def _values(random: Random, kind: int, count: int) -> list[Any]:
    native = dbr.native_of(kind)
    if native == "STRING":
        return [random.choice(_TEXTS) for _ in range(count)]
    numbers = [random.choice(_NUMBERS) for _ in range(count)]
    if native in _LIMITS:
        low, high = _LIMITS[native]
        return [int(min(max(n, low), high)) if n == n else 0 for n in numbers]
    return [float(n) for n in numbers] if native == "DOUBLE" else [_single(n) for n in numbers]


def _single(number: float) -> float:
    return struct.unpack(">f", struct.pack(">f", min(max(number, -3e38), 3e38)))[0]


WIRES: Final = {name: record.wire for name, record in RECORDS.items()}
WHOLE: Final = frozenset(name for name, wire in WIRES.items() if wire in (Wire.LONG, Wire.ENUM))
