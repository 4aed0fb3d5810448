"""``cryohalo iocs`` and the signals that end it: both IOCs end well, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cryohalo.processes import launcher
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from iocs.supervision import storage

COMMAND = [sys.executable, "-c", "from cryohalo.cli import main; main()", "iocs"]
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready stubborn here", flush=True)
signal.pause()
"""


def start(folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    line = [*COMMAND, "--state-dir", str(folder)]
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def until_up(command: subprocess.Popen[str]) -> list[psutil.Process]:
    assert command.stdout is not None
    for line in command.stdout:
        if "Ctrl-C ends both" in line:
            return psutil.Process(command.pid).children(recursive=True)
    raise AssertionError(command.communicate()[1])


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGINT, os.kill),
        (signal.SIGINT, os.killpg),
        (signal.SIGTERM, os.kill),
        (signal.SIGHUP, os.killpg),
    ],
)
def test_a_signal_ends_both_iocs_with_their_state_saved(tmp_path, number, send):
    with start(tmp_path) as command:
        children = until_up(command)
        send(command.pid, number)
        _, told = command.communicate(timeout=60)
    assert (command.returncode, told) == (0, "")
    assert len(children) == 2
    assert not [child for child in children if child.is_running()]
    for name in ("amrr", "haloscope"):
        assert storage.load(tmp_path / name / "snapshot.json") is not None
        assert storage.load(tmp_path / name / "setpoints.json")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_them_also_while_they_start(tmp_path, number):
    with start(tmp_path) as command:
        process = psutil.Process(command.pid)
        while len(children := process.children()) < 2:
            os.sched_yield()
        os.kill(command.pid, number)
        command.communicate(timeout=60)
    assert command.returncode == 0
    assert not [child for child in children if child.is_running()]


def test_an_ioc_that_has_to_be_killed_is_told(capfd, monkeypatch, tmp_path):
    monkeypatch.setattr(launcher, "TERMINATE_TIMEOUT_S", 0.1)
    stubborn = Launcher([LaunchedIoc("stubborn", ("-c", STUBBORN))], log_folder=tmp_path).start()
    assert stubborn.stop() == {"stubborn": -signal.SIGKILL}
    assert "stubborn: did not end in 0.1 s and was killed" in capfd.readouterr().err


def test_an_ioc_that_ends_by_itself_is_told_and_the_rest_goes_on(capfd, tmp_path):
    brief = "print('ready brief here', flush=True); raise SystemExit('no helium')"
    both = [
        LaunchedIoc("brief", ("-c", brief)),
        LaunchedIoc("stubborn", ("-c", STUBBORN.replace("SIG_IGN", "SIG_DFL"))),
    ]
    with Launcher(both, log_folder=tmp_path) as up:
        up.running["brief"].process.wait()
        up.running["stubborn"].process.kill()
        up.wait()
    told = capfd.readouterr().err
    assert "brief: ended without being asked with code 1" in told
    assert "no helium" in told
    assert "stubborn: ended without being asked" in told


def test_an_ioc_hears_the_signals_that_its_parent_has_blocked(start_toy, tmp_path):
    saved = tmp_path / "state"
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        ioc = start_toy("--saved", str(saved))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.kill(ioc.process.pid, signal.SIGTERM)
    assert ioc.process.wait(20) == 0
    assert saved.exists()
