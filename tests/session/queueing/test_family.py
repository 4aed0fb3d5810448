"""What a service has started ends with it, and after it was killed, at its next start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cryohalo.queueing.family import Family

#: Starts another process, tells both numbers, and waits.
LEADER = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(os.getpid(), child.pid, flush=True)
signal.pause()
"""
#: A service with a family of that one.
SERVICE = """
import signal, sys
from pathlib import Path
from cryohalo.queueing.family import Family
Family(Path(sys.argv[1])).start([sys.executable, "-c", sys.argv[2]])
signal.pause()
"""


@contextmanager
def service(note: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """It, and what it has started: a leader and the leader's own child."""
    command = [sys.executable, "-c", SERVICE, str(note), LEADER]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        started = [psutil.Process(int(pid)) for pid in running.stderr.readline().split()]
        try:
            yield running, started
        finally:
            running.kill()
            for process in started:
                if process.is_running():
                    process.kill()


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, 20.0)[1]


def test_what_a_killed_service_left_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "processes.json"
    with service(note) as (running, started):
        running.kill()
        running.wait()
        assert all(process.is_running() for process in started)
        Family(note)
        assert gone(started)


def test_so_it_is_after_the_clock_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "processes.json"
    with service(note) as (running, started):
        running.kill()
        running.wait()
        began, booted = psutil.Process.create_time, psutil.boot_time()
        monkeypatch.setattr(psutil.Process, "create_time", lambda one: began(one) + 27.0)
        monkeypatch.setattr(psutil, "boot_time", lambda: booted + 27.0)
        Family(note)
        assert gone(started)


def test_so_is_the_child_of_a_leader_that_was_killed_too(tmp_path: Path) -> None:
    note = tmp_path / "processes.json"
    with service(note) as (running, started):
        running.kill()
        running.wait()
        started[0].kill()
        assert gone(started[:1])
        Family(note)
        assert gone(started)


def test_a_service_that_lives_keeps_what_it_has(tmp_path: Path) -> None:
    note = tmp_path / "processes.json"
    with service(note) as (_, started):
        Family(note).end()
        assert all(process.is_running() for process in started)
    assert note.exists()


def test_a_process_that_has_got_the_number_since_is_not_touched(tmp_path: Path) -> None:
    note = tmp_path / "processes.json"
    with service(note) as (running, started):
        running.kill()
        running.wait()
        note.write_text(f"[[{running.pid}, 1.0], [{started[0].pid}, 1.0]]")
        Family(note)
        assert all(process.is_running() for process in started)


def test_all_end_together_and_a_damaged_note_is_none(tmp_path: Path) -> None:
    (note := tmp_path / "processes.json").write_text("{")
    family = Family(note)
    family.start([sys.executable, "-c", LEADER])
    (leader,) = (psutil.Process(process.pid) for process in family.processes)
    assert not family.has_lost_one()
    family.end()
    assert not leader.is_running()
    assert family.has_lost_one()
    assert not note.exists()
