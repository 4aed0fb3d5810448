"""The session as a person has it: prompt, script, notebook; refusals in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from cryohalo.catalog import Catalog

MAIN = "from cryohalo.cli import main; main()"
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "TERM": "xterm"}


def session(tmp_path: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A session with the haloscope in its process."""
    given = ["session", "--simulated", "--amrr-prefix", "", "--catalog", str(tmp_path / "runs")]
    return subprocess.run(
        [sys.executable, "-c", MAIN, *given, *options],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "IPYTHONDIR": str(tmp_path / "ipython"), **more},
        cwd=tmp_path,
        check=False,
    )


def test_plans_run_as_the_pages_write_them(tmp_path: Path) -> None:
    code = (
        "result = RE(scan(haloscope, [1100.0], averages=20))\n"
        "done = session.run(tune_to(haloscope, 1100.0))\n"
        "print(result.plan_result, len(done), done.value.frequency_mhz)\n"
        "%mov haloscope.rod 34.25\n"
        "%wa haloscope\n"
        "%ct haloscope.fridge\n"
    )
    done = session(tmp_path, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cavity_frequency" in done.stdout
    assert "[1100.0] 0 " in done.stdout
    assert "haloscope_rod                                 34.25000 deg  (" in done.stdout
    assert "haloscope_fridge_mxc                          0.0" in done.stdout
    assert [run.start["plan_name"] for run in Catalog(tmp_path / "runs")] == ["scan", "count"]


def test_the_limit_is_drawn_at_the_prompt(tmp_path: Path) -> None:
    code = (
        "calibration = RE(calibrate(haloscope, 1100.0)).plan_result\n"
        "%limit on\n"
        "targets = [1100.0 + 0.01 * n for n in range(16)]\n"
        "RE(scan(haloscope, targets, averages=500, calibration=calibration))\n"
        "%limit\n"
        "%limit off\n"
        "%limit last\n"
    )
    done = session(tmp_path, "-c", code, "--show", "quiet")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    told = [line for line in lines if line.startswith("16 spectra; median limit ")]
    assert len(told) == 2
    assert len(set(told)) == 1  # of the record as while it ran
    assert sum(line.startswith("grand spectrum: highest ") for line in lines) == 2


REFUSED = [
    ("RE(scan(haloscope, [-3.0]))", "ValueError: frequency = -3 MHz is outside 1 to 100000 MHz"),
    ("RE(bps.mv(haloscope.rod, 999))", "haloscope_rod"),
    ("catalog[7]", "no run 7, it holds 0"),
    ("RE(bp.count([haloscope.fridge], md={'a': {1}}))", "UnfitError: metadata: a is of type set"),
]


@pytest.mark.parametrize(("code", "told"), REFUSED)
def test_a_refusal_is_one_line_once(tmp_path: Path, code: str, told: str) -> None:
    done = session(tmp_path, "-c", code)
    (line,) = done.stderr.splitlines()
    assert told in line
    assert done.returncode == 1
    assert not done.stdout


def test_a_fault_is_one_traceback(tmp_path: Path) -> None:
    done = session(tmp_path, "-c", "def bad():\n    yield 5\nRE(bad())\n")
    shown = done.stdout + done.stderr
    assert done.returncode == 1
    assert shown.count("Traceback (most recent call last)") == 1
    assert shown.count("AttributeError: ") == 1


def test_a_script_has_its_start_up_before_it_and_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "startup.py").write_text("averages = 20\n", encoding="utf-8")
    (tmp_path / "script.py").write_text(
        "print(averages, __file__.endswith('script.py'))\nexit(3)\n", encoding="utf-8"
    )
    done = session(tmp_path, "--script", "script.py", CRYOHALO_STARTUP="startup.py")
    assert (done.returncode, done.stdout) == (3, "20 True\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--script", "none.py"], "none.py is no file"),
        (["--startup", "none.py"], "none.py is no file"),
        (["-c", "1", "--script", __file__], "give a script or code, not both"),
        (["-c", "1", "--show", "loud"], "'loud' is not one of"),
    ],
)
def test_what_cannot_be_run_is_told(tmp_path: Path, options: list[str], told: str) -> None:
    done = session(tmp_path, *options)
    (line,) = done.stderr.splitlines()
    assert told in line
    assert done.returncode == 2


def test_json_is_all_that_standard_output_has(tmp_path: Path) -> None:
    code = "print('by hand'); RE(scan(haloscope, [1100.0], averages=20))"
    done = session(tmp_path, "-c", code, "--show", "json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["what"] for one in told if one["what"] != "state"] == ["start", "event", "stop"]
    assert "by hand" in done.stderr


def test_quiet_shows_nothing_but_what_is_wrong(tmp_path: Path) -> None:
    code = "RE(scan(haloscope, [1100.0], averages=20))\nRE(scan(haloscope, [-3.0]))"
    done = session(tmp_path, "-c", code, "--show", "quiet")
    assert not done.stdout
    assert len(done.stderr.splitlines()) == 1


def test_a_hold_says_why_what_to_do_and_where_that_is_described(tmp_path: Path) -> None:
    code = (
        "import threading\n"
        "from devices.waiting.watch import Watch\n"
        "machine = haloscope.bench.machine\n"
        "active = Watch(haloscope.interlock.active, lambda v: v == 1, 30.0, aside=True)\n"
        "machine.fridge.load(0.0, 0.0, 0.05)\n"
        "haloscope.bench.let_pass(600.0)\n"
        "active.wait()\n"
        "def clear():\n"
        "    machine.fridge.load(0.0, 0.0, 0.0)\n"
        "    haloscope.bench.let_pass(36000.0)\n"
        "    haloscope.interlock.reset.put(1)\n"
        "RE.state_hook = (\n"
        "    lambda now, _: now == 'running' and threading.Thread(target=clear).start())\n"
        "RE(tune_to(haloscope, 1100.0))\n"
    )
    done = session(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert "haloscope's interlock: mixing chamber at " in done.stdout
    assert "run clear_interlocks(haloscope) within session.unsuspended()" in done.stdout
    assert "docs/how_to/recovery.md" in done.stdout
    assert (ROOT / "docs/how_to/recovery.md").is_file()


def test_the_prompt_runs_plans_and_tells_what_is_at_hand(tmp_path: Path) -> None:
    given = ["-c", MAIN, "session", "--simulated", "--amrr-prefix", "", "--catalog", "runs"]
    child = pexpect.spawn(
        sys.executable,
        given,
        env={**ENVIRONMENT, "IPYTHONDIR": str(tmp_path / "ipython"), "IPY_TEST_SIMPLE_PROMPT": "1"},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=100,
        dimensions=(40, 120),
    )
    try:
        child.expect("docs/how_to/recovery.md walks through")
        child.expect(r"In \[1\]: ")
        child.sendline("r = RE(scan(haloscope, [1100.0], averages=20)); r.plan_result")
        child.expect("success; events: 1 primary")
        child.expect(r"Out\[1\]: \[1100.0\]")
        child.sendline("RE(scan(haloscope, [-3.0]))")
        child.expect("ValueError: frequency = -3 MHz is outside 1 to 100000 MHz\r\n")
        child.expect(r"In \[3\]: ")
        assert "Traceback" not in child.before
        child.sendline("exit")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0


def test_a_notebook_has_the_same(tmp_path: Path) -> None:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(
        kernel_name="python3", env={**ENVIRONMENT, "IPYTHONDIR": str(tmp_path)}, cwd=str(tmp_path)
    )
    told: list[str] = []

    def note(message: dict) -> None:  # type: ignore[type-arg]
        content = message["content"]
        told.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

    try:
        for cell in (
            "from cryohalo.interactive import begin\n"
            "session = begin('runs', halo_prefix='HALO:', simulated=True)",
            "RE(scan(haloscope, [1100.0], averages=20)).plan_result",
            "RE(scan(haloscope, [-3.0]))",
            "%wa haloscope.rod",
            "session.close()",
        ):
            client.execute_interactive(cell, output_hook=note, timeout=100)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    shown = "".join(told)
    assert "success; events: 1 primary" in shown
    assert "[1100.0]" in shown
    assert "ValueError: frequency = -3 MHz is outside 1 to 100000 MHz" in shown
    assert "haloscope_rod " in shown
    assert "Traceback" not in shown
