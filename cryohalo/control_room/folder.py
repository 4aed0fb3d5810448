"""The folder of a control room: who keeps it, what its services do, their logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from filelock import FileLock, Timeout

from cryohalo.processes.ages import since_boot
from instruments.foreign_files import read_bounded
from instruments.whole_files import replacing

__all__ = ["AlreadyUpError", "Report", "ServiceReport", "StateFolder"]

_MAX_BYTES: Final = 1_000_000
_LARGEST_LOG: Final = 10_000_000
#: Start times of processes are whole clock ticks; two processes of one number are seconds apart.
_SAME_START_S: Final = 1.0


class AlreadyUpError(RuntimeError):
    """Another supervisor keeps this folder."""


@dataclass(frozen=True)
class ServiceReport:
    """What one service does.

    Attributes:
        name: Its name.
        address: Where it listens, ``host:port``.
        state: ``starting``, ``ready``, ``waiting`` (to be started again), ``failed`` (it is not) or
            ``ended``.
        pid: Its process, None where it has none.
        since: When the state began, seconds of the epoch.
        starts: How often it has been started.
        said: Its ready line, or why it ended.
    """

    name: str
    address: str
    state: str
    pid: int | None
    since: float
    starts: int
    said: str


@dataclass(frozen=True)
class Report:
    """What a supervisor says of itself and its services.

    Attributes:
        pid: Its process.
        started: When that began, by ``since_boot``.
        services: In the order in which they were started.
    """

    pid: int
    started: float
    services: Sequence[ServiceReport]


class StateFolder:
    """Paths, lock and report of one control room.

    Args:
        root: The folder; made where something is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def own_log(self) -> Path:
        """Where the supervisor itself says what goes wrong."""
        return self.log("supervisor")

    def log(self, name: str) -> Path:
        """Where the output of a service goes."""
        return self.root / "logs" / f"{name}.log"

    def make(self) -> None:
        """Make the folders; put logs that have grown large aside."""
        self.log("any").parent.mkdir(parents=True, exist_ok=True)
        for log in self.log("any").parent.glob("*.log"):
            if log.stat().st_size > _LARGEST_LOG:
                log.replace(log.with_suffix(".log.old"))

    def lock(self) -> FileLock:
        """Hold the folder until the process ends, however it ends.

        Raises:
            AlreadyUpError: Another supervisor holds it.
        """
        lock = FileLock(self._lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyUpError(f"{self.root}: a supervisor keeps it already") from None
        return lock

    def is_kept(self) -> bool:
        """Whether a supervisor lives."""
        if not self._lock_file.exists():
            return False
        try:
            self.lock().release()
        except AlreadyUpError:
            return True
        return False

    def supervisor(self) -> psutil.Process | None:
        """The supervisor that keeps this folder now, None if there is none."""
        report = self.report()
        if report is None or not self.is_kept():
            return None
        try:
            process = psutil.Process(report.pid)
            same = abs(since_boot(process) - report.started) < _SAME_START_S
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def report(self) -> Report | None:
        """The newest report, None if there is none that can be read."""
        try:
            found: dict[str, Any] = json.loads(read_bounded(self._report_file, _MAX_BYTES))
            services = [ServiceReport(**service) for service in found.pop("services")]
            return Report(**found, services=services)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def left(self) -> dict[str, psutil.Process]:
        """Services that a supervisor which was killed has left behind, by name."""
        report = self.report()
        if report is None or self.is_kept():
            return {}
        found = {}
        for one in report.services:
            try:
                process = psutil.Process(one.pid) if one.pid else None
                # Another process that has got the number since is younger.
                if process and process.create_time() <= one.since + _SAME_START_S:
                    found[one.name] = process
            except psutil.NoSuchProcess:
                continue
        return found

    def write(self, report: Report) -> None:
        """Put a new report in place of the last, whole or not at all."""
        with replacing(self._report_file, mode=0o600) as part:
            part.write_text(json.dumps(asdict(report)))

    @property
    def _lock_file(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def _report_file(self) -> Path:
        return self.root / "services.json"
