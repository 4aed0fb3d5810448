"""Channel filters, name by name and update by update, beside EPICS base's softIoc."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from tests.live import raw_client as ca
from tests.live.against_base import softioc
from tests.live.against_base.filtered_ioc import DATABASE
from tests.live.raw_client import RawClient

HERE = Path(__file__).parent
CREATE_FAILED = 26

NAMES = (
    """
Wave.[0:4]|Wave.VAL[0:4]|Wave[0:4]|Wave.[0:2:9]|Wave.[-3:]|Wave.[-3:-1]|Wave.[::3]|Wave.[:4]
Wave.[3]|Wave.[20]|Wave.[:]|Wave.[]|Wave.[5:2]|Wave.[0:0:5]|Wave.[0:-1:5]|Wave.[0x2:0x4]
Wave.[ 2: 4]|Wave.[2 :4]|Wave.[a]|Wave.[1:2:3:4]|Wave.[-100:100]|Wave.[39]|Wave.[40]|Wave.[10:]
Wave.VAL[08]|Wave.VAL[010]|Wave.VAL[+2]|Wave.VAL[- 2]|Wave.VAL[2::]|Wave.VAL[2:2:]|Wave.VAL[::-2]
Wave.VAL[99999999999]|Wave.VAL[2147483648]|Wave.VAL[2147483647]
Wave.[0:4]{"ts":{}}|Wave.{"ts":{}}[0:4]|Wave.[0:4][0:2]|Wave.[0:3:8]{"arr":{"s":1}}
Wave.[3]{"arr":{"s":1}}|Wave.[5:2]{"arr":{"s":1}}|Full.[0:4]|Full.[-3:]|Full.[9]|Full.[10]
Wave.{"arr":{}}|Wave.{"arr":{"s":2}}|Wave.{"arr":{"s":2,"e":9,"i":2}}|Wave.{"arr":{"i":0}}
Wave.{"arr":{"i":-1}}|Wave.{"arr":{"e":-50}}|Wave.{"arr":{"s":1.9}}|Wave.{"arr":{"s":"3"}}
Wave.{"arr":{"s":"3x"}}|Wave.{"arr":{"s":"x"}}|Wave.{"arr":{"s":"0x3"}}|Wave.{"arr":{"s":" 3"}}
Wave.{"arr":{"s":""}}|Wave.{"arr":{"s":"1e1"}}|Wave.{"arr":{"s":true}}|Wave.{"arr":{"s":null}}
Wave.{"arr":{"s":[1]}}|Wave.{"arr":{"s":{"e":2}}}|Wave.{"arr":{"s":{}}}|Wave.{"arr":{"":2}}
Wave.{"arr":{"start":2}}|Wave.{"arr":{"x":2}}|Wave.{"arr":3}|Wave.{"arr":[1,2]}|Wave.{"arr":null}
Wave.{"arr":true}|Wave.{"arr":"s"}|Wave.{"arr":{"s":2},"arr":{"s":1}}|Wave.{"arr":{"s":2,"s":3}}
Wave.{"ar":{"s":2}}|Wave.{"ARR":{"s":2}}|Wave.{}|Wave.{|Wave.}|Wave.{"arr":{"s":2}|Wave.{,}
Wave.{"arr":{"s":2}} |Wave.{"arr":{"s":2}}x|Wave.{ "arr" : { "s" : 2 } }|Wave. {"arr":{"s":2}}
Wave.{arr:{s:2}}|Wave.{'arr':{'s':2}}|Wave.{"arr":{"s":2,}}|Wave.{"arr":{"s":2},}
Wave.{"arr":{"s":+2}}|Wave.{"arr":{"s":0x2}}|Wave.{"arr":{"s":02}}|Wave.{"arr":{"s":2.}}
Wave.{"arr":{"s":.9e1}}|Wave.{"arr":{"s":1E+0}}|Wave.{"arr":{"s":-2}}|Wave.{"arr":{"s":-0}}
Wave.{"arr":{"s":Infinity}}|Wave.{"arr":{"s":NaN}}|Wave.{"arr":{"s":4294967296}}
Wave.{"arr":{"s":2147483648}}|Wave.{"arr":{"s":-2147483648}}|Wave.{"arr":{"s":3e9}}
Wave.{"arr":{"s":99999999999999999999}}|Wave.{/*c*/"arr":{"s":2}}|Wave.{"arr":{"s":2}}//c
Wave.{"a\\u0072r":{"s":2}}|Wave.{"arr":{"s":"\\x31"}}|Wave.{"arr":{"s":"\\q1"}}
Wave.{"arr":{"s":2}}{"ts":{}}|Wave.{{}}|Wave.{true:{}}|Wave.{"arr":{true:1}}|Wave.{a:{}}
Wave.{"arr":{"s":1 1}}|Wave.{"arr":{"s"}}|Wave.{"arr":}|Wave.{"arr":{"s":1}"ts":{}}
Wave.{"arr":{'s":1}}|Wave.{"arr":{"s":--1}}|Wave.{"arr":{"s":0x}}|Wave.{"arr":{"s":1_0}}
Wave.{"arr":{"s":TRUE}}|Wave.{"arr":{"s":{"s":{"e":3}}}}|Wave.{"arr":{"s":{"ts":{}}}}
Wave.{"dec":{"n":2}}|Wave.{"dec":{"n":0}}|Wave.{"dec":{"n":-2}}|Wave.{"dec":{}}
Wave.{"dec":{"n":"2"}}|Wave.{"dec":{"n":2.5}}|Wave.{"dec":{"n":true}}|Wave.{"dec":{"":3}}
Wave.{"dbnd":{}}|Wave.{"dbnd":{"abs":1}}|Wave.{"utag":{"M":"0xff"}}|Wave.{"utag":{"m":1}}
Wave.{"utag":{"M":4294967295}}|Wave.{"utag":{"V":3}}|Wave.{"ts":{}}|Wave.{"arr":{"s":1}}/* x
Double.{"dbnd":{"abs":1}}|Double.{"dbnd":{"rel":1,"abs":2}}|Double.{"dbnd":{"d":1,"m":"re"}}
Double.{"dbnd":{"d":1,"m":""}}|Double.{"dbnd":{"d":1,"m":"xxx"}}|Double.{"dbnd":{"m":1}}
Double.{"dbnd":{"m":2}}|Double.{"dbnd":{"m":1.0}}|Double.{"dbnd":{"m":true}}
Double.{"dbnd":{"d":"1.5"}}|Double.{"dbnd":{"d":"x"}}|Double.{"dbnd":{"d":true}}
Double.{"dbnd":{"d":NaN}}|Double.{"dbnd":{"d":-1}}|Double.{"dbnd":{"a":1}}|Double.{"dbnd":1.5}
Double.{"dbnd":{"abs":1e400}}|Double.{"dbnd":{"abs":"1e400"}}|Double.{"dbnd":{"abs":"0x10"}}
Double.{"dbnd":{"d":9999999999}}|Double.{"dbnd":{"d":{"abs":2}}}|Double.{"ts":{}}
Double.{"ts":true}|Double.{"ts":{"x":1}}|Double.{"ts":{"e":"unix"}}|Double.{"ts":{"epoch":1}}
Double.{"ts":{"num":"x"}}|Double.{"ts":{"num":"dbl"}}|Double.{"ts":{"str":"iso"}}
Double.{"sync":{"m":"while","s":"red"}}|Double.{"sync":{"while":"red"}}|Double.{"while":"red"}
Double.{"utag":{"M":1,"V":0}}|Double.{"nope":{}}|Double.{"dbnd":{"abs":1},"dec":{"n":2},"ts":{}}
Double.[0:4]|Double.[5]|Double.{"arr":{"s":3}}|Double.PREC{"dbnd":{"abs":1}}|Double.PREC[0:2]
Double.SCAN{"ts":{}}
Double.NOPE{"ts":{}}|Double.VAL$|Double.|Double..|Double.VAL.|Double. |Double.SCAN$
Double.VAL |Double.VAL x|Double.val|Double.{"ts":{}}.VAL|Double.RTYP{"ts":{}}|Double.VAL[]
Double{}|Double.PREC$|Double.{"arr":{"s":1}}\xe9|Double.{"\xe9":{}}
Enum.[0:4]|Enum.$|Enum.{"dbnd":{"abs":1}}|Long.{"dbnd":{"rel":10}}|Text.$$|Text.$VAL
""".strip("\n")
    .replace("\n", "|")
    .split("|")
)

FULL_COPY = "base sends the elements that are not there, too, as zeros: here none are invented"
WRAPPED = "base takes such a number modulo 2**32"
TIME_AS_VALUE = "the time as the value is not served here"
REASONS = {
    "Wave.VAL[99999999999]": WRAPPED,
    "Wave.VAL[2147483648]": WRAPPED,
    'Wave.{"ts":{}}': FULL_COPY,
    'Wave.{"arr":{"s":1}}/* x': "base takes a comment that is not ended",
    'Double.{"ts":{"num":"dbl"}}': TIME_AS_VALUE,
    'Double.{"ts":{"str":"iso"}}': TIME_AS_VALUE,
}
"""Every name that is answered differently, and why."""


@pytest.fixture(scope="module")
def both(pool: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Our IOC and base's with the same records: their ports."""
    folder = tmp_path_factory.mktemp("filters")
    database = folder / "filtered.db"
    database.write_text(DATABASE.format(prefix="F:"))
    ours = pool.start(LaunchedIoc("filtered", (str(HERE / "filtered_ioc.py"),), ("--prefix", "F:")))
    port = pool.ports.pop(0)
    process = softioc.start(database, port, folder / "log")
    wait_served(["F:Double"], port)
    yield {"here": ours.port, "base": port}
    process.terminate()
    process.wait()
    pool.ports.append(port)
    pool.end(ours)


def create(client: RawClient, name: str, cid: int = 1) -> tuple[int, int, int] | None:
    """Type, most elements and number of a channel, None if there is none."""
    payload = name.encode("latin-1") + b"\0"
    client.send(
        ca.CREATE_CHANNEL, first=cid, second=13, payload=payload + b"\0" * (-len(payload) % 8)
    )
    message = client.receive()
    while message.command not in (ca.CREATE_CHANNEL, CREATE_FAILED):
        message = client.receive()
    if message.command == CREATE_FAILED:
        return None
    return message.data_type, message.count, message.second


def answered(port: int, name: str) -> Any:
    """What a name is answered: type and length, and gets of three numbers of elements."""
    with RawClient(port) as client:
        found = create(client, f"F:{name}")
        if found is None:
            return None
        kind, count, sid = found
        gets = []
        for wanted in (0, count, count + 3):
            client.send(ca.READ_NOTIFY, kind, wanted, sid, 7)
            reply = client.until(ca.READ_NOTIFY)
            gets.append((reply.first, reply.count, reply.payload.rstrip(b"\0")))
        return kind, count, gets


def test_names_are_answered_as_by_base(both: dict[str, int]) -> None:
    ours = {name: answered(both["here"], name) for name in NAMES}
    base = {name: answered(both["base"], name) for name in NAMES}
    different = {
        name: (ours[name], base[name])
        for name in NAMES
        if ours[name] != base[name] and name not in REASONS
    }
    assert not different
    assert not [name for name in REASONS if ours[name] == base[name]]
    assert len(NAMES) > 200
    assert sum(answer is not None for answer in ours.values()) > 80


# -- updates -----------------------------------------------------------------------------------

NUMBERS = ["1.5 K", "1.7", "abc", "2.9", "9", "", "9"]
FIRST = {"Double": 3.5, "Long": 7.0, "Enum": 1.0, "Switch": 0.0, "Wave": np.arange(10.0)}
DOUBLES = [3.6, 4.4, 4.6, 10.0, 10.05, -5.0, -5.02, 0.0, 1e-3, 100.0, 100.9, 101.1, 102.5]
VALUE, ALARM = 1, 4

MONITORS = [
    ("Double", name, ca.DOUBLE, DOUBLES)
    for name in (
        "Double", 'Double.{"dbnd":{"abs":1}}', 'Double.{"dbnd":{"abs":0}}', 'Double.{"dbnd":{}}',
        'Double.{"dbnd":{"rel":1}}', 'Double.{"dbnd":{"rel":50}}', 'Double.{"dbnd":{"abs":-1}}',
        'Double.{"dbnd":{"abs":NaN}}', 'Double.{"dec":{"n":1}}', 'Double.{"dec":{"n":3}}',
        'Double.{"dbnd":{"abs":1},"dec":{"n":2}}', 'Double.{"dec":{"n":2},"dbnd":{"abs":1}}',
        'Double.{"utag":{"V":1}}', 'Double.{"utag":{"M":0}}', 'Double.{"ts":{}}', "Double.[0:3]",
    )
] + [
    ("Double", 'Double.{"dbnd":{"abs":1}}', ca.STRING, DOUBLES),
    ("Double", 'Double.{"dbnd":{"abs":1}}', ca.LONG, DOUBLES),
    ("Long", 'Long.{"dbnd":{"rel":10}}', ca.LONG, [8.0, 9.0, 10.0, 11.0, 100.0, 105.0, 111.0]),
    ("Enum", 'Enum.{"dbnd":{"abs":1}}', ca.ENUM, [0.0, 1.0, 2.0, 0.0, 2.0, 1.0]),
    ("Enum", 'Enum.{"dec":{"n":2}}', ca.ENUM, [0.0, 1.0, 2.0, 0.0, 2.0, 1.0]),
    ("Text", 'Text.{"dbnd":{"abs":1}}', ca.STRING, NUMBERS),
    ("Switch", 'Switch.{"dbnd":{"abs":0.5}}', ca.ENUM, [1.0, 0.0, 1.0]),
    ("Switch", 'Switch.{"dbnd":{"abs":1}}', ca.ENUM, [1.0, 0.0, 1.0]),
    ("Double.DESC", 'Double.DESC{"dbnd":{"abs":1}}', ca.STRING, NUMBERS),
    ("Text", 'Text.{"dec":{"n":2}}', ca.STRING, ["a", "b", "c", "d"]),
    ("LongText", 'LongText.{"dbnd":{"abs":1}}', ca.STRING, ["1.5", "1.7", "abc", "1.8"]),
    *[
        ("Wave", name, ca.DOUBLE, [[1.0], [1.0, 2.0, 3.0], list(range(40)), [5.0, 6.0]])
        for name in (
            "Wave.[0:4]", "Wave.[-2:]", "Wave.[1]", "Wave.[5:2]", "Wave.[0:2:8]",
            'Wave.{"dbnd":{"abs":10}}', 'Wave.[0]{"dbnd":{"abs":10}}', 'Wave.{"dec":{"n":2}}',
        )
    ],
]  # fmt: skip


def encoded(value: Any) -> tuple[int, int, bytes]:
    """DBR type, number of elements and bytes of a put."""
    if isinstance(value, str):
        return ca.STRING, 1, value.encode() + b"\0"
    values = np.atleast_1d(np.asarray(value, dtype=">f8"))
    return ca.DOUBLE, len(values), values.tobytes()


def updates(
    port: int, record: str, name: str, kind: int, puts: list[Any], count: int
) -> list[tuple[int, int, bytes]]:
    """What a monitor is sent while ``puts`` are made, one by one."""
    with RawClient(port) as client, RawClient(port) as putter:
        sid = putter.open(f"F:{record}", 1)
        first = FIRST.get(record, "0")
        put(putter, sid, first)
        filtered, plain = create(client, f"F:{name}", 1), create(client, f"F:{record}", 2)
        assert filtered is not None
        assert plain is not None
        client.monitor(filtered[2], 1, kind, count)
        client.monitor(plain[2], 2, kind, count)
        seen = until_plain(client)
        for value in puts:
            put(putter, sid, value)
            seen += until_plain(client)
        put(putter, sid, first)
        return seen


def put(client: RawClient, sid: int, value: Any) -> None:
    kind, count, payload = encoded(value)
    assert client.put(sid, kind, payload, count=count).command == ca.WRITE_NOTIFY


def until_plain(client: RawClient) -> list[tuple[int, int, bytes]]:
    """Updates of subscription 1 up to the next one of subscription 2."""
    found = []
    while (message := client.until(ca.EVENT_ADD)).second != 2:
        payload = message.payload
        if message.data_type == ca.STRING:  # what follows a text's end is left over in base
            payload = payload.partition(b"\0")[0]
        found.append((message.first, message.count, payload))
    return found


@pytest.mark.parametrize(
    ("record", "name", "kind", "puts"), MONITORS, ids=[f"{m[1]} {m[2]}" for m in MONITORS]
)
def test_updates_are_filtered_as_by_base(
    both: dict[str, int], record: str, name: str, kind: int, puts: list[Any]
) -> None:
    for count in (0, 1):
        ours, base = (
            updates(both[which], record, name, kind, puts, count) for which in ("here", "base")
        )
        assert ours == base
        assert ours or "NaN" in name


def test_the_time_stamp_is_that_of_the_sending(both: dict[str, int]) -> None:
    time_double, stamp = 20, struct.Struct(">II")
    with RawClient(both["here"]) as client:
        now, kept = client.open('F:Double.{"ts":{}}', 1), client.open("F:Double", 2)
        first, second = (stamp.unpack_from(client.get(now, time_double).payload, 4) for _ in "ab")
        assert first < second
        first, second = (stamp.unpack_from(client.get(kept, time_double).payload, 4) for _ in "ab")
        assert first == second


# -- one mistake is one channel's --------------------------------------------------------------


def test_a_mistaken_name_fails_alone(both: dict[str, int]) -> None:
    with RawClient(both["here"]) as client:
        good = client.open("F:Double", 1)
        for cid, mistake in enumerate(('F:Long.{"dec', 'F:Long.{"no":{}}', "F:Wave.[a]"), 2):
            assert create(client, mistake, cid) is None
        assert client.get(good).command == ca.READ_NOTIFY
        assert create(client, "F:Long", 9) is not None


def test_a_mistaken_name_is_not_found_by_a_search(both: dict[str, int]) -> None:
    from cryohalo.processes.addresses import search

    assert search('F:Wave.{"arr":{"s":1}}', both["here"]) == both["here"]
    assert search('F:Wave.{"arr":{"s":', both["here"]) is None
    assert search("F:Wave." + "[" * 900, both["here"]) is None
