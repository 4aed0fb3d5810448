"""Who may do what with an IOC as it comes: by claimed name, and as another user of this host."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from p4p.client.thread import Context, RemoteError

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from iocs.access.os_users import own_user, user_name
from tests.live.epics_base import command
from tests.live.raw_client import DOUBLE, ENUM, ERROR, STRING, RawClient

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534
NOWTACCESS = 376
PUTS = {
    "VNA:Center": (DOUBLE, struct.pack(">d", 1100.0), "operator"),
    "VNA:Center.HIHI": (DOUBLE, struct.pack(">d", 1e4), "engineer"),
    "VNA:Center.DESC": (STRING, b"mine".ljust(40, b"\0"), "engineer"),
    "Sim:Speed": (DOUBLE, struct.pack(">d", 1.0), "simulation"),
    "Sim:FaultClear": (ENUM, struct.pack(">H", 1), "simulation"),
    "Sim:Unseal": (ENUM, struct.pack(">H", 1), "simulation"),
    "IOC:SYSRESET": (ENUM, struct.pack(">H", 1), "engineer"),
}


@pytest.fixture(scope="module")
def ioc(pool: Any) -> Iterator[tuple[str, RunningIoc, int]]:
    """A haloscope as it comes, over both protocols."""
    prefix, pva = "Roles:", pool.ports.pop()
    arguments = ("--prefix", prefix, "--pva", str(pva), "--inject", "1e-15")
    running = pool.start(LaunchedIoc("haloscope", arguments=arguments))
    wait_served([f"{prefix}Rod"], running.port)
    yield prefix, running, pva
    pool.end(running)
    pool.ports.append(pva)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Sockets made here belong to another user of this host."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("claimed", "host", "really"),
    [
        (b"eve", b"localhost", nullcontext),
        (b"", b"", nullcontext),
        pytest.param(own_user().encode(), b"localhost", as_nobody, marks=AS_ROOT),
    ],
)
def test_others_on_this_host_are_operators(
    ioc: Any, claimed: bytes, host: bytes, really: Any
) -> None:
    prefix, running, _ = ioc
    with really():
        client = RawClient(running.port, user=claimed, host=host)
    with client:
        replies = {
            name: client.put(client.open(prefix + name), kind, payload)
            for name, (kind, payload, _) in PUTS.items()
        }
        reset = client.get(client.open(f"{prefix}Sim:Unsealed_RBV"), ENUM)
    refused = {n for n, reply in replies.items() if reply.command == ERROR}
    assert refused == {name for name, (_, _, role) in PUTS.items() if role != "operator"}
    assert all(replies[name].second == NOWTACCESS for name in refused)
    assert struct.unpack_from(">H", reset.payload)[0] == 0


def test_who_started_it_has_all_roles(ioc: Any) -> None:
    prefix, running, _ = ioc
    with RawClient(running.port, user=own_user().encode()) as client:
        for name, (kind, payload, _) in PUTS.items():
            if name not in ("IOC:SYSRESET", "Sim:Unseal"):  # others need it
                assert client.put(client.open(prefix + name), kind, payload).command != ERROR, name
    if os.geteuid() == 0:
        user = own_user().encode()
        with as_nobody():
            other = RawClient(running.port, user=user)
        with other:
            kind, payload, _ = PUTS["IOC:SYSRESET"]
            assert other.put(other.open(f"{prefix}IOC:SYSRESET"), kind, payload).command == ERROR
        log = running.log.read_text()
        assert f"calls its user {own_user()}, it is {user_name(NOBODY)}" in log


@AS_ROOT
def test_another_user_of_this_host_with_a_real_client(ioc: Any) -> None:
    prefix, _, _ = ioc
    line, environment = command("caput", "-c", f"{prefix}Sim:Speed", "3")
    if subprocess.run(["test", "-x", line[0]], user=NOBODY, check=False).returncode:
        pytest.skip("another user cannot run programs of this environment")
    ended = subprocess.run(
        line, env=environment, user=NOBODY, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert "Write access denied" in ended.stderr


@AS_ROOT
def test_another_user_over_pv_access(ioc: Any) -> None:
    prefix, _, pva = ioc
    conf = {
        "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{pva}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": str(pva),
    }
    os.seteuid(NOBODY)  # p4p opens its circuit in a thread of its own, some time later
    try:
        with Context("pva", conf=conf, useenv=False) as context:
            context.put(f"{prefix}VNA:Center", 1100.5, timeout=20)
            with pytest.raises(RemoteError, match=f"not writable for {user_name(NOBODY)}@"):
                context.put(f"{prefix}Sim:Speed", 3.0, timeout=20)
    finally:
        os.seteuid(0)
