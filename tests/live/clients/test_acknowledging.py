"""Alarms acknowledged by real clients of a real IOC, as with EPICS base."""

from __future__ import annotations

import getpass
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from tests.live import dbr
from tests.live import raw_client as ca
from tests.live.epics_base import run
from tests.live.raw_client import RawClient


@pytest.fixture(scope="module")
def ioc(pool: Any) -> Iterator[tuple[str, RunningIoc]]:
    """A refrigerator of these tests' own: they need its port."""
    prefix = "ACK:"
    running = pool.start(LaunchedIoc("amrr", arguments=("--prefix", prefix, "--speed", "0")))
    yield prefix, running
    pool.end(running)


def test_base_caget_shows_value_and_acknowledgement(ioc: tuple[str, RunningIoc]) -> None:
    prefix, _ = ioc
    name = f"{prefix}PumpA:RampRate"
    value = float(run("caget", "-t", name).stdout)
    shown = run("caget", "-w", "20", "-d", "DBR_STSACK_STRING", name).stdout
    told = dict(line.strip().split(":", 1) for line in shown.splitlines()[1:])
    assert float(told["Value"]) == value
    assert told["Ack transient?"].strip() == "YES"
    assert run("caget", "-w", "20", "-d", "DBR_CLASS_NAME", name).returncode == 0


@pytest.mark.parametrize("name", ["CHX:Mode", "PumpA:RampRate"])
def test_put_ackt_and_acks(ioc: tuple[str, RunningIoc], name: str) -> None:
    prefix, running = ioc
    with RawClient(running.port) as client:
        sid = client.open(prefix + name)
        for transient, said in ((0, "NO"), (1, "YES")):
            put = client.put(sid, dbr.PUT_ACKT, struct.pack(">H", transient))
            assert put.command == ca.WRITE_NOTIFY
            assert run("caget", "-t", f"{prefix}{name}.ACKT").stdout.strip() == said
        assert client.put(sid, dbr.PUT_ACKS, struct.pack(">H", 3)).command == ca.WRITE_NOTIFY
        assert run("caget", "-t", f"{prefix}{name}.ACKS").stdout.strip() == "NO_ALARM"
        refused = client.put(sid, dbr.PUT_ACKT, struct.pack(">H", 7))
        assert (refused.command, refused.second) == (ca.ERROR, 160)


def test_a_read_only_record_is_acknowledged_by_whoever_may_write_it(
    ioc: tuple[str, RunningIoc],
) -> None:
    """The rules give a reading's group to engineers alone: to whom has started the IOC."""
    prefix, running = ioc
    with RawClient(running.port) as client:
        client.send(ca.CLIENT_NAME, payload=getpass.getuser().encode().ljust(32, b"\0"))
        sid = client.open(f"{prefix}CHX:Temp_RBV")
        assert client.put(sid, dbr.PUT_ACKS, struct.pack(">H", 3)).command == ca.WRITE_NOTIFY
    with RawClient(running.port) as client:
        sid = client.open(f"{prefix}CHX:Temp_RBV")
        refused = client.put(sid, dbr.PUT_ACKS, struct.pack(">H", 3))
        assert (refused.command, refused.second) == (ca.ERROR, 376)
        assert b"ACKS" in refused.payload
