"""Bringing the services up and down from a command."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import psutil
from rich.console import Console

from cryohalo.configuration import Found
from cryohalo.control_room.__main__ import SETTLED, keep
from cryohalo.control_room.folder import ServiceReport, StateFolder
from cryohalo.control_room.services import services
from cryohalo.processes.addresses import LOOPBACK
from cryohalo.processes.launcher import TERMINATE_TIMEOUT_S
from iocs.serving.listening.ports import require_free

__all__ = ["detached", "end", "foreground", "gone"]

_FAILED = 1
#: Whether it is a zombie is looked at so often.
_LOOK_EVERY_S = 1.0
#: The supervisor gives its services the first; a host that has ten times too much to do, the rest.
_END_TIMEOUT_S = TERMINATE_TIMEOUT_S + 60.0


def detached(found: Found, console: Console) -> int:
    """Start a supervisor that outlives the terminal, and wait until all services are settled.

    Returns:
        The exit code: 0 if all are ready.

    Raises:
        PortTakenError: A port is somebody else's; nothing has been started.
        OSError: The state folder cannot be written to.
    """
    folder = StateFolder(found.values.state_dir)
    if folder.is_kept():
        console.print(f"up already, kept in {folder.root}: cryohalo status, cryohalo down")
        return 0
    _end_left(folder, console)
    _require_free(found)
    folder.make()
    command = [sys.executable, "-m", "cryohalo.control_room"]
    if found.file is not None:
        command += ["--config", str(found.file)]
    begins_at = folder.own_log.stat().st_size if folder.own_log.exists() else 0
    with folder.own_log.open("a") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    last = _follow(process.stdout, console)
    if last is None:
        process.wait()
        console.print(_since(folder.own_log, begins_at))
        console.print(f"the supervisor ended; its log is {folder.own_log}")
        return _FAILED
    _say_what_to_set(found, folder, console)
    return 0 if all(state == "ready" for state in last.values()) else _FAILED


def foreground(found: Found, console: Console) -> int:
    """Keep the services until a signal; returns the exit code.

    Raises:
        AlreadyUpError: Another supervisor keeps them.
        PortTakenError: A port is somebody else's.
    """
    _end_left(StateFolder(found.values.state_dir), console)
    _require_free(found)
    return keep(found, _changes(console))


def gone(process: psutil.Process, timeout_s: float) -> bool:
    """Wait until a process has ended; a zombie, of a container without an init say, has, too."""
    deadline_s = time.monotonic() + timeout_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(min(left_s, _LOOK_EVERY_S))
            return True
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                continue
        return True
    return False


def end(found: Found, console: Console) -> int:
    """End the supervisor and its services; returns the exit code."""
    folder = StateFolder(found.values.state_dir)
    supervisor = folder.supervisor()
    if supervisor is None:
        console.print(f"nothing is up in {folder.root}")
        return 0
    supervisor.terminate()
    if not gone(supervisor, _END_TIMEOUT_S):
        console.print(f"process {supervisor.pid} did not end in {_END_TIMEOUT_S:g} s")
        return _FAILED
    report = folder.report()
    for one in report.services if report else ():
        console.print(f"{one.name}: {one.said}")
    return 0


def _end_left(folder: StateFolder, console: Console) -> None:
    """Wait for what a killed supervisor left, which ends by itself; kill what does not."""
    left = folder.left()
    if not left:
        return
    console.print(f"a supervisor was killed; ending what it left: {', '.join(left)}")
    _, hung = psutil.wait_procs(list(left.values()), TERMINATE_TIMEOUT_S)
    for process in hung:
        console.print(f"process {process.pid} did not end in {TERMINATE_TIMEOUT_S:g} s; killed")
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(hung, _END_TIMEOUT_S)


def _require_free(found: Found) -> None:
    for what, port in services(found.values):
        try:
            require_free((LOOPBACK,), port)
        except OSError as error:
            raise type(error)(f"{what.name}: {error}") from None


def _follow(lines: IO[str], console: Console) -> dict[str, str] | None:
    """Show the supervisor's lines; the last state of each service, None if it ended."""
    states: dict[str, str] = {}
    for line in lines:
        if line.strip() == SETTLED:
            return states
        name, state, said = line.rstrip("\n").split("\t", 2)
        states[name] = state
        if state != "starting":
            console.print(f"{name}: {said if state == 'ready' else f'{state}: {said}'}")
    return None


def _changes(console: Console) -> Callable[[Sequence[ServiceReport]], None]:
    told: dict[str, str] = {}

    def show(reports: Sequence[ServiceReport]) -> None:
        for report in reports:
            if told.get(report.name) != report.state:
                told[report.name] = report.state
                console.print(f"{report.name}: {report.state} {report.said}".rstrip())

    return show


def _say_what_to_set(found: Found, folder: StateFolder, console: Console) -> None:
    given = "" if found.file is None else f" --config {found.file}"
    own = found.file is not None and found.file == Path("cryohalo.toml").absolute()
    console.print(f"logs and state: {folder.root}")
    console.print(f'clients set: eval "$(cryohalo env{"" if own else given})"')


def _since(log: Path, place: int) -> str:
    return "\n".join(_lines(log, place))


def _lines(log: Path, place: int) -> Iterator[str]:
    with log.open(errors="replace") as file:
        file.seek(place)
        yield from (line.rstrip("\n") for line in file.readlines()[-20:])
