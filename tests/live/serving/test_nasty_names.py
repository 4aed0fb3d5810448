"""Names and values that would forge lines of a log or drive a terminal, over both protocols."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from tests.live.raw_client import (
    CHAR,
    CLIENT_NAME,
    CREATE_CHANNEL,
    DOUBLE,
    ERROR,
    HOST_NAME,
    STRING,
    WRITE,
    RawClient,
    padded,
)  # fmt: skip

NASTY = "ann\n2026-01-01 00:00:00,000 ERROR forged\r\x1b[2J\x1b]0;owned\x07\u202e\x9b31m".encode()
NOT_TEXT = b"\xff\xfe\x80\n"
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ "  # a message
    r"|    "  # a traceback
    r"|haloscope: clients need |ready haloscope "  # standard output
)
PVA_CLIENT = """
import sys
from p4p.client.thread import Context
name, port = sys.argv[1:]
conf = {"EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}", "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": port}
with Context("pva", conf=conf, useenv=False, nt=False) as context:
    for value in (1e9, 1100.0):
        try:
            context.put(name + "VNA:Center", {"value": value}, timeout=20)
        except Exception as error:
            print(type(error).__name__)
    context.get([name + "x\\n\\x1b[2Jforged"], timeout=0.5, throw=False)
"""


def test_nothing_of_a_client_reaches_a_log_raw(pool: Any, prefix: str, tmp_path: Path) -> None:
    pva = pool.ports.pop()
    arguments = ("--prefix", prefix, "--state-dir", str(tmp_path), "--pva", str(pva))
    running = pool.start(LaunchedIoc("haloscope", arguments=(*arguments, "--log-level", "DEBUG")))
    wait_served([f"{prefix}Rod"], running.port)
    for user, host in ((NASTY, NASTY), (NOT_TEXT, NOT_TEXT), (b"u" * 500, b"h" * 500)):
        with RawClient(running.port, user=user, host=host) as client:
            _do_everything_wrong(client, prefix)
    line = [sys.executable, "-W", "ignore", "-c", PVA_CLIENT, prefix, str(pva)]
    subprocess.run(line, check=True, timeout=100, capture_output=True)
    pool.end(running)
    pool.ports.append(pva)
    log = running.log.read_bytes().decode()
    lines = log.removesuffix("\n").split("\n")
    assert r"ann\n2026-01-01 00:00:00,000 ERROR forged\r\x1b[2J" in log
    for one in lines:
        assert one.isprintable(), one
        assert LINE.match(one), one
        assert len(one) < 5000
    assert not [one for one in lines if LINE.sub("", one, count=1).startswith("forged")]
    _judge(tmp_path / "puts.log")


def _judge(log: Path) -> None:
    lines = log.read_bytes().removesuffix(b"\n").split(b"\n")
    assert len(lines) >= 3 * 4
    for one in lines:
        assert one.isascii()
        assert one.decode().isprintable()
        assert len(one) < 5000
        entry = json.loads(one)
        assert all(str(value).isprintable() for value in entry.values())


def _do_everything_wrong(client: RawClient, prefix: str) -> None:
    """Puts that are refused and logged, to channels with odd names, with odd values."""
    power = client.open(f'{prefix}VNA:Power.{{"ts":{{}}\n}}', cid=1)
    assert client.put(power, DOUBLE, struct.pack(">d", 1e9)).command == ERROR
    mode = client.open(f"{prefix}Switch", cid=2)
    assert client.put(mode, STRING, NASTY[:39].ljust(40, b"\0")).command == ERROR
    assert client.put(mode, STRING, NOT_TEXT.ljust(40, b"\0")).command == ERROR
    text = client.open(f"{prefix}VNA:Power.DESC", cid=3)
    client.put(text, STRING, NASTY[:39].ljust(40, b"\0"))
    client.put(text, CHAR, NASTY * 1000, count=len(NASTY) * 1000)
    client.send(WRITE, DOUBLE, 1, power, 1, struct.pack(">d", float("nan")))
    for command in (CLIENT_NAME, HOST_NAME):  # too late
        client.send(command, payload=padded(NASTY))
    client.send(CREATE_CHANNEL, first=9, second=13, payload=padded(NASTY))
    assert client.get(mode, STRING).payload


def test_a_name_that_nobody_has_ends_its_client_alone(pool: Any, prefix: str) -> None:
    running = pool.start(LaunchedIoc("haloscope", arguments=("--prefix", prefix)))
    with RawClient(running.port) as other:
        sid = other.open(f"{prefix}Rod")
        for names in ({"user": b"u" * 600}, {"host": b"\n" * 2_000_000}):
            with RawClient(running.port, **names) as client:
                assert client.closed()
        assert other.get(sid).payload
    pool.end(running)
    log = running.log.read_text()
    assert "a name of 600 bytes, at most 511 are taken" in log
    assert len(log) < 5000
