"""Searches over TCP (``EPICS_CA_NAME_SERVERS``), as through an ssh tunnel or out of a container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import raw_client as ca
from tests.live.epics_base import command
from tests.live.raw_client import RawClient

CLIENT = Path(__file__).parent / "programs" / "by_name_server.py"
NOT_FOUND, REPLY, NO_REPLY = 14, 10, 5


@pytest.fixture
def tcp_only(toy):
    """The environment of a client that cannot search over UDP; the name of a PV."""
    prefix, running = toy
    found = {"EPICS_CA_ADDR_LIST": "", "EPICS_CA_AUTO_ADDR_LIST": "NO"}
    found |= {"EPICS_CA_NAME_SERVERS": f"127.0.0.1:{running.port}"}
    return os.environ | found, f"{prefix}Value"


def test_base_caget_and_caput(tcp_only):
    environment, name = tcp_only
    for arguments in (("caput", "-c", "-w", "20", name, "1.5"), ("caget", "-t", "-w", "20", name)):
        line, libraries = command(*arguments)
        environment["LD_LIBRARY_PATH"] = libraries["LD_LIBRARY_PATH"]
        ended = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "1.5"


def test_base_camonitor(tcp_only):
    environment, name = tcp_only
    line, libraries = command("camonitor", name)
    environment["LD_LIBRARY_PATH"] = libraries["LD_LIBRARY_PATH"]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as monitor:
        try:
            assert monitor.stdout.readline().split()[:2] != [name, "***"]  # not connected
        finally:
            monitor.kill()


@pytest.mark.parametrize("library", ["pyepics", "aioca"])
def test_python_clients(tcp_only, library):
    environment, name = tcp_only
    line = [sys.executable, "-W", "ignore", str(CLIENT), library, name]
    ended = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=100)
    assert (ended.stdout, ended.returncode) == ("served\n", 0), ended.stderr


def search(client, name, number, wanted=NO_REPLY, padded=True):
    payload = name.encode() + b"\0"
    payload += b"\0" * (-len(payload) % 8)
    client.send(ca.SEARCH, wanted, 13, number, number, payload)


def test_a_search_over_tcp_is_answered_where_it_came_from(toy):
    prefix, running = toy
    with RawClient(running.port) as client:
        # What libca sends: a version with the number of the search in the priority's place.
        client.send(ca.VERSION, 1, 13, 4711)
        for number, name in enumerate(
            (f"{prefix}Value", f"{prefix}Nothing", f"{prefix}Text.DESC$")
        ):
            search(client, name, number)
        search(client, "nobody:has:this", 7, REPLY)
        client.send(ca.ECHO)
        answers = []
        while (answer := client.receive()).command != ca.ECHO:
            answers.append(answer)
    found = [a for a in answers if a.command == ca.SEARCH]
    assert [(a.second, a.data_type, a.first) for a in found] == [(0, running.port, 0xFFFFFFFF)]
    assert found[0].payload == b"\0\x0d" + b"\0" * 6
    assert [a.second for a in answers if a.command == NOT_FOUND] == [7]


@pytest.mark.parametrize("version", [(0, 13), (1, 13), (99, 13), (0, 11)])
def test_a_version_may_be_told_again(toy, version):
    prefix, running = toy
    with RawClient(running.port) as client:
        client.send(ca.VERSION, *version)
        client.send(ca.VERSION, 5, 13)
        assert client.get(client.open(f"{prefix}Limited")).command == ca.READ_NOTIFY


@pytest.mark.parametrize("version", [(100, 13), (0, 3), (0, 0)])
def test_a_version_that_nobody_speaks_ends_the_circuit(toy, version):
    with RawClient(toy[1].port) as client:
        client.send(ca.VERSION, *version)
        assert client.closed()


def test_channels_are_served_between_searches(toy):
    prefix, running = toy
    with RawClient(running.port) as client:
        for number in range(3):
            client.send(ca.VERSION, 1, 13, number)
            search(client, f"{prefix}Value", number)
            assert client.until(ca.SEARCH).second == number
            sid = client.open(f"{prefix}Value", 100 + number)
            assert client.get(sid).command == ca.READ_NOTIFY
