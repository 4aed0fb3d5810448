"""Searches of PV Access clients: bytes in, bytes out."""

from __future__ import annotations

import random
import struct

import pytest

from iocs.pva.search import PvaSearches, response, searches

SERVER = b"twelve bytes"
SERVED = {"T:A", "T:B"}.__contains__


def text(name: str) -> bytes:
    size = len(name.encode())
    head = struct.pack(">B", size) if size < 254 else struct.pack(">BI", 254, size)
    return head + name.encode()


def request(*names: str, flags: int = 0x80, protocols: tuple[str, ...] = ("tcp",)) -> bytes:
    body = struct.pack(">IB3x16sH", 77, flags, b"\xff" * 16, 5555)
    body += bytes([len(protocols)]) + b"".join(text(one) for one in protocols)
    body += struct.pack(">H", len(names))
    body += b"".join(struct.pack(">I", n) + text(name) for n, name in enumerate(names, start=10))
    return struct.pack(">BBBBI", 0xCA, 2, 0x80, 3, len(body)) + body


def little_endian(name: str) -> bytes:
    body = struct.pack("<IB3x16sHB", 77, 0, bytes(16), 5555, 1) + text("tcp")
    body += struct.pack("<HI", 1, 10) + text(name)
    return struct.pack("<BBBBI", 0xCA, 2, 0, 3, len(body)) + body


@pytest.mark.parametrize("datagram", [request("T:No", "T:A"), little_endian("T:A")])
def test_what_is_served_is_found(datagram: bytes) -> None:
    (search,) = searches(datagram)
    assert (search.number, search.port) == (77, 5555)
    reply = response(search, SERVED, SERVER, 5075)
    assert reply[:4] == b"\xca\x02\xc0\x04"
    assert struct.unpack(">I", reply[4:8])[0] == len(reply) - 8
    assert reply[8:20] == SERVER
    assert struct.unpack(">I16xH4sBHI", reply[20:]) == (
        77, 5075, b"\3tcp", 1, 1, 11 if b"T:No" in datagram else 10
    )  # fmt: skip


def test_what_is_not_served_is_answered_only_if_an_answer_is_asked_for() -> None:
    (search,) = searches(request("T:No"))
    assert response(search, SERVED, SERVER, 5075) == b""
    (search,) = searches(request(flags=1))
    assert response(search, SERVED, SERVER, 5075)[-3:] == b"\0\0\0"


def test_several_searches_come_in_one_datagram_and_long_names_are_read() -> None:
    found = searches(request("T:A") + request("x" * 300))
    assert [search.names for search in found] == [((10, "T:A"),), ((10, "x" * 300),)]


def test_other_protocols_messages_and_nonsense_are_not_answered() -> None:
    assert searches(request("T:A", protocols=("tls",))) == []
    for position, byte in ((2, 0x81), (2, 0xC0), (2, 0x90), (3, 0), (0, 0xCB)):
        datagram = bytearray(request("T:A"))
        datagram[position] = byte
        assert searches(bytes(datagram)) == []


def test_damaged_searches_raise_nothing() -> None:
    random_numbers = random.Random(1)
    whole = request("T:A", "T:B", "x" * 300)
    for _ in range(5000):
        damaged = bytearray(whole[: random_numbers.randrange(len(whole) + 1)])
        for _ in range(random_numbers.randrange(5)):
            if damaged:
                damaged[random_numbers.randrange(len(damaged))] = random_numbers.randrange(256)
        for search in searches(bytes(damaged)):
            response(search, SERVED, SERVER, 5075)


def test_the_answer_goes_to_who_asked_and_not_where_the_message_points() -> None:
    sent = []

    class Transport:
        def sendto(self, reply: bytes, address: object) -> None:
            sent.append(address)

    port = PvaSearches(SERVED, 5075, SERVER)
    port.connection_made(Transport())  # type: ignore[arg-type]
    port.datagram_received(request("T:A"), ("192.0.2.9", 40000))
    assert sent == [("192.0.2.9", 5555)]
