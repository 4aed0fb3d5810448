"""The supervisor over services of a few lines: what dies is started again, at a bounded rate."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cryohalo.control_room import supervisor as supervising
from cryohalo.control_room.folder import AlreadyUpError, Report, ServiceReport, StateFolder
from cryohalo.control_room.services import Service
from cryohalo.control_room.supervisor import ASKED, Supervisor
from cryohalo.processes.ages import since_boot

LIVES = "import signal; print('ready {name} here', flush=True); signal.pause()"
DIES = "import sys; print('ready {name} here', flush=True); sys.exit({code})"


def service(name: str, program: str, **values: object) -> tuple[Service, int]:
    return Service(name, ("-c", program.format(name=name, **values))), 1


@dataclass
class Room:
    """A supervisor in a thread; wait for what its reports say."""

    supervisor: Supervisor
    seen: list[Sequence[ServiceReport]] = field(default_factory=list)
    code: int | None = None
    _news: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        self.code = self.supervisor.run(self._note)

    def _note(self, reports: Sequence[ServiceReport]) -> None:
        with self._news:
            self.seen.append(reports)
            self._news.notify_all()

    def until(self, fits: Callable[[ServiceReport], bool]) -> ServiceReport:
        """The first report that fits."""

        def found() -> list[ServiceReport]:
            return [one for reports in self.seen for one in reports if fits(one)]

        with self._news:
            assert self._news.wait_for(found, 60), self.seen[-1:]
            return found()[0]


Start = Callable[..., Room]


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.make()
    return made


@pytest.fixture
def start(folder: StateFolder) -> Iterator[Start]:
    started: list[tuple[Room, threading.Thread]] = []

    def begin(*wanted: tuple[Service, int]) -> Room:
        room = Room(Supervisor(wanted, folder, {}))
        thread = threading.Thread(target=room.run)
        started.append((room, thread))
        thread.start()
        return room

    yield begin
    for room, thread in started:
        room.supervisor.ask_to_end()
        thread.join()


def test_what_is_killed_is_started_again_and_the_others_go_on(start: Start) -> None:
    room = start(service("one", LIVES), service("two", LIVES))
    first = room.until(lambda r: r.name == "one" and r.state == "ready")
    other = room.until(lambda r: r.name == "two" and r.state == "ready")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    waiting = room.until(lambda r: r.name == "one" and r.state == "waiting")
    assert waiting.said == "ended with code -9"  # and not what its log ends with
    again = room.until(lambda r: r.name == "one" and r.state == "ready" and r.starts == 2)
    assert again.pid != first.pid
    assert room.seen[-1][1].pid == other.pid


def test_pauses_double_up_to_the_longest(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervising, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervising, "LONGEST_PAUSE_S", 0.03)
    room = start(service("brief", DIES, code=1))
    room.until(lambda r: r.starts == 5)
    pauses = [record.args[2] for record in caplog.records if isinstance(record.args, tuple)]
    assert pauses[:4] == [0.01, 0.02, 0.03, 0.03]


@pytest.mark.parametrize("code", [2, 69])
def test_what_cannot_succeed_is_not_started_again(start: Start, code: int) -> None:
    room = start(service("wrong", DIES, code=code), service("well", LIVES))
    failed = room.until(lambda r: r.state == "failed")
    assert failed.starts == 1
    assert f"code {code}" in failed.said
    room.until(lambda r: r.name == "well" and r.state == "ready")


def test_a_program_that_is_not_there_is_no_end(start: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    room = start(service("none", LIVES))
    assert "cannot be started" in room.until(lambda r: r.state == "waiting").said


def test_the_end_ends_all_and_is_reported(start: Start, folder: StateFolder) -> None:
    program = LIVES.replace(
        "print(", "signal.signal(signal.SIGTERM, lambda *_: exit(0)); print(", 1
    )
    room = start(service("one", program))
    room.until(lambda r: r.state == "ready")
    room.supervisor.ask_to_end()
    assert room.until(lambda r: r.state == "ended").said == ASKED
    report = folder.report()
    assert report is not None
    assert [one.state for one in report.services] == ["ended"]


def test_one_supervisor_keeps_a_folder(folder: StateFolder) -> None:
    assert not folder.is_kept()
    lock = folder.lock()
    assert folder.is_kept()
    with pytest.raises(AlreadyUpError):
        folder.lock()
    lock.release()
    assert not folder.is_kept()


def test_a_supervisor_is_known_after_the_clock_was_set(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = folder.lock()
    folder.write(Report(os.getpid(), since_boot(psutil.Process()), []))
    began, booted = psutil.Process().create_time(), psutil.boot_time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: began + 27.0)
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 27.0)
    found = folder.supervisor()
    assert found is not None
    assert found.pid == os.getpid()
    lock.release()


def test_a_report_of_somebody_else_s_process_names_no_supervisor(folder: StateFolder) -> None:
    """Numbers of processes are used again."""
    lock = folder.lock()
    folder.write(supervising.Report(os.getpid(), 1.0, []))
    assert folder.supervisor() is None
    lock.release()


def test_a_report_that_cannot_be_written_leaves_nothing_behind(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    folder.write(Report(1, 1.0, []))
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        folder.write(Report(2, 1.0, []))
    assert folder.report() == Report(1, 1.0, [])
    assert not list(folder.root.glob(".*"))


def test_a_damaged_report_is_none(folder: StateFolder) -> None:
    for text in ("", "[]", "{}", '{"pid": 1}', '{"services": [1]}'):
        (folder.root / "services.json").write_text(text)
        assert folder.report() is None


def test_a_large_log_is_put_aside(folder: StateFolder) -> None:
    folder.own_log.write_bytes(b"x" * 10_000_001)
    folder.make()
    assert not folder.own_log.exists()
    assert folder.own_log.with_suffix(".log.old").exists()
