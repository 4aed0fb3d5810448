"""What an IOC keeps between its lives, in one folder.

- ``snapshot.json``: the whole physical state of the machine and the setpoints of that moment, every
  few seconds and at the end. Used only by a machine of the same name, seed and parameters.
- ``setpoints.json``: the setpoints that are marked as saved, and alarm limits and the like that
  were changed (autosave).
- ``journal-*.log``: the puts since the snapshots that are kept (``iocs.supervision.journal``).
- ``puts.log``: every put (``iocs.supervision.put_log``).

Restart order: the snapshot; the puts since, each at its simulated time; the file of setpoints where
it is newer. What cannot be used is logged in one line, kept aside as ``.bad``, and left out: all of
a snapshot, of setpoints only those that are refused.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from instruments.errors import Refused
from iocs.records import Database
from iocs.supervision import journal as journals
from iocs.supervision import storage
from iocs.supervision.journal import LAST_NUMBER, Entry, Journal
from iocs.supervision.repeating import Repeating, short
from iocs.supervision.saving import Saving
from iocs.words.complaints import words
from pvdb.parts.clock import SteppedMachine

log = logging.getLogger("cryohalo.iocs.state")

SNAPSHOT_PERIOD_S: Final = 5.0
AUTOSAVE_PERIOD_S: Final = 1.0
SNAPSHOT, SETPOINTS = "snapshot.json", "setpoints.json"
#: Of a snapshot, and of those that do not say.
#:
#: It goes up when the state of a machine changes: a snapshot of a lower number may lack something,
#: one of a higher number cannot be read.
FORMAT, OLDER = 5, 0


class OtherMachineError(Exception):
    """The folder keeps the state of another machine, which would be written over."""


class StateStore:
    """Keeps and restores the state of one IOC.

    Args:
        folder: Where; made if it is missing.
        machine: The physics.
        database: Its records.
        journal: Of the puts that ``database`` accepts.
        saving: Told what cannot be written.
        identity: Name, seed and parameters of the machine, plain values: a snapshot of another
            machine is not used.
        guards: Called after every step of the machine.
        wall: Monotonic wall clock, s.
    """

    def __init__(
        self,
        folder: Path,
        machine: SteppedMachine,
        database: Database,
        journal: Journal,
        saving: Saving,
        *,
        identity: Mapping[str, Any] | None = None,
        guards: Sequence[Callable[[], None]] = (),
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.machine = machine
        self.database = database
        self.journal = journal
        self.saving = saving
        self.identity = dict(identity or {})
        self._repeating = Repeating(machine, database, guards)
        self._covered = 0
        self._records = {name.partition(".")[0] for name in database.channels}
        self._setpoints = _KeptFile(folder / SETPOINTS, saving, wall)
        self._snapshot = _KeptFile(folder / SNAPSHOT, saving, wall)

    # -- restoring ---------------------------------------------------------------------------------

    def restore(self) -> None:
        """Put machine and setpoints back to where the last life ended, as far as was kept.

        Raises:
            OtherMachineError: They are another machine's. Nothing has been touched.
        """
        kept = journals.read(self.folder)
        if kept.unreadable:
            log.error("%s: %d lines of the journal cannot be read", self.folder, kept.unreadable)
        snapshot = self._restore_machine()
        setpoints = self._find(SETPOINTS, _check_setpoints)
        if snapshot is None:
            self._start_cold(setpoints, kept)
        else:
            self._go_on(snapshot, setpoints, kept)
        numbers = [entries[-1].number for entries in kept.entries.values() if entries]
        self.journal.continue_from(self.journal.identity, max(numbers, default=0))
        # What the snapshot before needs is not cleared away as long as that is kept.
        self._covered = self.journal.number if snapshot is None else _parsed(snapshot.mark)[1]

    def _go_on(
        self, snapshot: storage.Stored, setpoints: storage.Stored | None, kept: journals.Kept
    ) -> None:
        identity, number = _parsed(snapshot.mark)
        self.journal.continue_from(identity or self.journal.identity, number)
        self._tell(SNAPSHOT, self._repeating.write(snapshot.content.get("setpoints", {})))
        since = [entry for entry in kept.entries.get(identity, []) if entry.number > number]
        self._repeat(since)
        reached = since[-1].number if since else number
        # A file without a mark was written by somebody else, after us.
        if setpoints is not None and (not setpoints.mark or _parsed(setpoints.mark)[1] >= reached):
            self._write_setpoints(setpoints)

    def _repeat(self, entries: list[Entry]) -> None:
        puts = [entry for entry in entries if entry.name]
        if not entries:
            return
        from_s = self.machine.time_s
        try:
            refused = self._repeating.repeat(entries)
        except Exception as error:
            log.error("the machine fails at %g s: %s", self.machine.time_s, words(error))
            return
        log.warning(
            "the last life did not end by itself: %d puts since the snapshot at %g s were made "
            "again, up to %g s", len(puts), from_s, self.machine.time_s,
        )  # fmt: skip
        self._tell("journal", refused)

    def _start_cold(self, setpoints: storage.Stored | None, kept: journals.Kept) -> None:
        """Another machine, or a fresh one: it takes the setpoints over, not what has moved."""
        if setpoints is None:
            return
        self._write_setpoints(setpoints)
        identity, number = _parsed(setpoints.mark)
        newer = {
            entry.name: entry.value
            for entry in kept.entries.get(identity, [])
            if entry.number > number and self._is_saved(entry.name)
        }
        self._tell("journal", self._repeating.write(newer))

    def _is_saved(self, name: str) -> bool:
        try:
            channel = self.database[name]
        except KeyError:
            return False
        return channel.record.saved

    def _write_setpoints(self, setpoints: storage.Stored) -> None:
        self._tell(setpoints.path.name, self._repeating.write(setpoints.content))

    def _tell(self, file: str, refused: Mapping[str, str]) -> None:
        for name, why in refused.items():
            log.warning("%s: %s is left out: %s", self.folder / file, name, why)

    def _restore_machine(self) -> storage.Stored | None:
        """The snapshot that the machine has taken over, None if there is none that fits."""
        fresh = copy.deepcopy(self.machine.state())

        def try_it(content: Any) -> None:
            self._check_snapshot(content)
            if content.get("format", OLDER) == FORMAT:  # nothing may be missing then
                self.machine.check_state(content["machine"])
            try:
                self.machine.restore(content["machine"])
                self._require_no_contradiction()
                self.machine.step(self.machine.dt_s)  # it must be able to go on from there
                self.machine.restore(content["machine"])
            except BaseException:
                self.machine.restore(fresh)  # it may have taken over half of it
                raise

        snapshot = self._find(SNAPSHOT, try_it)
        if snapshot is not None and (found := snapshot.content.get("format", OLDER)) < FORMAT:
            log.warning(
                "%s is of an older version (format %d, this one's is %d): what it lacks is as at a "
                "cold start", snapshot.path, found, FORMAT,
            )  # fmt: skip
        return snapshot

    def _require_no_contradiction(self) -> None:
        if why := self.machine.contradiction():
            raise Refused(why)
        seed = getattr(self.machine, "seed", None)
        if seed != (ours := self.identity.get("seed", seed)):
            raise Refused(f"seed = {short(seed)}: this machine's is {ours!r}")

    def _check_snapshot(self, content: Any) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("machine"), dict):
            raise Refused("there is no state of a machine in it")
        form = content.get("format", OLDER)
        if type(form) is not int or not OLDER <= form <= FORMAT:
            raise Refused(f"format = {short(form)}: this version reads {OLDER} to {FORMAT}")
        setpoints = content.get("setpoints", {})
        if not isinstance(setpoints, dict):
            raise Refused(f"setpoints = {short(setpoints)}: not values by name")
        self._require_this_machine(setpoints)
        found = content.get("identity", {})
        for key, ours in self.identity.items():
            theirs = found.get(key) if isinstance(found, dict) else None
            if theirs != ours:
                raise Refused(f"{key} = {short(theirs)}: this machine's is {ours!r}")

    def _require_this_machine(self, setpoints: Mapping[str, Any]) -> None:
        """Refuse those of which few are records here; a machine that was only renamed has them."""
        foreign = [name for name in setpoints if name.partition(".")[0] not in self._records]
        if 2 * len(foreign) > len(setpoints):
            raise OtherMachineError(
                f"{self.folder} keeps the state of another machine, which has {short(foreign[0])}; "
                "give each IOC a folder of its own"
            )

    def _find(self, name: str, check: Callable[[Any], None]) -> storage.Stored | None:
        """The newest whole file of this name, if ``check`` lets it pass.

        A damaged file gives way to the one before. A whole one that does not pass does not: that
        would be a state that nobody has asked for.
        """
        paths = storage.candidates(self.folder / name)
        for number, path in enumerate(paths):
            try:
                stored = storage.read(path)
            except FileNotFoundError:
                continue
            except (OSError, storage.DamagedError) as error:
                self._leave_out((path,), error)
                continue
            try:
                check(stored.content)
            except OtherMachineError:
                raise
            except Exception as error:
                self._leave_out(paths[number:], error)
                return None
            return stored
        return None

    def _leave_out(self, paths: Sequence[Path], error: Exception) -> None:
        aside = [bad for path in paths if (bad := storage.set_aside(path)) is not None]
        where = f"; kept as {aside[0].name}" if aside else ""
        why = str(error) if isinstance(error, (Refused, storage.DamagedError)) else words(error)
        log.error("%s is not used: %s%s", paths[0], why, where)

    # -- keeping -----------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Write both files once: the journal begins from there."""
        self._save_setpoints()
        self._save_snapshot()
        await self._finish()

    def tick(self) -> None:
        """Keep what is due; called on every tick, on the event loop.

        What is to be kept is copied here, at one moment; a thread encodes and writes it. No file
        waits for another.
        """
        if self._setpoints.due(AUTOSAVE_PERIOD_S):
            self._save_setpoints()
        # What the journal could not keep, a snapshot has to, soon.
        missed = self.journal.missed
        if self._snapshot.due(AUTOSAVE_PERIOD_S if missed else SNAPSHOT_PERIOD_S):
            if missed:
                self._snapshot.forget()
            self._save_snapshot()

    async def close(self) -> None:
        """Wait for what is being written, then write the rest."""
        await self._finish()
        await self.begin()
        await self.journal.safe()
        self.journal.close()

    async def _finish(self) -> None:
        for file in (self._setpoints, self._snapshot):
            await file.finish()

    def _save_setpoints(self) -> None:
        values, mark = self.database.saved_values(), self.journal.mark
        self._setpoints.save(values, lambda: storage.save(self._setpoints.path, values, mark))

    def _save_snapshot(self) -> None:
        number, time_s = self.journal.number, self.machine.time_s
        if self._snapshot.holds(version := (number, time_s)):
            return
        content = {
            "format": FORMAT,
            "time_s": time_s,
            "identity": self.identity,
            "setpoints": self.database.saved_values(),
            "machine": copy.deepcopy(self.machine.state()),
        }
        mark = self.journal.mark
        self.journal.turn()
        # The snapshot before will be ``.old``; what came after it may still be needed.
        needless = self.journal.until(self._covered)

        def write() -> None:
            storage.save(self._snapshot.path, content, mark)
            self.journal.clear(needless)

        def written() -> None:
            self._covered = number
            self.saving.snapshot_written()

        self._snapshot.save(version, write, written)


def _nothing() -> None:
    return None


class _KeptFile:
    """One file that is written again and again, by one thread at a time."""

    def __init__(self, path: Path, saving: Saving, wall: Callable[[], float]) -> None:
        self.path = path
        self._saving = saving
        self._wall = wall
        self._tried_s = wall()
        self._held: Any = None
        self._task: asyncio.Task[None] | None = None

    def due(self, period_s: float) -> bool:
        """Whether it is to be looked at now: nobody writes it, and the period has passed."""
        if self._wall() < self._tried_s + period_s or not self._idle:
            return False
        self._tried_s = self._wall()
        return True

    @property
    def _idle(self) -> bool:
        return self._task is None or self._task.done()

    def holds(self, version: Any) -> bool:
        """Whether this version has been written, or is being written."""
        return bool(self._held == version)

    def forget(self) -> None:
        """Write it the next time, whatever the version."""
        self._held = None

    def save(
        self, version: Any, write: Callable[[], None], written: Callable[[], None] = _nothing
    ) -> None:
        """Begin to write a version, unless the file holds it already.

        Args:
            version: Of what is written, compared with the last.
            write: Writes; called in a thread.
            written: Called after it.
        """
        if self.holds(version):
            return
        self._held = version
        self._task = asyncio.create_task(self._write(write, written), name="saving")

    async def _write(self, write: Callable[[], None], written: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(write)
        except Exception as error:  # whatever it is, the IOC goes on
            self.forget()
            self._saving.failed(str(self.path), error)
        else:
            self._saving.succeeded(str(self.path))
            written()

    async def finish(self) -> None:
        """Return when nothing is being written."""
        if self._task is not None:
            await asyncio.wait({self._task})


def _check_setpoints(content: Any) -> None:
    if not isinstance(content, dict):
        raise Refused(f"{short(content)}: not values by name")


def _parsed(mark: str) -> tuple[str, int]:
    """Journal and number of a mark; none and 0 for what is no mark of ours."""
    identity, _, number = mark.partition(" ")
    if not number.isdecimal() or len(number) > len(str(LAST_NUMBER)):
        return "", 0
    return identity, int(number)
