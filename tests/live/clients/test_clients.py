"""Unrelated clients read, write and are refused, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.epics_base import command, run

CLIENTS = Path(__file__).parent / "programs"


def client(script, *arguments):
    """What one of the scripts in programs/ saw."""
    line = [sys.executable, "-W", "ignore", str(CLIENTS / f"{script}.py"), *arguments]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def caproto_get(name):
    line = [sys.executable, "-m", "caproto.commandline.get", "--no-repeater", "--terse", name]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout


def test_pyepics_reads_and_writes_and_can_see_a_refusal(amrr):
    seen = client("pyepics_client", amrr)
    assert (seen["put"], seen["units"]) == (1, "T")
    assert seen["after"] == seen["asked"] != seen["before"]
    # The protocol reports the refusal; pyepics drops the status, so the alarm has to tell.
    assert seen["refused put"] == 1
    assert seen["after refusal"] == seen["asked"]
    assert seen["severity"] > 0
    assert "Cycle:PumpHigh" in seen["reason"]


def test_aioca_reads_writes_monitors_and_raises_on_refusal(amrr):
    seen = client("aioca_client", amrr)
    assert seen["monitored"] == seen["after"] == seen["asked"] != seen["first"]
    assert "write request failed" in seen["refused"]


def test_caproto_get_reads(amrr):
    assert 0.1 < float(caproto_get(f"{amrr}CHX:Temp_RBV").strip(" []\n")) < 300.0


def test_epics_base_caget_and_caput(amrr):
    assert run("caput", "-c", "-w", "20", f"{amrr}Cycle:PumpLow", "0.1").returncode == 0
    assert float(run("caget", "-t", f"{amrr}Cycle:PumpLow_RBV").stdout) == 0.1
    refused = run("caput", "-c", "-w", "20", f"{amrr}Cycle:PumpLow", "-99")
    assert refused.returncode == 1
    assert "write request failed" in refused.stdout + refused.stderr
    plain = run("caput", f"{amrr}Cycle:PumpLow", "-99")
    assert "Cycle:PumpLow" in plain.stderr, "a plain put's refusal is printed with its reason"
    assert float(run("caget", "-t", f"{amrr}Cycle:PumpLow_RBV").stdout) == 0.1


def test_epics_base_caget_shows_states_and_metadata(amrr):
    assert run("caget", "-t", f"{amrr}PumpA:State_RBV").stdout.strip() == "At zero"
    shown = run("caget", "-d", "DBR_CTRL_DOUBLE", f"{amrr}PumpA:Current").stdout
    assert "Units:            A" in shown


def test_epics_base_shows_a_number_as_text_with_its_precision(amrr):
    text = run("caget", "-s", "-t", f"{amrr}Cycle:FlowTime").stdout.strip()
    number, digits = text.split(".")
    assert float(text) == float(run("caget", "-t", f"{amrr}Cycle:FlowTime").stdout)
    assert (len(number), len(digits)) == (2, 1)


def test_epics_base_camonitor_follows_the_heartbeat(amrr):
    line, environment = command("camonitor", f"{amrr}IOC:HEARTBEAT")
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as monitor:
        beats = [int(monitor.stdout.readline().split()[3]) for _ in range(2)]
        monitor.terminate()
    assert beats[1] == beats[0] + 1


@pytest.mark.parametrize("script", ["ophyd_motor", "ophyd_async_motor"])
def test_a_motor_client_moves_the_rod(haloscope, script):
    seen = client(script, haloscope)
    assert seen["target"] != seen["start"]
    assert seen["position"] == pytest.approx(seen["target"], abs=2e-3)
    assert seen.get("beyond", "LimitError") == "LimitError"


def test_several_iocs_are_found_by_one_address_list(amrr, haloscope):
    names = [f"{amrr}IOC:HEARTBEAT", f"{haloscope}IOC:HEARTBEAT"]
    found = run("caget", "-w", "10", *names)
    assert found.returncode == 0
    assert len(found.stdout.splitlines()) == 2


def test_a_refused_put_is_an_error_or_at_least_an_alarm(amrr):
    seen = client("refused_puts", f"{amrr}Cycle:RegenColdEnd")
    assert seen["caproto"]
    # ophyd and ophyd-async 0.21 call it a success; what they read afterwards tells otherwise.
    for name in ("ophyd", "ophyd-async"):
        assert seen[name]["kept"], name
        assert seen[name]["severity"] > 0, name
