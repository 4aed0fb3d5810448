"""What one client asks for never ends an IOC: the requests that once did, on both IOCs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest

from cryohalo.addresses import search
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
