"""Processes that a service starts, with all that these start: none outlives the service for long.

Each is the leader of a process group, which its own children join, and whose number no other
process gets while one of them lives. The groups stand in a file, so
that the next start of the service, after this one was killed, finds and ends what is left: an old
worker beside a new one would take the same spectra twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from cryohalo.processes.ages import since_boot
from instruments.foreign_files import read_bounded

__all__ = ["Family"]

_END_TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 100_000
#: Start times of processes are whole clock ticks; two processes of one number are seconds apart.
_SAME_START_S: Final = 1.0


class Family:
    """What one service has started.

    Args:
        note: The file in which that stands. What it names of an earlier life that was killed is
            ended.
    """

    def __init__(self, note: Path) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self._note = note
        owner, *leaders = _noted(note) or [(0, 0.0)]
        if not _lives(*owner):
            for leader, started in reversed(leaders):
                if _lives(leader, started) or not _started(leader):
                    _end_group(leader)

    def start(self, line: Sequence[str]) -> None:
        """Start one more; what it says goes to our standard error."""
        self.processes.append(
            subprocess.Popen(
                list(line), stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
            )
        )
        pids = (os.getpid(), *(one.pid for one in self.processes))
        self._note.write_text(json.dumps([(pid, _started(pid)) for pid in pids]))

    def has_lost_one(self) -> bool:
        """Whether one of them has ended."""
        return any(process.poll() is not None for process in self.processes)

    def end(self) -> None:
        """End all, the last one first."""
        for process in reversed(self.processes):
            _end_group(process.pid)
            process.wait()
        if self.processes:
            self._note.unlink(missing_ok=True)


def _noted(note: Path) -> list[tuple[int, float]]:
    """The service itself and the leaders, each with its start."""
    try:
        found: Any = json.loads(read_bounded(note, _MAX_BYTES))
        return [(int(pid), float(started)) for pid, started in found]
    except (OSError, ValueError, TypeError):
        return []


def _started(pid: int) -> float:
    """When a process began, by ``since_boot``; 0 if there is none of this number."""
    try:
        return since_boot(psutil.Process(pid))
    except psutil.Error:
        return 0.0


def _lives(pid: int, started: float) -> bool:
    return bool(pid) and abs(_started(pid) - started) < _SAME_START_S


def _members(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _end_group(leader: int) -> None:
    """Ask all of a group to end; kill what does not."""
    members = _members(leader)
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for member in members:
            with contextlib.suppress(psutil.Error):
                act(member)
        psutil.wait_procs(members, _END_TIMEOUT_S)
        members = _members(leader)
