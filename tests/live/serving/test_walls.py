"""What one client asks for never ends an IOC: the requests that once did, on both IOCs."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cryohalo.processes.addresses import search
from cryohalo.processes.launcher import LaunchedIoc
from tests.live import raw_client as ca
from tests.live.raw_client import RawClient

GETFAIL = 152
TRIED = ["IOC:UPTIME", "IOC:TOD", 'IOC:UPTIME.{"dbnd":{"abs":1.0}}', 'IOC:TOD.{"dbnd":{"abs":1.5}}']


@pytest.fixture(params=["amrr", "haloscope"])
def ioc(request: pytest.FixtureRequest, pool: Any) -> Iterator[tuple[str, Any]]:
    prefix = request.getfixturevalue(request.param)
    name = f"{prefix}IOC:HEARTBEAT"
    (running,) = [one for one in pool.alive if search(name, one.port) is not None]
    yield prefix, running
    assert running.process.poll() is None, running.tail()


def beats(client: RawClient, number: int) -> list[int]:
    """So many updates of subscription 99."""
    found: list[int] = []
    while len(found) < number:
        message = client.until(ca.EVENT_ADD)
        if message.second == 99:
            found.append(struct.unpack(">i", message.payload[:4])[0])
    return found


def test_texts_and_filters_asked_for_as_numbers_end_themselves_alone(ioc: Any) -> None:
    prefix, running = ioc
    with RawClient(running.port) as client:
        client.monitor(client.open(f"{prefix}IOC:HEARTBEAT", 99), 99, ca.LONG)
        for number, name in enumerate(TRIED, 1):
            client.monitor(client.open(prefix + name, number), number, ca.DOUBLE)
            failed = client.until(ca.ERROR)
            assert (failed.first, failed.second) == (number, GETFAIL)
        for number, step in ((20, 0), (21, -1)):
            name = f'{prefix}IOC:HEARTBEAT.{{"arr":{{"i":{step}}}}}'
            client.monitor(client.open(name, number), number, ca.LONG)
        first, *_, last = beats(client, 4)
        assert last >= first + 2


def answered(port: int, name: str) -> bool:
    """Whether a new client is served; places are free once it is seen that others have gone."""
    try:
        with RawClient(port) as client:
            return client.get(client.open(name), ca.LONG).command == ca.READ_NOTIFY
    except ConnectionError:
        return False


FEW_DESCRIPTORS = """
import resource, sys
from iocs.haloscope import run
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
sys.exit(run())
"""


def test_without_descriptors_an_ioc_serves_who_is_there_and_saves_its_state(
    pool: Any, prefix: str, tmp_path: Path
) -> None:
    arguments = ("--prefix", prefix, "--state-dir", str(tmp_path))
    running = pool.start(LaunchedIoc("haloscope", ("-c", FEW_DESCRIPTORS), arguments))
    with RawClient(running.port) as client, ExitStack() as idle:
        client.monitor(client.open(f"{prefix}IOC:HEARTBEAT", 99), 99, ca.LONG)
        for _ in range(150):
            idle.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        beats(client, 4)
        for name in ("IOC:Error_RBV", "IOC:SavingError_RBV"):
            assert client.get(client.open(prefix + name, 1), ca.STRING).payload[:1] == b"\0"
        assert (tmp_path / "setpoints.json").exists()
    assert any(answered(running.port, f"{prefix}IOC:FD_CNT") for _ in range(10_000))
    assert pool.end(running) == 0
    log = running.log.read_text()
    assert log.count("file descriptors that are left") == 1
    assert "Traceback" not in log


HOARDED_BYTES = 3_900_000


def test_unfinished_puts_of_many_do_not_keep_an_honest_one_from_being_taken(
    toy: tuple[str, Any],
) -> None:
    prefix, running = toy
    elements = HOARDED_BYTES // 8
    with ExitStack() as hoarders:
        clients = [hoarders.enter_context(RawClient(running.port)) for _ in range(10)]
        for client in clients:
            sid = client.open(f"{prefix}Wave")
            client.send(ca.WRITE_NOTIFY, ca.DOUBLE, elements, sid, 1, b"", size=HOARDED_BYTES)
            client.socket.sendall(b"\0" * (HOARDED_BYTES - 1))
        refused = clients[0].until(ca.ERROR)
        assert b"no room for 3900024 bytes" in refused.payload
        with RawClient(running.port) as honest:
            size = 800_000  # all that the array holds
            reply = honest.put(honest.open(f"{prefix}Wave"), ca.DOUBLE, b"\0" * size, count=100_000)
            assert reply.command == ca.WRITE_NOTIFY
        clients[0].socket.sendall(b"\0")
        assert clients[0].get(clients[0].open(f"{prefix}Value", 2)).command == ca.READ_NOTIFY
