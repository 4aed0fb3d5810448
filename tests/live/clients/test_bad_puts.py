"""Bad puts over the wire to every writable PV: refused with an error, value unmoved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pvdb.records import Record, Wire
from tests.iocs.plants import NAMES, shared
from tests.live.epics_base import run

CLIENT = Path(__file__).parent / "programs" / "bad_puts.py"


def line(prefix: str, record: Record) -> str:
    low, high = record.control_range() or (0.0, 0.0)
    if record.write_checks_range:
        low = high = 0.0  # what a motor refuses depends on where it is: see test_motors
    kind = "whole" if record.wire.integer else "number"
    if record.wire is Wire.ENUM:
        kind, high = "state", len(record.states) - 1
    if record.wire is Wire.STRING:
        kind = "text"
    return f"{prefix}{record.name} {kind} {low!r} {high!r}"


@pytest.mark.parametrize("name", NAMES)
def test_bad_puts_are_refused_over_the_wire(name: str, request: pytest.FixtureRequest) -> None:
    prefix = request.getfixturevalue(name)
    assert run("caput", "-c", f"{prefix}Sim:Pause", "Yes").returncode == 0
    lines = [line(prefix, record) for record in shared(name).database.records if record.writable]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", str(CLIENT)],
        input="\n".join(lines), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    run("caput", "-c", f"{prefix}Sim:Pause", "No")
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert not seen["wrong"]
    assert seen["tried"] > 200
