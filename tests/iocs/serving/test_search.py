"""Searches: what is answered, with what, and what rubbish does."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from iocs.serving.listening.search import MAX_REPLY_BYTES, answer

HEADER = struct.Struct(">HHHHII")


def search(name, cid):
    payload = name.encode() + b"\0"
    payload += b"\0" * (-len(payload) % 8)
    return HEADER.pack(6, len(payload), 5, 13, cid, cid) + payload


def version(sequence=None):
    valid = sequence is not None
    return HEADER.pack(0, 0, int(valid), 13, sequence or 0, 0)


def ids(reply):
    return [HEADER.unpack_from(reply, 16 + 24 * n)[5] for n in range((len(reply) - 16) // 24)]


def test_known_names_are_answered_with_port_and_client_id():
    (reply,) = answer(version() + search("a", 7) + search("b", 8), {"b"}.__contains__, 5064)
    assert HEADER.unpack_from(reply, 16) == (6, 8, 5064, 0, 0xFFFFFFFF, 8)
    assert ids(reply) == [8]


def test_the_sequence_number_comes_back_if_there_was_one():
    (reply,) = answer(version(99) + search("a", 1), lambda _name: True, 5064)
    assert HEADER.unpack_from(reply)[:5] == (0, 0, 1, 13, 99)
    (reply,) = answer(version() + search("a", 1), lambda _name: True, 5064)
    assert HEADER.unpack_from(reply)[:5] == (0, 0, 0, 13, 0)


def test_nothing_known_nothing_sent():
    assert answer(version() + search("a", 1), lambda _name: False, 5064) == []


def test_many_answers_are_cut_into_frames():
    datagram = version(5) + b"".join(search(f"pv{n}", n) for n in range(300))
    replies = answer(datagram, lambda _name: True, 5064)
    assert all(len(reply) <= MAX_REPLY_BYTES for reply in replies)
    assert [cid for reply in replies for cid in ids(reply)] == list(range(300))


@given(st.binary(max_size=400))
def test_rubbish_is_survived(datagram):
    for reply in answer(datagram, lambda _name: True, 5064):
        assert len(reply) <= MAX_REPLY_BYTES


@given(st.binary(max_size=40))
def test_a_good_search_before_rubbish_is_answered(rubbish):
    replies = answer(version(1) + search("a", 1) + rubbish, lambda name: name == "a", 5064)
    assert ids(replies[0])[0] == 1
