"""The same PVs over PV Access: values, metadata, puts that complete, refusals in words."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from p4p.client.thread import Context, RemoteError

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from tests.live.epics_base import run
from tests.live.raw_client import DOUBLE, WRITE_NOTIFY, RawClient

CLIENT = Path(__file__).parent / "programs" / "pva.py"


def test_a_pv_access_client_sees_the_same_pvs(pool: Any, prefix: str) -> None:
    port = str(pool.ports.pop())
    arguments = ("--prefix", prefix, "--speed", "0", "--pva", port)
    running = pool.start(LaunchedIoc("haloscope", arguments=arguments))
    wait_served([prefix + "Rod"], running.port)
    line = [sys.executable, "-W", "ignore", str(CLIENT), prefix, port]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout.splitlines()[-1])
    over_ca = run("caget", "-t", f"{prefix}VNA:Center_RBV").stdout
    pool.end(running)
    pool.ports.append(int(port))
    assert seen["value"] == pytest.approx(0.025, rel=0.05)
    assert (seen["units"], seen["high"], seen["severity"]) == ("K", 0.04, 0)
    assert seen["description"] == "Mixing chamber"
    assert seen["control"] == [550.0, 1650.0]
    assert seen["choices"] == ["Cavity", "Noise source", "Open"]
    assert seen["points"] == 100_000
    assert seen["monitored"]
    assert float(over_ca) == 1101.5
    assert seen["moved to"] == pytest.approx(4.99)
    assert "VNA:Center = 99 MHz is outside 550 to 1650 MHz" in seen["VNA:Center"]
    assert "not writable" in seen["VNA:Center_RBV"]


def test_it_listens_at_all_interfaces_that_were_asked_for_and_no_others(
    pool: Any, prefix: str
) -> None:
    port = pool.ports.pop()
    interfaces = ("127.0.0.1", "127.0.0.2")
    arguments = ("--prefix", prefix, "--pva", str(port), "--interfaces", *interfaces)
    running = pool.start(LaunchedIoc("haloscope", arguments=arguments))
    sockets = [
        (one.type, one.laddr.ip, one.laddr.port)
        for one in psutil.Process(running.process.pid).net_connections("inet")
        if one.type == socket.SOCK_DGRAM or one.status == psutil.CONN_LISTEN
        if one.raddr == ()
    ]
    found = {address: _pva_get(address, port, f"{prefix}Rod") for address in interfaces}
    pool.end(running)
    pool.ports.append(port)
    both = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    expected = {(k, a, p) for k in both for a in interfaces for p in (running.port, port)}
    assert set(sockets) == expected
    assert len(set(found.values())) == 1


def _pva_get(address: str, port: int, name: str) -> float:
    conf = {
        "EPICS_PVA_ADDR_LIST": f"{address}:{port}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": str(port),
    }
    with Context("pva", conf=conf, useenv=False) as context:
        return float(context.get(name, timeout=20))


def test_base_s_own_programs_find_it(pool: Any, prefix: str, monkeypatch: Any) -> None:
    port = pool.ports.pop()
    running = pool.start(
        LaunchedIoc("haloscope", arguments=("--prefix", prefix, "--pva", str(port)))
    )
    monkeypatch.setenv("EPICS_PVA_ADDR_LIST", f"127.0.0.1:{port}")
    monkeypatch.setenv("EPICS_PVA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_PVA_BROADCAST_PORT", str(port))
    read, found = run("pvget", "-w", "20", f"{prefix}Switch"), run("pvlist")
    listed = run("pvlist", f"127.0.0.1:{port}").stdout.split()
    pool.end(running)
    pool.ports.append(port)
    assert "Cavity" in read.stdout
    assert f"127.0.0.1:{port}" in found.stdout
    assert f"{prefix}Rod" in listed
    assert f"{prefix}Sim:TrueMXC_RBV" not in listed


def test_a_taken_port_ends_the_start_and_names_who_has_it(pool: Any, prefix: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = [sys.executable, "-m", "iocs.haloscope", "--prefix", prefix, "--pva", port]
        line += ["--port", str(pool.ports[0])]
        ended = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 69
    assert f"TCP port {port} on 127.0.0.1 is taken by process {os.getpid()}" in ended.stderr


def test_a_host_is_the_same_over_both_protocols(pool: Any, prefix: str, tmp_path: Path) -> None:
    rules = tmp_path / "here.acf"
    rules.write_text(
        "HAG(here) {localhost} HAG(there) {192.0.2.1}\n"
        "ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) { HAG(here) } }\n"
        "ASG(SIMULATION) { RULE(1, READ) RULE(1, WRITE) { HAG(there) } }\n"
    )
    port = pool.ports.pop()
    arguments = ("--prefix", prefix, "--pva", str(port), "--access", str(rules))
    running = pool.start(LaunchedIoc("haloscope", arguments=arguments))
    wait_served([f"{prefix}Rod"], running.port)
    answers = {}
    for name, value in (("VNA:Center", 1100.0), ("Sim:Speed", 2.0)):
        answers["ca", name] = _ca_put(running.port, prefix + name, value)
        answers["pva", name] = _pva_put(port, prefix + name, value)
    pool.end(running)
    pool.ports.append(port)
    assert answers == {
        ("ca", "VNA:Center"): True,
        ("pva", "VNA:Center"): True,
        ("ca", "Sim:Speed"): False,
        ("pva", "Sim:Speed"): False,
    }


def _ca_put(port: int, name: str, value: float) -> bool:
    with RawClient(port, host=b"192.0.2.1") as client:  # where it says it is changes nothing
        reply = client.put(client.open(name), DOUBLE, struct.pack(">d", value))
    return reply.command == WRITE_NOTIFY


def _pva_put(port: int, name: str, value: float) -> bool:
    conf = {
        "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": str(port),
    }
    with Context("pva", conf=conf, useenv=False) as context:
        try:
            context.put(name, value, timeout=20)
        except RemoteError:
            return False
    return True
