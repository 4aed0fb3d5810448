"""``IOC:``, the health of the server under the names of iocStats, with what this server adds.

Values are worked out once a second, not at every post. A supervisor watches ``IOC:HEARTBEAT`` by a
monitor: a server that still answers gets but posts nothing is not well.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import psutil

from instruments.errors import Refused
from instruments.still import Still
from iocs.words.complaints import words
from pvdb.records import (
    AlarmLimits,
    Record,
    Severity,
    command,
    counter,
    readback,
    text,
    while_still,
)

PERIOD_S = 1.0
_HAS_PROC = os.path.isdir("/proc/self/fd")
BYTES_PER_MB = 1e6


class Served(Protocol):
    """What the server counts."""

    clients: int
    channels: int
    dropped: int
    coalesced: int
    refused_puts: int


def _none() -> str:
    return ""


@dataclass
class Health:
    """Figures of this process, refreshed once a second.

    Attributes:
        version: Software version.
        parameters_hash: Hash of the model's parameters.
        refusal: Gives the last refused put in words.
        restart: Ends the process (``IOC:SYSRESET``), None before it serves.
        served: The server's counts, None before it serves.
        saving_error: Returns the reason why the state cannot be saved, "" if it can be.
        error: Gives what of the IOC's own work fails, "" if nothing does.
        unknown: Why memory, load and open files are not known, "" if they are.
    """

    version: str
    parameters_hash: str
    refusal: Callable[[], str]
    record_count: int = 0
    restart: Callable[[], None] | None = None
    served: Served | None = None
    saving_error: Callable[[], str] = _none
    error: Callable[[], str] = _none
    unknown: str = ""
    heartbeat: int = 0
    started: float = field(default_factory=time.time)
    memory_mb: float = 0.0
    cpu_percent: float = 0.0
    open_files: int = 0
    cores: int = field(default_factory=lambda: os.cpu_count() or 0)
    process_id: int = field(default_factory=os.getpid)
    parent_id: int = field(default_factory=os.getppid)
    now: str = ""
    uptime: str = ""

    def __post_init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._next_s = 0.0

    def tick(self) -> None:
        """Refresh, if a second has passed."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + PERIOD_S
        self.heartbeat += 1
        self.parent_id = os.getppid()
        self.now = _clock_time(time.time())
        self.uptime = _uptime(time.time() - self.started)
        self._ask_the_system()

    def _ask_the_system(self) -> None:
        """Memory, load and open files: each needs a file descriptor, of which there may be none."""
        try:
            self.memory_mb = self._process.memory_info().rss / BYTES_PER_MB
            self.cpu_percent = self._process.cpu_percent()
            self.open_files = len(os.listdir("/proc/self/fd")) if _HAS_PROC else 0
        except (OSError, psutil.Error) as error:
            self.unknown = words(error)
        else:
            self.unknown = ""

    def reset(self) -> None:
        """End the process; a supervisor starts it again."""
        if self.restart is None:
            raise Refused("the IOC is not serving yet")
        self.restart()

    def records(self) -> list[Record]:
        """The ``IOC:`` records."""
        still = Still(self)
        return [
            *while_still(still, [*self._times(), *self._figures()]),
            *self._counts(),
            *while_still(still, self._versions()),
            text("IOC:Refusal_RBV", self.refusal, "The last refused put and why"),
            text(
                "IOC:SavingError_RBV",
                lambda: self.saving_error(),
                "Why the state cannot be kept",
                alarm=Severity.MINOR_ALARM,
            ),
            text(
                "IOC:Error_RBV",
                lambda: self.error(),
                "What of the IOC's own work fails",
                alarm=Severity.MAJOR_ALARM,
            ),
            command(
                "IOC:SYSRESET", self.reset, "End the process, to be started again", group="ENGINEER"
            ),
        ]

    def _times(self) -> list[Record]:
        return [
            counter("IOC:HEARTBEAT", lambda: self.heartbeat, "Counts seconds while it serves"),
            text("IOC:UPTIME", lambda: self.uptime, "Time since the start", length=39),
            _fixed("IOC:STARTTOD", _clock_time(self.started), "Time of day of the start"),
            text("IOC:TOD", lambda: self.now, "Time of day", length=39),
            _fixed("IOC:HOSTNAME", socket.gethostname(), "Host"),
            _fixed("IOC:ENGINEER", os.environ.get("ENGINEER", ""), "Responsible"),
            _fixed("IOC:LOCATION", os.environ.get("LOCATION", ""), "Where it runs"),
        ]

    def _versions(self) -> list[Record]:
        return [
            _fixed("IOC:Version_RBV", self.version, "Software version"),
            text("IOC:ParametersHash_RBV", lambda: self.parameters_hash, "Hash of the model"),
        ]

    def _figures(self) -> list[Record]:
        load_alarms = AlarmLimits(high=80.0, hihi=95.0, hysteresis=5.0)
        return [
            readback(
                "IOC:MEM_USED",
                lambda: self.memory_mb,
                "Resident memory",
                "MB",
                precision=1,
                trouble=lambda: self.unknown,
            ),
            readback(
                "IOC:IOC_CPU_LOAD",
                lambda: self.cpu_percent,
                "Load of one core by this process",
                "%",
                precision=1,
                display=(0.0, 100.0),
                alarms=load_alarms,
                trouble=lambda: self.unknown,
            ),
            counter("IOC:PROCESS_ID", lambda: self.process_id, "Process number"),
            counter("IOC:PARENT_ID", lambda: self.parent_id, "Process number of the parent"),
            counter("IOC:CPU_CNT", lambda: self.cores, "Cores of the host"),
            counter(
                "IOC:FD_CNT",
                lambda: self.open_files,
                "Open files and sockets",
                trouble=lambda: self.unknown,
            ),
        ]

    def _counts(self) -> list[Record]:
        def served(name: str) -> Callable[[], int]:
            return lambda: 0 if self.served is None else int(getattr(self.served, name))

        return [
            counter("IOC:CA_CLNT_CNT", served("clients"), "Channel Access clients"),
            counter("IOC:CA_CONN_CNT", served("channels"), "Channel Access channels"),
            counter("IOC:RECORD_CNT", lambda: self.record_count, "Records"),
            counter("IOC:Dropped_RBV", served("dropped"), "Updates dropped for slow clients"),
            counter("IOC:Coalesced_RBV", served("coalesced"), "Updates replaced by newer ones"),
            counter("IOC:RefusedPuts_RBV", served("refused_puts"), "Puts refused"),
        ]


def _fixed(name: str, value: str, description: str) -> Record:
    """A short text that stays as it is: it is looked at before every post, and costs little."""
    return text(name, lambda: value, description, length=39)


def _uptime(seconds: float) -> str:
    """A duration, as iocStats writes it."""
    minutes, whole_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} days, {hours:02d}:{minutes:02d}:{whole_s:02d}"


def _clock_time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s).strftime("%m/%d/%Y %H:%M:%S")
