"""Different clients are told the same value, units, limits and severity, for every record type.

The simulation is paused meanwhile, so that the readings stand still.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.epics_base import run

CLIENTS = Path(__file__).parent / "programs"
AMRR = (
    "CHX:Temp_RBV",  # ai with alarm limits
    "Stage:Temp_RBV",
    "PumpA:Current",  # ao
    "Cycle:MeanCHXTemp_RBV",  # ai, not yet measured: NaN, INVALID
    "Cycle:Count_RBV",  # longin
    "Quench_RBV",  # bi
    "PumpA:State_RBV",  # mbbi
    "CHX:Mode",  # bo
    "PumpB:Command",  # mbbo
    "PumpA:Message_RBV",  # lsi
    "RegenA:TempProfile_RBV",  # waveform
)
NUMBERS = ("disp", "ctrl", "alarm", "warning")
CAGET_LABELS = {
    "Units": "units",
    "Precision": "precision",
    "Lo disp limit": "lower_disp_limit",
    "Hi disp limit": "upper_disp_limit",
    "Lo alarm limit": "lower_alarm_limit",
    "Hi alarm limit": "upper_alarm_limit",
    "Lo warn limit": "lower_warning_limit",
    "Hi warn limit": "upper_warning_limit",
    "Lo ctrl limit": "lower_ctrl_limit",
    "Hi ctrl limit": "upper_ctrl_limit",
}
SEVERITIES = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")


@pytest.fixture(scope="module")
def paused(amrr: str) -> Iterator[list[str]]:
    assert run("caput", "-c", f"{amrr}Sim:Pause", "Yes").returncode == 0
    yield [amrr + name.replace("Quench_RBV", "PumpA:Quench_RBV") for name in AMRR]
    run("caput", "-c", f"{amrr}Sim:Pause", "No")


def client(script: str, names: list[str]) -> Any:
    line = [sys.executable, "-W", "ignore", str(CLIENTS / f"{script}.py"), *names]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def caget(name: str, states: bool) -> dict[str, Any]:
    """What EPICS base's caget shows with all metadata."""
    kind = "DBR_CTRL_ENUM" if states else "DBR_CTRL_DOUBLE"
    text = run("caget", "-d", kind, "-g", "15", name).stdout
    shown = dict(re.findall(r"^[ ]+(\w[\w ]*?):[ ]*(.*?)[ ]*$", text, flags=re.MULTILINE))
    found: dict[str, Any] = {
        key: shown[label] if key == "units" else float(shown[label])
        for label, key in CAGET_LABELS.items()
        if label in shown
    }
    if "Value" in shown and not states:
        found["value"] = float(shown["Value"])
    if states:
        index = int(re.match(r"\d+|", shown["Value"]).group() or -1)  # type: ignore[union-attr]
        found["states"] = re.findall(r"^\s+\[\s*\d+\] (.*?)\s*$", text, flags=re.MULTILINE)
        found["value"] = found["states"][index] if index >= 0 else shown["Value"]
    found["severity"] = SEVERITIES.index(shown["Severity"])
    return found


def test_all_clients_are_told_the_same(paused: list[str]) -> None:
    told = {**client("agree_pyepics", paused), "aioca": client("agree_aioca", paused)}
    told["caget"] = {
        name: caget(name, "states" in told["pyepics"][name])
        for name in paused
        if not name.endswith(("Message_RBV", "Profile_RBV"))
    }
    differences = []
    for name in paused:
        reference = told["pyepics"][name]
        for who, about in told.items():
            for key, value in about.get(name, {}).items():
                if key in reference and not _equal(reference[key], value):
                    differences.append((name, key, "pyepics", reference[key], who, value))
    assert not differences
    compared = sum(len(about[name]) for about in told.values() for name in about)
    assert compared > 200


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one == pytest.approx(other, rel=1e-5, nan_ok=True)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other


def test_cainfo_tells_type_and_access(amrr: str) -> None:
    readback = run("cainfo", f"{amrr}CHX:Temp_RBV").stdout
    assert "Access:           read, no write" in readback
    assert "Native data type: DBF_DOUBLE" in readback
    assert "read, write" in run("cainfo", f"{amrr}CHX:Temp").stdout


def test_camonitor_shows_the_value_and_its_severity(paused: list[str], amrr: str) -> None:
    assert run("caput", "-c", f"{amrr}Stage:Temp_RBV.HIGH", "1.5").returncode == 0
    shown = run("caget", "-a", f"{amrr}Stage:Temp_RBV").stdout.split()
    assert shown[-2:] == ["HIGH", "MINOR"]
    assert run("caput", "-c", f"{amrr}Stage:Temp_RBV.HIGH", "1.65").returncode == 0
