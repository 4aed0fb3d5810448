"""Every DBR type by get, monitor and put, of every record type: as EPICS base's softIoc answers.

Every difference has its reason in `tests.live.against_base.reasons`. What base itself would not
survive (a put with fewer bytes than elements, which it converts beyond the message's end) is tried
on ours alone.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.live import raw_client as ca
from tests.live.against_base import cases, twins
from tests.live.against_base.cases import Case
from tests.live.against_base.fuzz import fuzz
from tests.live.against_base.reasons import REASONS, reasons
from tests.live.against_base.twins import PREFIX, Twins
from tests.live.epics_base import command
from tests.live.exchange import Peer, frame, subscription

BAD_COUNT, PUT_FAILED, NO_RIGHT, BAD_TYPE = 176, 160, 376, 114


@pytest.fixture(scope="module")
def both(pool: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    ports = [pool.ports.pop(0) for _ in range(2)]
    with twins.served(tmp_path_factory.mktemp("twins"), *ports) as found:
        yield found
    pool.ports.extend(ports)


def compare(both: Twins, tried: Iterable[Case]) -> tuple[list[str], Counter[str]]:
    """Cases that differ for no stated reason, and how often each reason was needed."""
    unexplained, needed = [], Counter[str]()
    for case in tried:
        base, ours = cases.outcomes(both, case)
        why = reasons(case, base, ours)
        needed.update(why)
        if "" in why:
            unexplained.append(f"{case}\n  base {base}\n  ours {ours}")
    return unexplained, needed


def test_readings(both: Twins) -> None:
    unexplained, needed = compare(both, cases.every_reading())
    assert not unexplained, unexplained[:5]
    assert needed.total() > 1000


def test_readings_of_an_array_that_is_dated_anew(both: Twins) -> None:
    """With ``ts`` base copies the whole room of an array, of which a part may be filled."""
    tried = [
        Case(record, command, kind, count, '.{"ts":{}}')
        for record in ("wave", "wave_RBV")
        for kind in range(39)
        for count in range(8)
        for command in (cases.GET, cases.OLD_GET, cases.MONITOR)
    ]
    tried += [
        Case(record, command, ca.DOUBLE, count, '.{"ts":{}}', values=[1.5] * count)
        for record in ("wave", "wave_RBV")
        for count in range(8)
        for command in (cases.PUT, cases.PLAIN_PUT)
    ]
    unexplained, needed = compare(both, tried)
    assert not unexplained, unexplained[:5]
    assert needed["room as well"] > 100


def test_what_is_missing_is_not_taken_for_room() -> None:
    case = Case("wave", cases.GET, ca.DOUBLE, 0, '.{"ts":{}}')
    base = cases.Outcome((6, 5), 3, (("READ_NOTIFY", "DOUBLE", 5, 1, [], [1.5, 2.5, 0.0]),))
    for ours, why in (
        ([1.5, 2.5], {"room as well"}),
        ([1.5], {""}),
        ([2.5, 2.5], {"", "room as well"}),
    ):
        reply = ("READ_NOTIFY", "DOUBLE", len(ours), 1, [], ours)
        assert reasons(case, base, cases.Outcome((6, 5), 3, (reply,))) == why


@pytest.mark.parametrize("record", cases.RECORDS)
def test_puts(both: Twins, record: str) -> None:
    unexplained, needed = compare(both, cases.every_put(record))
    assert not unexplained, unexplained[:5]
    assert set(needed) <= set(REASONS)
    assert "Traceback" not in both.log.read_text()


def test_cases_at_random(both: Twins) -> None:
    """A short life of `tests.live.against_base.fuzz`, which by hand runs for an hour."""
    found = fuzz(both, seed=1, most=1500)
    assert not found.unexplained, str(found)
    assert len(found.needed) > 15
    assert "Traceback" not in both.log.read_text()


SHORT = [
    (kind, count, b"\0" * size)
    for kind in range(7)
    for count, size in ((1, 0), (2, 8), (1000, 16))
    if not (kind in (1, 2, 3, 4, 5) and count == 2)
]


@pytest.mark.parametrize("command", [ca.WRITE, ca.WRITE_NOTIFY])
@pytest.mark.parametrize("record", ["ao", "wave", "mbbo", "lso"])
def test_fewer_bytes_than_elements_are_refused(both: Twins, record: str, command: int) -> None:
    channel = both.ours.channel(PREFIX + record)
    assert channel is not None
    for kind, count, data in SHORT:
        (reply,) = both.ours.ask(frame(command, kind, count, channel[0], 1, data), 1)
        assert reply[:2] == ("ERROR", BAD_COUNT), (kind, count)


def test_a_number_may_be_used_again(both: Twins) -> None:
    channel = both.ours.channel(PREFIX + "ao")
    assert channel is not None
    put = frame(ca.WRITE_NOTIFY, ca.DOUBLE, 1, channel[0], 5, cases.dbr.encoded(ca.DOUBLE, [2.5]))
    get = frame(ca.READ_NOTIFY, ca.DOUBLE, 1, channel[0], 5)
    replies = both.ours.ask((put + get) * 50, 100)
    assert Counter(reply[0] for reply in replies) == {"WRITE_NOTIFY": 50, "READ_NOTIFY": 50}
    assert not both.ours.cut_off


MISTAKES = {
    "a channel that is none": lambda sid: frame(ca.READ_NOTIFY, ca.DOUBLE, 1, sid + 999, 1),
    "a put to a channel that is none": lambda sid: frame(
        ca.WRITE, ca.DOUBLE, 1, sid + 999, 1, b"\0" * 8
    ),
    "clearing a channel that is none": lambda sid: frame(ca.CLEAR_CHANNEL, 0, 0, sid + 999, 1),
    "a command that is none": lambda _: frame(30),
    "a reply for a request": lambda _: frame(ca.ACCESS_RIGHTS, 0, 0, 1, 3),
    "a version too old": lambda _: frame(ca.VERSION, 0, 3),
}
IN_STEP = {
    "a version again": lambda _: frame(ca.VERSION, 7, 13),
    "an old synchronisation": lambda _: frame(10),
    "an echo with something in it": lambda _: frame(ca.ECHO, 1, 2, 3, 4, b"12345678"),
    "a name after the first channel": lambda _: frame(ca.CLIENT_NAME, payload=b"mallory\0"),
    "a channel with a number in use": lambda _: frame(
        ca.CREATE_CHANNEL, first=1, second=13, payload=b"twin:bo\0"
    ),
    "a name without an end": lambda _: frame(
        ca.CREATE_CHANNEL, first=2, second=13, payload=b"twin:aox"
    ),
    "an empty name": lambda _: frame(ca.CREATE_CHANNEL, first=2, second=13),
    "the same monitor twice": lambda sid: (
        2 * frame(ca.EVENT_ADD, ca.DOUBLE, 1, sid, 5, subscription(1))
    ),
    "a monitor ended as another type": lambda sid: (
        frame(ca.EVENT_ADD, ca.DOUBLE, 1, sid, 5, subscription(1))
        + frame(ca.EVENT_CANCEL, ca.STRING, 3, sid, 5)
    ),
    "a channel given up with another number": lambda sid: frame(ca.CLEAR_CHANNEL, 0, 0, sid, 77),
}


@pytest.mark.parametrize("mistake", [*MISTAKES, *IN_STEP])
def test_each_mistake_ends_as_in_base(both: Twins, mistake: str) -> None:
    request = (MISTAKES | IN_STEP)[mistake]
    seen = []
    for peer in both.peers:
        fresh = Peer(peer.port)
        channel = fresh.channel(PREFIX + "ao")
        assert channel is not None
        seen.append(fresh.ask(request(channel[0]), 1))
        fresh.socket.close()
    assert seen[0] == seen[1]
    assert (("CLOSED",) in seen[1]) == (mistake in MISTAKES)


CAPUT = {
    "taken": (("-c", "twin:ao", "2.5"), 0, "New : twin:ao"),
    "refused": (("-c", "twin:ao", "abc"), 1, "Channel write request failed"),
    "refused, plain": (("twin:ao", "abc"), 0, "Channel write request failed"),
    "refused, terse": (("-c", "-t", "twin:longout", "3000000000"), 1, "write request failed"),
    "no right": (("-c", "twin:ai_RBV", "3"), 1, "Write access denied"),
    "no right, plain": (("twin:ai_RBV", "3"), 1, "Write access denied"),
    "read-only field": (("-c", "twin:ao.NAME", "x"), 1, "Write access denied"),
    "no such state": (("-c", "twin:mbbo", "Nowhere"), 1, "invalid"),
    "too many": (("-c", "-a", "twin:wave", "7", *"1234567"), 1, "Invalid element count"),
    "disabled": (("-c", "twin:ao", "3"), 1, "Channel write request failed"),
}


@pytest.mark.parametrize("what", CAPUT)
def test_caput_ends_as_with_base(both: Twins, what: str) -> None:
    arguments, code, said = CAPUT[what]
    for peer in both.peers:
        if what == "disabled":
            assert caput(peer.port, "-c", "twin:ao.DISP", "1").returncode == 0
        ended = caput(peer.port, *arguments)
        if what == "disabled":
            assert caput(peer.port, "-c", "twin:ao.DISP", "0").returncode == 0
        assert ended.returncode == code, (peer.port, ended.stderr)
        assert said in ended.stdout + ended.stderr


def caput(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Base's own ``caput`` to one of two servers that serve the same names."""
    line, environment = command("caput", "-w", "20", *arguments)
    environment |= {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}", "EPICS_CA_AUTO_ADDR_LIST": "NO"}
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
