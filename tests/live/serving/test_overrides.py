"""One test for each defect of caproto 1.3.0 that iocs/serving/caproto_overrides.py mends.

Each fails on caproto's own server, as ``TOY_STOCK=1 pytest tests/live/serving/test_overrides.py``
shows. (``test_a_put_goes_on_when_its_client_leaves`` passes there too: a virtue that was kept.)
"""

import os
import socket
import struct
from dataclasses import astuple, fields

import caproto
import pytest

from iocs.serving.caproto_overrides import CaprotoVersionWarning, install
from iocs.serving.limits import Limits, Statistics
from tests.live import raw_client as ca
from tests.live.epics_base import run
from tests.live.raw_client import RawClient

STOCK = ("--stock",) if os.environ.get("TOY_STOCK") else ()
COUNTS = [field.name for field in fields(Statistics)][:8]
TOO_LARGE, GET_FAILED, PUT_FAILED, INTERNAL = (9 << 3, 19 << 3, 20 << 3, 17 << 3 | 2)


@pytest.fixture(scope="module")
def served(pool):
    from cryohalo.processes.addresses import wait_served
    from cryohalo.processes.launcher import LaunchedIoc
    from tests.live.conftest import TOY, _new_prefix

    prefix = _new_prefix()
    running = pool.start(LaunchedIoc("toy", (str(TOY),), ("--prefix", prefix, *STOCK)))
    wait_served([f"{prefix}Value"], running.port)
    yield prefix, running
    pool.end(running)


@pytest.fixture
def client(served):
    with RawClient(served[1].port) as client:
        yield client


def number(message):
    return struct.unpack(">d", message.payload[:8])[0]


def get(client, name, cid=900):
    return number(client.get(client.open(name, cid)))


def put(client, name, value, cid=901):
    return client.put(client.open(name, cid), ca.DOUBLE, struct.pack(">d", value))


def counts(port, prefix):
    with RawClient(port) as client:
        sid = client.open(f"{prefix}Counts")
        client.send(ca.READ_NOTIFY, ca.LONG, 0, sid, 1)
        values = struct.unpack(">8i", client.until(ca.READ_NOTIFY).payload[:32])
    return dict(zip(COUNTS, values, strict=True))


def wait_counts(port, prefix, true):
    for _ in range(20_000):  # each a round trip of its own: several seconds in all
        now = counts(port, prefix)
        if true(now):
            return now
    raise AssertionError(f"never came about: {now}")


def test_another_caproto_is_warned_of(monkeypatch):
    monkeypatch.setattr(caproto, "__version__", "9.9.9")
    with pytest.warns(CaprotoVersionWarning, match="9.9.9 is installed"):
        install(Limits())


def test_a_search_reply_returns_the_sequence_number(served):
    prefix, running = served
    name = f"{prefix}Value".encode() + b"\0"
    name += b"\0" * (-len(name) % 8)
    request = ca.HEADER.pack(ca.VERSION, 0, 1, 13, 4711, 0)
    request += ca.HEADER.pack(ca.SEARCH, len(name), 5, 13, 99, 99) + name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(10)
        udp.sendto(request, ("127.0.0.1", running.port))
        reply = udp.recv(2000)
    command, _, valid, _, sequence, _ = ca.HEADER.unpack_from(reply)
    assert (command, valid, sequence) == (ca.VERSION, 1, 4711)


def test_small_messages_do_not_wait_for_acknowledgements(served, client):
    assert get(client, f"{served[0]}NoDelay") == 1


def test_a_monitor_comes_before_the_put_that_caused_it_completes(served, client):
    prefix, _ = served
    client.monitor(client.open(f"{prefix}Value"), 5)
    client.until(ca.EVENT_ADD)
    sid = client.open(f"{prefix}Value", 2)
    client.send(ca.WRITE_NOTIFY, ca.DOUBLE, 1, sid, 3, struct.pack(">d", 42.5))
    event = client.receive()
    assert event.command == ca.EVENT_ADD
    assert number(event) == 42.5
    assert client.receive().command == ca.WRITE_NOTIFY


def test_a_client_that_stops_reading_does_not_stop_the_others(served):
    prefix, running = served
    last = 11_000
    with (
        RawClient(running.port, receive_buffer=4096) as stopped,
        RawClient(running.port) as other,
        RawClient(running.port, timeout_s=60) as putter,
    ):
        waves = stopped.open(f"{prefix}Wave", 1)
        for subscription in range(8):  # 6.4 MB at once: more than the system will hold for it
            stopped.monitor(waves, subscription, count=0)
        stopped.monitor(stopped.open(f"{prefix}Counter", 2), 20)
        other.monitor(other.open(f"{prefix}Counter"), 1)
        assert put(putter, f"{prefix}Burst", last).command == ca.WRITE_NOTIFY
        while number(other.until(ca.EVENT_ADD)) != last:
            pass


def test_sent_updates_are_not_kept(served, client):
    prefix, running = served
    client.monitor(client.open(f"{prefix}Counter"), 1)
    with RawClient(running.port) as putter:
        put(putter, f"{prefix}Burst", 3000)
    while number(client.until(ca.EVENT_ADD)) != 3000:
        pass
    assert get(client, f"{prefix}Retained") < 10


def test_a_task_that_posts_without_pause_does_not_starve_clients(served):
    prefix, running = served
    with RawClient(running.port) as client:
        assert put(client, f"{prefix}Flood", 1).command == ca.WRITE_NOTIFY
        try:
            assert get(client, f"{prefix}Limited", 77) == 0.5
        finally:
            assert put(client, f"{prefix}Flood", 0, 78).command == ca.WRITE_NOTIFY


def test_clients_that_leave_while_they_are_sent_to_are_forgotten(served):
    prefix, running = served
    before = counts(running.port, prefix)
    with RawClient(running.port) as client:
        put(client, f"{prefix}Flood", 1)
        for _ in range(20):
            with RawClient(running.port) as leaver:
                leaver.monitor(leaver.open(f"{prefix}Counter"), 1)
                leaver.until(ca.EVENT_ADD)
        put(client, f"{prefix}Flood", 0, 78)
    after = wait_counts(running.port, prefix, lambda now: now["clients"] == before["clients"])
    assert after["channels"] == before["channels"]


def test_paused_events_come_back_as_the_newest_value_alone(served):
    prefix, running = served
    with RawClient(running.port) as client, RawClient(running.port) as putter:
        client.monitor(client.open(f"{prefix}Counter"), 1)
        client.until(ca.EVENT_ADD)
        client.send(ca.EVENTS_OFF)
        client.send(ca.ECHO)
        client.until(ca.ECHO)
        put(putter, f"{prefix}Burst", 500)
        client.send(ca.EVENTS_ON)
        assert number(client.until(ca.EVENT_ADD)) == 500


def test_a_state_beyond_the_last_is_refused_and_the_enum_stays_readable(served, client):
    sid = client.open(f"{served[0]}Switch")
    for data_type, value in ((ca.LONG, struct.pack(">i", 7)), (ca.DOUBLE, struct.pack(">d", -1.0))):
        reply = client.put(sid, data_type, value)
        assert (reply.command, reply.second) == (ca.ERROR, PUT_FAILED)
        assert client.get(sid, ca.ENUM).command == ca.READ_NOTIFY
    assert run("caget", "-t", f"{served[0]}Switch").stdout.strip() == "Off"


def test_a_message_beyond_the_limit_is_refused_and_thrown_away(served, client):
    sid = client.open(f"{served[0]}Wave")
    claimed = 10_000_000
    client.send(ca.WRITE_NOTIFY, ca.DOUBLE, claimed // 8, sid, 1, b"\0" * 8, size=claimed)
    refused = client.until(ca.ERROR)
    assert refused.second == TOO_LARGE
    assert b"more than the 4000000" in refused.payload
    client.socket.sendall(b"\0" * (claimed - 8))
    assert client.get(sid).command == ca.READ_NOTIFY


def test_a_message_that_is_never_finished_is_given_up(start_toy, prefix):
    ioc = start_toy("--unfinished-message-s", "0.3", *STOCK)
    with RawClient(ioc.port) as client:
        sid = client.open(f"{prefix}Wave")
        client.send(ca.WRITE_NOTIFY, ca.DOUBLE, 1000, sid, 1, b"\0" * 800, size=8000)
        assert client.closed()
    ioc.end()
    assert "half a message" in ioc.log.read_text()


def test_a_client_that_accepts_nothing_is_cut_off(start_toy, prefix):
    ioc = start_toy("--stalled-client-s", "0.3", *STOCK)
    with RawClient(ioc.port, receive_buffer=4096) as stalled:
        sid = stalled.open(f"{prefix}Wave")
        for subscription in range(8):  # 6.4 MB at once: more than the system will hold for it
            stalled.monitor(sid, subscription, count=0)
        wait_counts(ioc.port, prefix, lambda now: now["cut_clients"] == 1)
    ioc.end()
    assert "accepted nothing" in ioc.log.read_text()


def test_clients_beyond_the_limit_are_turned_away(start_toy, prefix):
    ioc = start_toy("--max-clients", "2", *STOCK)
    with RawClient(ioc.port) as first, RawClient(ioc.port) as second:
        first.open(f"{prefix}Value")
        second.open(f"{prefix}Value")
        with RawClient(ioc.port) as third:
            assert third.closed()
        assert get(first, f"{prefix}Counts") >= 0


def test_puts_in_progress_are_bounded_and_complete_later(start_toy, prefix):
    ioc = start_toy("--max-puts", "2", *STOCK)
    with RawClient(ioc.port) as client, RawClient(ioc.port) as other:
        sid = client.open(f"{prefix}Slow")
        for ioid in (1, 2, 3):
            client.send(ca.WRITE_NOTIFY, ca.DOUBLE, 1, sid, ioid, struct.pack(">d", ioid))
        refused = client.until(ca.ERROR)
        assert b"still in progress" in refused.payload
        put(other, f"{prefix}Finish", 1)
        assert {client.until(ca.WRITE_NOTIFY).second for _ in range(2)} == {1, 2}


def test_a_put_goes_on_when_its_client_leaves(start_toy, prefix):
    ioc = start_toy(*STOCK)
    with RawClient(ioc.port) as client, RawClient(ioc.port) as watcher:
        watcher.monitor(watcher.open(f"{prefix}Slow"), 1)
        watcher.until(ca.EVENT_ADD)
        sid = client.open(f"{prefix}Slow")
        client.send(ca.WRITE_NOTIFY, ca.DOUBLE, 1, sid, 1, struct.pack(">d", 5.0))
        client.send(ca.ECHO)
        client.until(ca.ECHO)
        client.socket.close()
        put(watcher, f"{prefix}Finish", 1)
        assert number(watcher.until(ca.EVENT_ADD)) == 5.0


def test_a_refused_put_is_an_error_with_its_reason_and_is_counted(served, client):
    prefix, running = served
    before = counts(running.port, prefix)["refused_puts"]
    reply = put(client, f"{prefix}Limited", 5.0)
    assert (reply.command, reply.second) == (ca.ERROR, PUT_FAILED)
    assert b"Limits are set to 0.0 and 1.0" in reply.payload
    assert counts(running.port, prefix)["refused_puts"] == before + 1
    log = running.log.read_text()
    assert f"{prefix}Limited: put by raw@here refused: Cannot write data 5.0" in log
    assert "Traceback" not in log.partition(f"{prefix}Limited: put by")[2][:500]


def test_control_data_of_a_string_is_the_string(served):
    shown = run("caget", "-d", "DBR_CTRL_STRING", f"{served[0]}Text").stdout
    assert "Value:            hello" in shown


def test_a_long_alarm_text_does_not_make_a_channel_unreadable(served, client):
    prefix, _ = served
    put(client, f"{prefix}Complain", 1)
    try:
        time_double = 20
        assert client.get(client.open(f"{prefix}Value"), time_double).command == ca.READ_NOTIFY
    finally:
        put(client, f"{prefix}Complain", 0, 902)


def test_a_reading_that_fails_says_so(served, client):
    reply = client.get(client.open(f"{served[0]}Broken"))
    assert (reply.command, reply.second) == (ca.ERROR, GET_FAILED)
    assert b"on fire" in reply.payload
    broken = run("caget", f"{served[0]}Broken")
    assert broken.returncode >= 0, "caget was ended by a signal"


def test_a_cleared_channel_takes_its_subscriptions_along(served, client):
    prefix, _ = served
    sid = client.open(f"{prefix}Value", 1)
    client.monitor(sid, 1)
    client.until(ca.EVENT_ADD)
    client.send(ca.CLEAR_CHANNEL, first=sid, second=1)
    client.until(ca.CLEAR_CHANNEL)
    put(client, f"{prefix}Value", 1.0, 2)
    client.monitor(client.open(f"{prefix}Counter", 3), 2)
    assert client.until(ca.EVENT_ADD).second == 2


def test_a_client_that_breaks_the_protocol_is_cut_off_alone(served, client):
    prefix, running = served
    with RawClient(running.port) as broken:
        broken.send(ca.READ_NOTIFY, ca.DOUBLE, 1, 424242, 1)
        assert broken.closed()
    with RawClient(running.port) as nonsense:
        nonsense.socket.sendall(b"GET / HTTP/1.0\r\n\r\n" * 4)
        assert nonsense.closed()
    assert get(client, f"{prefix}Limited") == 0.5
    assert "cut off: broke the protocol" in running.log.read_text()


def test_statistics_name_every_count():
    assert len(astuple(Statistics())) == len(COUNTS) + 1
