"""Well-behaved clients, and the same with bytes changed at random, against a server in process.

`tests.fuzz.fuzz_inbound` does it by hand, guided by coverage.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random

import pytest

from tests.fuzz import inbound
from tests.live import raw_client as ca

SEEDS = inbound.seeds()


@pytest.fixture(scope="module")
def server() -> Iterator[inbound.Server]:
    found = inbound.Server()
    logging.disable(logging.WARNING)
    yield found
    logging.disable(logging.NOTSET)
    found.close()


@pytest.mark.parametrize("piece", [1 << 20, 7])
@pytest.mark.parametrize("name", SEEDS)
def test_a_client_that_behaves_is_answered(server: inbound.Server, name: str, piece: int) -> None:
    sent, received = inbound.messages(SEEDS[name]), server.give(SEEDS[name], piece)
    answered = [command for command, *_ in inbound.messages(received)]
    assert answered[0] == ca.VERSION
    for command in (ca.READ_NOTIFY, ca.WRITE_NOTIFY, ca.CREATE_CHANNEL, ca.ECHO):
        asked = sum(one[0] == command for one in sent)
        assert answered.count(command) <= asked
    assert len(answered) >= len(sent) // 4


def test_any_change_of_it_ends_nothing_else(server: inbound.Server) -> None:
    random, names = Random(1), list(SEEDS)
    for _ in range(1500):
        data = bytearray(SEEDS[random.choice(names)])
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            place = random.randrange(len(data))
            what = random.random()
            if what < 0.5:
                data[place] = random.randrange(256)
            elif what < 0.7:
                data[place : place + 2] = random.choice((b"\0\0", b"\xff\xff", b"\x7f\xff"))
            elif what < 0.85:
                del data[place : place + random.choice((1, 8, 16, 24))]
            else:
                data[place:place] = random.randbytes(random.choice((1, 8, 16)))
        server.give(bytes(data), random.choice((1 << 20, 16, 1460)))


def test_noise_ends_nothing_else(server: inbound.Server) -> None:
    random = Random(2)
    for _ in range(300):
        server.give(random.randbytes(random.randrange(2000)), 1460)
