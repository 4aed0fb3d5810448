"""The journal of puts: what was accepted is on the disk before it is acknowledged.

A snapshot of the machine is some seconds old when a process is killed. The journal has the puts
since, each with its simulated time, so that they can be made again
(``iocs.supervision.repeating``). One line is appended for each put, and one when a put that waits
has completed. Lines are synchronised in groups by a thread: those who wait at the same time share
one ``fdatasync``, which may be begun before anybody waits.

A new file is begun with each snapshot; files that no kept snapshot needs are deleted. A file begins
with a line that names the journal: a journal follows its own snapshots only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from iocs.supervision import storage
from iocs.supervision.saving import Saving
from iocs.supervision.synchronising import in_turn
from pvdb.records import Value

#: Of all files together. It takes some 300 000 puts without one snapshot that could be written.
MOST_BYTES: Final = 32_000_000
PATTERN: Final = "journal-*.log"
#: As many digits as the name of a file has.
LAST_NUMBER: Final = 10**12 - 1


@dataclass(frozen=True)
class Entry:
    """One line.

    Attributes:
        number: Counts them, over all lives of the IOC.
        time_s: Simulated time.
        name: Record or field that was put to; "" where a put has completed.
        value: As the record took it.
    """

    number: int
    time_s: float
    name: str = ""
    value: Value = None


class Journal:
    """Appends, synchronises and clears away.

    Args:
        folder: Where the files are; made if it is missing.
        time: Simulated time, s.
        saving: Told whether they can be written.
        passing: Names whose puts are not kept: they are to this process, not to the machine.
        durable: Whether a put has to reach the disk before it is acknowledged: it then survives a
            power cut. Else it survives the end of the process.

    Attributes:
        identity: Of this journal.
        number: Of the last line.
        missed: Whether a line could not be written since the last ``turn``.
    """

    def __init__(
        self,
        folder: Path,
        time: Callable[[], float],
        saving: Saving,
        *,
        passing: Collection[str] = (),
        durable: bool = True,
    ) -> None:
        self.folder = folder
        self.durable = durable
        self.identity = uuid.uuid4().hex
        self.number = 0
        self.missed = False
        self._time = time
        self._saving = saving
        self._passing = frozenset(passing)
        self._file: _File | None = None
        self._retired: list[_File] = []
        self._synchronised = 0
        self._job: asyncio.Future[BaseException | None] | None = None

    @property
    def mark(self) -> str:
        """Names this journal and its last line, for a snapshot of this moment."""
        return f"{self.identity} {self.number}"

    def continue_from(self, identity: str, number: int) -> None:
        """Be the journal of the last life."""
        self.identity, self.number = identity, max(self.number, number)
        self._synchronised = self.number

    # -- appending ---------------------------------------------------------------------------------

    def accepted(self, name: str, value: Value) -> None:
        """A put has been accepted. A failure to write it is reported to ``saving``."""
        self.accepted_together([(name, value)])

    def accepted_together(self, puts: Sequence[tuple[str, Value]]) -> None:
        """The same of several, in their order: none is written where not all can be."""
        kept = [put for put in puts if put[0] not in self._passing]
        if kept:
            self._append(kept)

    def completed(self) -> None:
        """A put that waited has had its effect: the machine is to get as far as this again."""
        self._append([("", None)])

    def _append(self, puts: Sequence[tuple[str, Value]]) -> None:
        number, time_s = self.number, self._time()
        lines: list[bytes] = []
        try:
            for name, value in puts:
                lines.append(_line(Entry(number + len(lines) + 1, time_s, name, value)))
            self._open().append(b"".join(lines))
        except (OSError, TypeError) as error:
            self.missed = True
            self._saving.failed(self._name, error, passing=True)
            return
        self.number = number + len(lines)
        self._saving.succeeded(self._name)

    @property
    def _name(self) -> str:
        return str(self.folder / "journal")

    def begin(self) -> None:
        """Begin to bring all lines up to now to where they survive, before anybody waits for it."""
        if not self.durable or self._job is not None or self._synchronised >= self.number:
            return
        number, retired, self._retired = self.number, self._retired, []
        files = [*retired, *([self._file] if self._file is not None else [])]
        self._job = job = asyncio.get_running_loop().create_future()

        def ended(error: BaseException | None) -> None:
            for file in retired:
                file.close()
            # At once, before anybody is told: who asks next begins the next one.
            self._synchronised, self._job = max(self._synchronised, number), None
            if isinstance(error, Exception):  # told here, since perhaps nobody waits yet
                self.missed = True
                self._saving.failed(self._name, error, passing=True)
            job.set_result(error)

        in_turn(partial(_synchronise, files), ended)

    async def safe(self) -> None:
        """Return when all lines up to now are where they survive."""
        goal = self.number
        while self.durable and self._synchronised < goal:
            self.begin()
            if (job := self._job) is not None:
                error = await asyncio.shield(job)
                if error is not None and not isinstance(error, OSError):
                    raise error

    def _open(self) -> _File:
        if self._file is None:
            self._require_room(sum(map(_size, self.folder.glob(PATTERN))))
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"journal-{self.number + 1:012d}.log"
            self._file = _File(path, _checked({"journal": self.identity}))
        self._require_room(self._file.size)
        return self._file

    @staticmethod
    def _require_room(size: int) -> None:
        if size > MOST_BYTES:
            raise OSError(f"{size / 1e6:.1f} MB are not covered by a snapshot that was written")

    # -- clearing away -----------------------------------------------------------------------------

    def turn(self) -> None:
        """Begin a new file with the next line: a snapshot of this moment is to be written."""
        self.missed = False
        if self._file is None:
            return
        if self.durable:
            self._retired.append(self._file)
        else:
            self._file.close()
        self._file = None

    def until(self, number: int) -> list[Path]:
        """The files that have no line after ``number``, but for the one that is written to.

        To be asked on the event loop: a thread would take a file that is just being begun, and
        that this does not know yet, for one without lines.
        """
        try:
            paths = sorted(self.folder.glob(PATTERN))
        except OSError:  # no descriptor is left: they stay until the next time
            return []
        nexts = [*map(_first_number, paths), self.number + 1][1:]
        written = self._file.path if self._file is not None else None
        found = zip(paths, nexts, strict=True)
        return [path for path, after in found if after - 1 <= number and path != written]

    @staticmethod
    def clear(paths: Iterable[Path]) -> None:
        """Delete files; may be called in a thread."""
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Close all files."""
        for file in [*self._retired, *([self._file] if self._file else [])]:
            file.close()
        self._retired, self._file = [], None


def _size(path: Path) -> int:
    """In bytes; a thread that clears away may have deleted the file meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class _File:
    """One file of lines, of which none is ever half there for longer than a call."""

    def __init__(self, path: Path, first: bytes) -> None:
        self.path = path
        self.size = 0
        self.named = False
        self.handle = storage.owners_alone(
            str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        )
        self.append(first)

    def append(self, lines: bytes) -> None:
        """Append whole lines, or raise and leave the file as it was."""
        try:
            written = os.write(self.handle, lines)
            if written != len(lines):
                raise OSError(f"only {written} of {len(lines)} bytes were written")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self.handle, self.size)
            raise
        self.size += len(lines)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.handle)


def _synchronise(files: list[_File]) -> None:
    for file in files:
        os.fdatasync(file.handle)
        if not file.named:
            storage.synchronise(file.path.parent)
            file.named = True


# -- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A journal as it was found.

    Attributes:
        entries: In order, by name of the journal that they belong to.
        unreadable: Lines that could not be read.
    """

    entries: dict[str, list[Entry]]
    unreadable: int


def read(folder: Path) -> Kept:
    """All that is in the journal files of ``folder``."""
    entries: dict[str, list[Entry]] = {}
    unreadable = 0
    for path in sorted(folder.glob(PATTERN)):
        found: list[Entry] | None = None
        for line in _lines(path):
            content = _content(line)
            if content is not None and isinstance(identity := content.get("journal"), str):
                found = entries.setdefault(identity, [])
            elif (entry := _entry(content)) is not None and found is not None:
                found.append(entry)
            else:
                unreadable += 1
    for found in entries.values():
        found.sort(key=lambda entry: entry.number)
    return Kept(entries, unreadable)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        yield from path.read_bytes().splitlines()
    except OSError:
        return


def _line(entry: Entry) -> bytes:
    content: dict[str, Any] = {"n": entry.number, "t": entry.time_s}
    if entry.name:
        content |= {"pv": entry.name, "v": entry.value}
    return _checked(content)


def _checked(content: dict[str, Any]) -> bytes:
    text = storage.dumps(content)
    return f"{zlib.crc32(text):08x} ".encode() + text + b"\n"


def _content(line: bytes) -> dict[str, Any] | None:
    """What a line says; None if it is damaged."""
    checksum, _, text = line.partition(b" ")
    if f"{zlib.crc32(text):08x}".encode() != checksum:
        return None
    try:
        content = storage.loads(text)
    except storage.DamagedError:
        return None
    return content if isinstance(content, dict) else None


def _entry(content: dict[str, Any] | None) -> Entry | None:
    match content:
        case {"n": int(number), "t": int() | float() as time_s, **rest}:
            name = rest.get("pv", "")
            if isinstance(name, str) and 0 < number <= LAST_NUMBER:
                return Entry(number, float(time_s), name, rest.get("v"))
    return None


def _first_number(path: Path) -> int:
    digits = path.stem.removeprefix("journal-")
    return int(digits) if digits.isdecimal() else 0
