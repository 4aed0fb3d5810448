"""What can be seen from here: libraries, folders, clock, ports, repeaters, the environment."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import psutil
from packaging.requirements import Requirement

from cryohalo.configuration import Found
from cryohalo.control_room.doctor.finding import Finding, good, odd, wrong
from cryohalo.control_room.folder import StateFolder
from cryohalo.control_room.services import clients_environment, services
from cryohalo.processes.addresses import LOOPBACK
from iocs.serving.listening.ports import PortTakenError, require_free

__all__ = ["array_size", "clients", "clock", "folders", "libraries", "ports", "repeaters"]

#: A spectrum of 100 000 points in double precision, and the header before it.
SPECTRUM_BYTES: Final = 800_000 + 200
_LITTLE_SPACE_BYTES: Final = 1_000_000_000
#: Files may be so much newer than now, seconds: file systems round.
_IN_THE_FUTURE_S: Final = 10.0
_REPEATERS: Final = ("caRepeater", "caproto-repeater")
_SET = 'eval "$(cryohalo env)" in this terminal, before the client starts'


def libraries() -> Iterator[Finding]:
    """Each package of the installed extras has a version that pyproject.toml allows."""
    try:
        required = importlib.metadata.requires("cryohalo") or []
    except importlib.metadata.PackageNotFoundError:
        yield odd("libraries", "cryohalo is not installed, only found", "pip install it")
        return
    old = [told for text in required if (told := _unfit(Requirement(text)))]
    for told in sorted(set(old)):
        yield wrong("libraries", told, "pip install --constraint constraints.txt 'cryohalo[...]'")
    if not old:
        yield good("libraries", "versions are those that cryohalo asks for")


def _unfit(requirement: Requirement) -> str:
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return ""  # an extra that is not installed
    if requirement.specifier.contains(found, prereleases=True):
        return ""
    return f"{requirement.name} {found} is installed, {requirement.specifier} is needed"


def folders(found: Found) -> Iterator[Finding]:
    """State and catalog can be written to, and no dead supervisor's report lies about."""
    values, folder = found.values, StateFolder(found.values.state_dir)
    for name, path in (("state folder", values.state_dir), ("catalog", values.catalog.folder)):
        existing = next(part for part in (path, *path.parents) if part.exists())
        free = shutil.disk_usage(existing).free
        if not os.access(existing, os.W_OK | os.X_OK):
            yield wrong(name, f"{existing} may not be written to", "choose another, or mend rights")
        elif free < _LITTLE_SPACE_BYTES:
            yield odd(name, f"{free / 1e6:.0f} MB are left at {path}", "make room")
        else:
            yield good(name, str(path))
    report = folder.report()
    up = folder.supervisor() is not None
    if report is not None and not up and any(s.state == "ready" for s in report.services):
        yield odd(
            "locks",
            f"the supervisor (process {report.pid}) ended without a word: it was killed, or the "
            "host went down. Its lock is free",
            "cryohalo up goes on from the states that are saved",
        )
    yield from _held(found, up)


def _held(found: Found, up: bool) -> Iterator[Finding]:
    """State folders that an IOC keeps which no supervisor of ours has started."""
    for name, one in found.values.instruments.items():
        holder = _holder(found.values.state_dir / name / "lock") if one.serve else None
        if holder is not None and not up:
            yield wrong(
                "locks",
                f"{name}: process {holder} keeps its state in {found.values.state_dir / name}",
                f"end it (kill {holder}), or choose another state_dir",
            )


def _holder(lock: Path) -> int | None:
    """The process that has the file open, which is how an IOC holds its folder."""
    try:
        pid = int(lock.read_text().strip())
        holds = any(Path(file.path) == lock for file in psutil.Process(pid).open_files())
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if holds else None


def clock(found: Found) -> Iterator[Finding]:
    """The clock has not been put back since our files were written."""
    now, root = time.time(), found.values.state_dir
    newest = max((path.stat().st_mtime for path in root.glob("*")), default=0.0)
    released = Path(__file__).stat().st_mtime
    ahead_s = max(newest, released) - now
    if ahead_s > _IN_THE_FUTURE_S:
        yield wrong(
            "clock",
            f"it is {ahead_s:.0f} s behind files that are there already",
            "set it (timedatectl set-ntp true); archivers refuse times that jump",
        )
    else:
        yield good("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"))


def ports(found: Found) -> Iterator[Finding]:
    """What ``up`` would listen on is free, or is listened on by what it has started."""
    report = StateFolder(found.values.state_dir).report()
    up = StateFolder(found.values.state_dir).supervisor() is not None
    ours = {s.name for s in report.services if s.pid} if report and up else set()
    troubles = []
    for what, port in services(found.values):
        try:
            require_free((LOOPBACK,), port)
        except PortTakenError as error:
            if what.name not in ours:
                troubles.append(wrong("ports", f"{what.name}: {error}", f"or set {what.name}.port"))
    listed = ", ".join(f"{what.name} {port}" for what, port in services(found.values))
    yield from troubles or [good("ports", listed)]


def repeaters(found: Found) -> Iterator[Finding]:
    """One repeater, where clients look for it."""
    port = found.values.epics.repeater_port
    running = [process for process in psutil.process_iter(["pid", "cmdline"]) if _repeats(process)]
    wanted = os.environ.get("EPICS_CA_REPEATER_PORT")
    if len(running) > 1:
        pids = ", ".join(str(process.pid) for process in running)
        yield odd(
            "repeaters",
            f"{len(running)} CA repeaters run (processes {pids})",
            "end those of your own that are left over, nobody else's: `up` stands in for one",
        )
    elif wanted is not None and wanted != str(port):
        yield odd("repeaters", f"clients look at port {wanted}, `up` stands in at {port}", _SET)
    else:
        yield good("repeaters", f"port {port}")


def _repeats(process: psutil.Process) -> bool:
    """Whether it is a repeater; clients that start one give its name as an argument."""
    words = (process.info["cmdline"] or [])[:3]
    return any(Path(word).name in _REPEATERS for word in words)


def clients(found: Found) -> Iterator[Finding]:
    """A client started here finds the instruments, and no others."""
    wanted = clients_environment(found)
    listed = os.environ.get("EPICS_CA_ADDR_LIST")
    missing = _missing(wanted["EPICS_CA_ADDR_LIST"], listed)
    if listed is None:
        yield odd("address list", "EPICS_CA_ADDR_LIST is not set", _SET)
    elif missing:
        yield wrong("address list", f"EPICS_CA_ADDR_LIST lacks {' '.join(missing)}", _SET)
    elif os.environ.get("EPICS_CA_AUTO_ADDR_LIST", "YES").upper() != "NO":
        yield odd("address list", "EPICS_CA_AUTO_ADDR_LIST is not NO: clients broadcast", _SET)
    else:
        yield good("address list", listed)


def _missing(wanted: str, listed: str | None) -> list[str]:
    there = {_with_port(entry, os.environ) for entry in (listed or "").split()}
    return [entry for entry in wanted.split() if entry not in there]


def _with_port(entry: str, environment: Mapping[str, str]) -> str:
    host, colon, port = entry.replace("localhost", "127.0.0.1").partition(":")
    return f"{host}:{port if colon else environment.get('EPICS_CA_SERVER_PORT', '5064')}"


def array_size(found: Found) -> Iterator[Finding]:
    """A client started here takes a whole spectrum."""
    text = os.environ.get("EPICS_CA_MAX_ARRAY_BYTES")
    if text is None:
        yield good("array size", "EPICS_CA_MAX_ARRAY_BYTES is not set: clients of base 7 take all")
    elif not text.isdigit() or int(text) < SPECTRUM_BYTES:
        yield wrong(
            "array size",
            f"EPICS_CA_MAX_ARRAY_BYTES={text}, a spectrum has {SPECTRUM_BYTES} bytes",
            _SET,
        )
    else:
        yield good("array size", text)
