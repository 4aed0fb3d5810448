"""What an IOC keeps between its lives, in one folder.

- ``setpoints.json``: the setpoints that are marked as saved, and alarm limits and the like that
  were changed (autosave). Restored by the same checked writes as a client's puts.
- ``snapshot.json``: the whole physical state of the machine, every few seconds and at the end.
- ``puts.log``: every put, one JSON object a line, kept to ten files of 5 MB.

Restart order: snapshot first, then the setpoints, which may be newer.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from instruments.errors import Refused
from iocs import storage
from iocs.clock import Machine
from iocs.records import Database, Put
from iocs.records.values import checked

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
    """

    def __init__(
        self, folder: Path, machine: Machine, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self.machine = machine
        self.database: Database | None = None
        self._wall = wall
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
        try:
            self.machine.restore(content["machine"])
        except (Refused, KeyError, ValueError) as error:
            log.error("the snapshot is not used: %s", error)
            return False
        return True

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
        if record.read is None or channel.to_stored(record.read()) != value:
            record.write(checked(record, value))
        if channel.parent is not None:  # it is to be kept for the life after this one too
            channel.parent.note_changed_field(channel)

    # -- keeping -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Keep what is due; called on every post."""
        now_s = self._wall()
        if now_s >= self._next_autosave_s:
            self._next_autosave_s = now_s + AUTOSAVE_PERIOD_S
            self.save_setpoints()
        if now_s >= self._next_snapshot_s:
            self._next_snapshot_s = now_s + SNAPSHOT_PERIOD_S
            self.save_machine()

    def save_setpoints(self) -> None:
        """Write the saved setpoints if one has changed."""
        if self.database is None:
            return
        found = self.database.saved_values()
        if found != self._saved:
            self._keep("setpoints.json", found)
            self._saved = found

    def save_machine(self) -> None:
        """Write a snapshot if time has passed since the last."""
        if self.machine.time_s != self._snapshot_time_s:
            self._snapshot_time_s = self.machine.time_s
            content = {"time_s": self.machine.time_s, "machine": self.machine.state()}
            self._keep("snapshot.json", content)

    def _keep(self, name: str, content: Any) -> None:
        try:
            storage.save(self.folder / name, content)
        except OSError as error:
            log.error("%s cannot be written: %s", self.folder / name, error)


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
            self._file = logging.handlers.RotatingFileHandler(
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
            "client": put.client,
            "address": put.address,
            "refused": put.refused,
        }
        if self._file is not None:
            line = json.dumps(self.last)
            self._file.emit(logging.LogRecord("puts", 20, "", 0, line, None, None))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _short(value: Any) -> Any:
    """A value as it fits on a line."""
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"array of {value.size}"
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value if isinstance(value, (str, int, float, type(None))) else str(value)[:200]
