"""What an IOC keeps between its lives, in one folder.

- ``setpoints.json``: the setpoints that are marked as saved, and alarm limits and the like that
  were changed (autosave). Restored by the same checked writes as a client's puts.
- ``snapshot.json``: the whole physical state of the machine, every few seconds and at the end. Used
  only by a machine of the same name, seed and parameters.
- ``puts.log``: every put, one JSON object a line, kept to ten files of 5 MB.

Restart order: snapshot first, then the setpoints, which may be newer.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import logging.handlers
import os
import time
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from instruments.errors import Refused
from iocs import storage
from iocs.escaping import escaped
from iocs.records import Database, Put
from pvdb.parts.clock import Machine
from pvdb.records.checking import checked, stored

log = logging.getLogger("cryohalo.iocs.state")

SNAPSHOT_PERIOD_S = 5.0
AUTOSAVE_PERIOD_S = 1.0
PUT_LOG_BYTES = 5_000_000
PUT_LOG_FILES = 9


class StateStore:
    """Keeps and restores the state of one IOC.

    Args:
        folder: Where; made if it is missing.
        machine: The physics.
        wall: Monotonic wall clock, s.
        identity: Name, seed and parameters of the machine, plain values: a snapshot of another
            machine is not used.

    Attributes:
        error: Why the last file could not be written, "" if it was.
    """

    def __init__(
        self,
        folder: Path,
        machine: Machine,
        wall: Callable[[], float] = time.monotonic,
        *,
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.machine = machine
        self.database: Database | None = None
        self.identity = dict(identity or {})
        self.error = ""
        self._wall = wall
        self._writing: asyncio.Task[None] | None = None
        self._saved: dict[str, Any] = {}
        self._snapshot_time_s = -1.0
        self._next_snapshot_s = wall() + SNAPSHOT_PERIOD_S
        self._next_autosave_s = wall() + AUTOSAVE_PERIOD_S

    # -- restoring ---------------------------------------------------------------------------------

    def restore_machine(self) -> bool:
        """Put the machine back to its last snapshot; False if there is none that fits."""
        content = storage.load(self.folder / "snapshot.json")
        if content is None:
            return False
        fresh = copy.deepcopy(self.machine.state())
        try:
            self._check_identity(content)
            self.machine.restore(content["machine"])
        except (Refused, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            log.error("the snapshot is not used: %s: %s", type(error).__name__, error)
            self.machine.restore(fresh)  # it may have taken over half of it
            return False
        return True

    def _check_identity(self, content: dict[str, Any]) -> None:
        found = content.get("identity", {})
        for key, ours in self.identity.items():
            if found.get(key) != ours:
                raise Refused(f"it is of {key} {found.get(key)!r}, this machine's is {ours!r}")

    def restore_setpoints(self, database: Database) -> list[str]:
        """Write the saved setpoints; returns what was refused, in words."""
        self.database = database
        waiting = dict(storage.load(self.folder / "setpoints.json") or {})
        # Twice: a severity can be set only once its limit is there.
        refused = self._write_all(database, waiting)
        refused = self._write_all(database, {name: waiting[name] for name in refused})
        lines = [f"{name} = {waiting[name]!r}: {why}" for name, why in refused.items()]
        for line in lines:
            log.warning("autosave: %s", line)
        return lines

    def _write_all(self, database: Database, values: dict[str, Any]) -> dict[str, str]:
        refused = {}
        for name, value in values.items():
            try:
                self._write(database, name, value)
            except (KeyError, Refused) as error:
                refused[name] = str(error)
        return refused

    def _write(self, database: Database, name: str, value: Any) -> None:
        channel = database[name]
        record = channel.record
        if record.write is None:
            raise Refused("is read-only now")
        # A write of what stands already might start something: a ramp to where it is.
        if record.read is None or stored(record, record.read()) != value:
            record.write(checked(record, value))
        if channel.parent is not None:  # it is to be kept for the life after this one too
            channel.parent.note_changed_field(channel)

    # -- keeping -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Keep what is due; called on every post, on the event loop.

        What is to be kept is copied here, at one moment; a thread encodes and writes it.
        """
        if self._writing is not None and not self._writing.done():
            return
        now_s = self._wall()
        files: dict[str, Any] = {}
        if now_s >= self._next_autosave_s:
            self._next_autosave_s = now_s + AUTOSAVE_PERIOD_S
            files |= self._setpoints()
        if now_s >= self._next_snapshot_s:
            self._next_snapshot_s = now_s + SNAPSHOT_PERIOD_S
            files |= self._snapshot()
        if files:
            self._writing = asyncio.create_task(self._write_aside(files), name="saving")

    async def close(self) -> None:
        """Wait for what is being written, then write the rest."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        await self._write_aside(self._setpoints() | self._snapshot())

    async def _write_aside(self, files: dict[str, Any]) -> None:
        for name, content in files.items():
            try:
                await asyncio.to_thread(storage.save, self.folder / name, content)
            except Exception as error:  # whatever it is, the IOC goes on
                self._forget(name)
                self._tell(f"{self.folder / name} cannot be written: {error}")
            else:
                self._tell("", name)

    def _tell(self, error: str, name: str = "") -> None:
        if error and error != self.error:
            log.error("%s", error)
        if error or str(self.folder / name) in self.error:
            self.error = error

    def _forget(self, name: str) -> None:
        """It has not been written: write it when it is due next."""
        if name == "setpoints.json":
            self._saved = {}
        else:
            self._snapshot_time_s = -1.0

    def _setpoints(self) -> dict[str, Any]:
        """The file of setpoints if one has changed."""
        found = self.database.saved_values() if self.database is not None else {}
        if found == self._saved:
            return {}
        self._saved = found
        return {"setpoints.json": found}

    def _snapshot(self) -> dict[str, Any]:
        """The file of the physical state if time has passed since the last."""
        time_s = self.machine.time_s
        if time_s == self._snapshot_time_s:
            return {}
        self._snapshot_time_s = time_s
        machine = copy.deepcopy(self.machine.state())
        return {"snapshot.json": {"time_s": time_s, "identity": self.identity, "machine": machine}}


class PutLog:
    """The put log: who, from where, what, old and new value, simulated time, refused why.

    Args:
        folder: Where ``puts.log`` is written; None keeps only the last puts in memory.
        time: Simulated time, s.
        wall_time: Wall clock, s since the Unix epoch.
    """

    def __init__(
        self,
        folder: Path | None,
        time: Callable[[], float],
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._time = time
        self._wall_time = wall_time
        self.last: dict[str, Any] = {}
        self._file: logging.handlers.RotatingFileHandler | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _OwnersLog(
                folder / "puts.log", maxBytes=PUT_LOG_BYTES, backupCount=PUT_LOG_FILES
            )

    def __call__(self, put: Put) -> None:
        """Log one put."""
        self.last = {
            "time": self._wall_time(),
            "sim_time_s": self._time(),
            "pv": put.name,
            "old": _short(put.old),
            "new": _short(put.new),
            "client": escaped(put.client),
            "address": put.address,
            "refused": escaped(put.refused),
        }
        if self._file is not None:
            line = json.dumps(self.last)
            self._file.emit(logging.LogRecord("puts", 20, "", 0, line, None, None))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class _OwnersLog(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        descriptor = storage.owners_alone(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return open(descriptor, "a", encoding="utf-8")


def _short(value: Any) -> Any:
    """A value as it fits on a line of JSON."""
    if isinstance(value, (np.ndarray, list)) and np.size(value) > 8:
        return f"array of {np.size(value)}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, list):
        return [_short(item) for item in value]
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    return escaped(value)
