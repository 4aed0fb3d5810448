"""What a killed supervisor leaves, and what answers nothing, is found; nobody else's is touched."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cryohalo.control_room.folder import Report, ServiceReport, StateFolder
from cryohalo.control_room.pulse import Pulse
from cryohalo.processes.addresses import free_ports


@pytest.fixture
def service() -> Iterator[psutil.Process]:
    """A process that ends when its input does."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as running:
        yield psutil.Process(running.pid)
        running.communicate()


def report(folder: StateFolder, pid: int | None, since: float) -> None:
    one = ServiceReport("page", "127.0.0.1:1", "ready", pid, since, 1, "")
    folder.make()
    folder.write(Report(2**22, 1.0, [one]))


def test_a_service_of_a_killed_supervisor_is_found(tmp_path: Path, service: psutil.Process) -> None:
    folder = StateFolder(tmp_path)
    assert folder.left() == {}
    report(folder, service.pid, time.time())
    assert folder.left() == {"page": service}
    lock = folder.lock()
    assert folder.left() == {}  # its supervisor lives
    lock.release()


def test_a_process_that_has_got_the_number_since_is_not(
    tmp_path: Path, service: psutil.Process
) -> None:
    folder = StateFolder(tmp_path)
    report(folder, service.pid, service.create_time() - 60.0)
    assert folder.left() == {}
    for pid in (None, 2**22):
        report(folder, pid, time.time())
        assert folder.left() == {}


def test_who_answers_no_search_is_told_once() -> None:
    told = threading.Semaphore(0)
    Pulse("R:IOC:HEARTBEAT", free_ports(1)[0], told.release, hangs_s=0.0, ask_every_s=0.01)
    assert told.acquire(timeout=20.0)
    stopped = Pulse("X", free_ports(1)[0], told.release, hangs_s=0.0, ask_every_s=60.0)
    stopped.stop()
    stopped.thread.join(20.0)
    assert not told.acquire(blocking=False)
