"""The same PVs over PV Access: values, metadata, puts that complete, refusals in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cryohalo.addresses import wait_served
from cryohalo.launcher import Ioc
from tests.live.epics_base import run

CLIENT = Path(__file__).parent / "clients" / "pva.py"


def test_a_pv_access_client_sees_the_same_pvs(pool: Any, prefix: str) -> None:
    port = str(pool.ports.pop())
    arguments = ("--prefix", prefix, "--speed", "0", "--pva", port)
    running = pool.start(Ioc("haloscope", arguments=arguments))
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
    assert "VNA:Center = 99 MHz is outside 550..1650 MHz" in seen["VNA:Center"]
    assert "not writable" in seen["VNA:Center_RBV"]
