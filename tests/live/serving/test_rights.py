"""One decision about rights for every way to a value: every PV of both IOCs, every way.

The rules give everything to one user, the witness, and nothing to anybody else. What the witness
sees posted, the other client must not have been sent.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from p4p.client.thread import Context

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from iocs.documents.pages import build
from tests.live.epics_base import run
from tests.live.raw_client import (
    ACCESS_RIGHTS,
    CREATE_CHANNEL,
    ECHO,
    ERROR,
    EVENT_ADD,
    READ_NOTIFY,
    RawClient,
    padded,
)

NORDACCESS = 368
READ = 3
CREATE_FAILED = 26
RULES = "UAG(witness) {witness}\n" + "".join(
    f"ASG({group}) {{ RULE(1, NONE) RULE(1, WRITE) {{ UAG(witness) }} }}\n"
    for group in ("DEFAULT", "READBACK", "ENGINEER", "SIMULATION", "TRUTH")
)
WAYS = (
    "",
    ".VAL",
    ".DESC",
    ".HIHI",
    ".RVAL",
    ".SEVR",
    "$",
    ".DESC$",
    '.{"dbnd":{"abs":0.0}}',
    '.{"arr":{"s":0,"e":3}}',
    '.{"ts":{}}',
    ".[0:1]",
)
STS_STRING, TIME_DOUBLE, CTRL_ENUM, STSACK, CLASS_NAME = 7, 20, 31, 37, 38
TYPES = (0, 4, 5, 6, STS_STRING, TIME_DOUBLE, CTRL_ENUM, STSACK, CLASS_NAME)
EVERYTHING = 0b1111


@pytest.fixture(scope="module", params=["amrr", "haloscope"])
def guarded(
    request: pytest.FixtureRequest, pool: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[str], RunningIoc, int]]:
    """An IOC that serves the witness alone: its PVs, and its port of PV Access."""
    rules = tmp_path_factory.mktemp("access") / "witness.acf"
    rules.write_text(RULES)
    name, prefix = request.param, f"N{request.param}:"
    pva = pool.ports.pop()
    arguments = ("--prefix", prefix, "--speed", "0", "--access", str(rules), "--pva", str(pva))
    running = pool.start(LaunchedIoc(name, arguments=arguments))
    known = [prefix + record for record in build(name).database.channels]
    wait_served(known[:1], running.port)
    yield known, running, pva
    pool.end(running)
    pool.ports.append(pva)


def test_who_may_not_read_gets_no_value_on_any_way(guarded: Any) -> None:
    names, running, _ = guarded
    with RawClient(running.port, user=b"stranger") as stranger:
        asked = [name + way for name in names for way in WAYS]
        channels = _opened(stranger, asked)
        assert len(channels) > 5 * len(names), "most ways lead somewhere"
        for number, sid in enumerate(channels, start=1):
            kind = TYPES[number % len(TYPES)]
            stranger.send(READ_NOTIFY, kind, 1, sid, number)
            stranger.send(READ, kind, 1, sid, number)
            mask = struct.pack(">fffHH", 0, 0, 0, EVERYTHING, 0)
            stranger.send(EVENT_ADD, kind, number % 2, sid, number, mask)
        _see_everything_posted(running.port, names)
        refused = _refusals(stranger, asked)
    assert refused.count(EVENT_ADD) == len(channels)
    assert refused.count(READ_NOTIFY) == len(channels)
    assert refused.count(READ) == len(channels)


def test_what_not_everybody_may_read_is_not_there_over_pv_access(guarded: Any) -> None:
    names, _, port = guarded
    listed = run("pvlist", f"127.0.0.1:{port}")
    assert (listed.returncode, listed.stdout.split()) == (0, [])
    environment = {
        "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": str(port),
    }
    with Context("pva", conf=environment, useenv=False) as context:
        found = context.get(names, timeout=2.0, throw=False)
    assert {type(answer) for answer in found} == {TimeoutError}


def _opened(client: RawClient, names: list[str]) -> list[int]:
    """Channel numbers of those names that lead to a channel; none of them may be readable."""
    for number, name in enumerate(names):
        client.send(CREATE_CHANNEL, first=number, second=13, payload=padded(name.encode()))
    channels, answered = [], 0
    while answered < len(names):
        message = client.receive()
        if message.command == ACCESS_RIGHTS:
            assert message.second == 0, names[message.first]
        elif message.command == CREATE_CHANNEL:
            channels.append(message.second)
        answered += message.command in (CREATE_CHANNEL, CREATE_FAILED)
    return channels


def _see_everything_posted(port: int, names: list[str]) -> None:
    """The witness reads every PV and sees some of them change, three heartbeats long."""
    with RawClient(port, user=b"witness") as witness:
        channels = [witness.open(name, cid=number) for number, name in enumerate(names)]
        for number, sid in enumerate(channels):
            witness.monitor(sid, number, data_type=0)
        seen: dict[int, int] = {}
        beat = next(number for number, name in enumerate(names) if name.endswith(":HEARTBEAT"))
        while seen.get(beat, 0) < 3 or len(seen) < len(names):
            number = witness.until(EVENT_ADD).second
            seen[number] = seen.get(number, 0) + 1


def _refusals(client: RawClient, asked: Collection[str]) -> list[int]:
    """Commands that were refused; everything that came is a refusal, in one sentence."""
    client.send(ECHO)
    refused = []
    while (message := client.receive()).command != ECHO:
        assert message.command == ERROR, message
        assert message.second == NORDACCESS, message
        words = message.payload[16:].rstrip(b"\0").decode()
        thing, _, who = words.partition(" is not readable for ")
        ours = thing in asked and who == "stranger@here"
        assert ours or words == "Client with hostname 127.0.0.1 and username stranger cannot read."
        refused.append(struct.unpack_from(">H", message.payload)[0])
    return refused
