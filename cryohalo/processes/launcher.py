"""Start IOCs as processes of their own on private ports, and end them without a trace.

    iocs = [LaunchedIoc("amrr"), LaunchedIoc("haloscope", arguments=("--speed", "0"))]
    with Launcher(iocs) as launcher:
        os.environ.update(launcher.environment)      # before the first Channel Access import
        print(launcher.address_list)

Every IOC gets a port, its beacons' address, a log file and an open standard input that it watches:
if the launcher is killed, even with -9, the IOC sees it close and ends itself.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from cryohalo.processes.addresses import LOOPBACK, client_environment, free_ports, repeater_stand_in

#: Importing and compiling the physics takes up to 15 s on one free core; it has taken more than a
#: minute on a machine with six times more to do than cores.
READY_TIMEOUT_S: Final = 180.0
#: Longer than the 20 s after which an IOC gives up its own shutdown: it is not killed while it
#: saves its state.
TERMINATE_TIMEOUT_S: Final = 25.0


class IocFailedError(RuntimeError):
    """An IOC did not start; the message has its last log lines."""


class AskedToEndError(RuntimeError):
    """Somebody asked for the end before every IOC was ready."""


def _nobody() -> None:
    return None


class Launched(Protocol):
    """What can be started: it says ``ready NAME ...`` on standard output once it serves."""

    @property
    def name(self) -> str:
        """Short name, e.g. ``"amrr"``."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Further environment variables."""

    def command_line(self, port: int) -> list[str]:
        """The whole command line for one port."""


@dataclass(frozen=True)
class LaunchedIoc:
    """What to start.

    Attributes:
        name: Short name, e.g. ``"amrr"``.
        command: What follows the Python interpreter; by default ``-m iocs.NAME``.
        arguments: Further arguments, e.g. ``("--prefix", "AMRR:", "--seed", "3")``.
        environment: Further environment variables.
        heart: A PV that it answers for while it serves, "" where nobody asks.
    """

    name: str
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    heart: str = ""

    def command_line(self, port: int) -> list[str]:
        """The whole command line for one port."""
        command = self.command or ("-m", f"iocs.{self.name}")
        where = ("--interfaces", LOOPBACK, "--port", str(port))
        return [sys.executable, *command, *where, *self.arguments]


class RunningIoc:
    """One IOC process, in a process group of its own.

    Args:
        ioc: What to start.
        port: Where it listens.
        environment: Of the process.
        log: Where its output goes.
        changed: Called, from another thread, when it is ready and when it has gone.

    Attributes:
        ready: The line with which the IOC said it was ready.
        gone: Whether it has closed its standard output: it has ended.
        killed: Whether it had to be killed because it did not end when it was asked to.
    """

    def __init__(
        self,
        ioc: Launched,
        port: int,
        environment: Mapping[str, str],
        log: Path,
        changed: Callable[[], None] = _nobody,
    ) -> None:
        self.name = ioc.name
        self.port = port
        self.log = log
        self.ready = ""
        self.gone = False
        self.killed = False
        self._terminated = False
        self._changed = changed
        self._ready_or_gone = threading.Event()
        self.process = _start(ioc.command_line(port), {**environment, **ioc.environment}, log)
        self._reader = threading.Thread(target=self._read, name=f"{ioc.name} stdout", daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        """Where it listens, ``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when the IOC has said that it is ready.

        Raises:
            IocFailedError: It ended, or said nothing in time.
        """
        self._ready_or_gone.wait(timeout_s)
        if not self.ready:
            problem = "ended before it was ready" if self.gone else f"not ready in {timeout_s:g} s"
            raise IocFailedError(f"{self.name} at {self.address}: {problem}\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def terminate(self) -> None:
        """Ask it to end: it stops its physics and saves its state. Returns at once.

        It is asked once: a second signal would end it by itself where the first has had its effect
        and Python is being taken down.
        """
        if not self._terminated:
            self._terminated = True
            _signal_group(self.process, signal.SIGTERM)

    def end(self, timeout_s: float = TERMINATE_TIMEOUT_S) -> int:
        """End it: terminate, and kill its process group if that takes too long.

        Returns:
            Its exit code; 0 for a clean end.
        """
        self.terminate()
        try:
            self.process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            self.killed = True
            _signal_group(self.process, signal.SIGKILL)
        code = self.process.wait()
        _signal_group(self.process, signal.SIGKILL)  # children it may have left
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout, self.log.open("a") as log:
            for line in stdout:
                log.write(line)
                log.flush()
                if line.startswith(f"ready {self.name} "):
                    self.ready = line.strip()
                    self._ready_or_gone.set()
                    self._changed()
        self.gone = True
        self._ready_or_gone.set()
        self._changed()


class Launcher:
    """Several IOCs on one host, found by one address list.

    Args:
        iocs: What to start.
        ports: A port for each; by default free ones.
        log_folder: Where their output goes; by default a temporary folder that goes at the end.
        repeater_port: Port of the CA repeater; by default a socket of ours stands in for one.

    Attributes:
        running: Name to ``RunningIoc``, once entered.
        environment: What a client needs to find them, see ``client_environment``.
    """

    def __init__(
        self,
        iocs: Sequence[LaunchedIoc],
        ports: Sequence[int] | None = None,
        log_folder: Path | None = None,
        repeater_port: int | None = None,
    ) -> None:
        self.iocs = list(iocs)
        self.running: dict[str, RunningIoc] = {}
        self._resources = contextlib.ExitStack()
        self._log_folder = log_folder
        # Putting to it is safe in a signal handler: an event or a condition could lock up there.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._asked_to_end = False
        self._told: set[str] = set()
        self._repeater: socket.socket | None = None
        if repeater_port is None:
            self._repeater = self._resources.enter_context(repeater_stand_in(avoid=ports or ()))
            repeater_port = self._repeater.getsockname()[1]
        # After the stand-in holds its port, so that no IOC is given the same one.
        self.ports = list(ports) if ports is not None else free_ports(len(self.iocs))
        self.environment = client_environment(self.ports, repeater_port)

    @property
    def address_list(self) -> str:
        """The EPICS address list, e.g. ``127.0.0.1:15064 127.0.0.1:15065``."""
        return self.environment["EPICS_CA_ADDR_LIST"]

    def describe(self) -> str:
        """What to type in another terminal to reach these IOCs."""
        return "\n".join(
            f"export {name}={value!r}"
            for name, value in self.environment.items()
            if name.startswith("EPICS_CA_")
        )

    def start(self) -> Self:
        """Start all and wait until each is ready; they import their physics side by side.

        Raises:
            IocFailedError: One did not start. The others have been ended.
            AskedToEndError: ``ask_to_end`` was called meanwhile. All have been ended.
        """
        folder = self._log_folder or Path(
            self._resources.enter_context(tempfile.TemporaryDirectory(prefix="cryohalo-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **self.environment}
        try:
            for ioc, port in zip(self.iocs, self.ports, strict=True):
                log = folder / f"{ioc.name}.log"
                changed = self._note_change
                self.running[ioc.name] = RunningIoc(ioc, port, environment, log, changed)
            self._wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def ask_to_end(self) -> None:
        """Let ``start`` and ``wait`` return soon; for a signal handler or another thread."""
        self._asked_to_end = True
        self._note_change()

    def wait(self) -> None:
        """Return when ``ask_to_end`` was called, or when no IOC is left.

        A process that ends by itself meanwhile is reported on standard error; the others go on.
        """
        while not self._asked_to_end:
            for running in self.running.values():
                if running.gone:
                    self._tell_end(running, running.process.wait(), unasked=True)
            if all(running.gone for running in self.running.values()):
                return
            self._news.get()

    def stop(self) -> dict[str, int]:
        """End all, together; an end that was not clean is reported on standard error.

        Returns:
            Name to exit code; 0 for a clean end.
        """
        for running in self.running.values():
            running.terminate()
        deadline = time.monotonic() + TERMINATE_TIMEOUT_S
        codes = {
            name: running.end(deadline - time.monotonic()) for name, running in self.running.items()
        }
        for name, running in self.running.items():
            if running.killed or running.ready:  # a failed start has raised its own error
                self._tell_end(running, codes[name])
        self._resources.close()
        return codes

    def _note_change(self) -> None:
        self._news.put(None)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while waiting := [running for running in self.running.values() if not running.ready]:
            if self._asked_to_end:
                raise AskedToEndError("asked to end before all IOCs were ready")
            left_s = deadline - time.monotonic()
            for running in waiting:
                if running.gone or left_s <= 0.0:
                    running.wait_ready(0.0)
            with contextlib.suppress(queue.Empty):
                self._news.get(timeout=max(0.0, left_s))

    def _tell_end(self, running: RunningIoc, code: int, *, unasked: bool = False) -> None:
        """Say once on standard error how an IOC has ended, if it was not as it should."""
        if running.name in self._told or (code == os.EX_OK and not unasked):
            return
        self._told.add(running.name)
        if running.killed:
            told = (
                f"{running.name}: did not end in {TERMINATE_TIMEOUT_S:g} s and was killed; "
                "what it had not saved by then is lost"
            )
        else:
            how = " without being asked" if unasked else ""
            told = f"{running.name}: ended{how} with code {code}\n{running.tail()}"
        with contextlib.suppress(OSError):  # the terminal may have gone
            print(told, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _start(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[str]:
    with log.open("a") as errors:
        return subprocess.Popen(
            command,
            env={**environment, "CRYOHALO_END_WITH_STDIN": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )


def _signal_group(process: subprocess.Popen[Any], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
