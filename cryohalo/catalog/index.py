"""What a folder's runs are, kept beside it so that a hundred thousand are listed at once.

An index is a cache and nothing else: an SQLite file in the user's own cache folder, never in the
catalog's, which may be somebody else's. It is made anew where there is none, it is of another
version, or it is damaged. Whenever it is asked, it is held against the folder: files that are new,
gone or replaced are found by name and number, and those without an end by size and time, too; in a
folder of up to ``SMALL`` runs all are. What is written into the file of a run that has ended, which
nothing here does, is not seen in a larger one: reading the run sees it. Several processes may use
and fill one index; SQLite's journal undoes what a kill left half written.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cryohalo.catalog.entries import Entry, Filter, entry_of
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.run import Run
from instruments.printable import escaped

__all__ = ["Index", "cache_folder"]

_VERSION: Final = 2
#: Rows that are written at once, so that a long first reading can be interrupted and goes on.
_BATCH: Final = 500
_BUSY_S: Final = 10.0
#: Files of a folder for which no index is kept: they are read in some 20 ms.
FEW: Final = 100
#: Runs of a folder whose files are all looked at each time, some 20 ms.
SMALL: Final = 2000
#: What changed less than this before it was looked at may change again within the same tick of the
#: file system's clock: it is looked at once more.
_SETTLED_NS: Final = 2_000_000_000

Check = Callable[[Path], Run]


_COLUMNS: Final = tuple(one.name for one in fields(Entry))
_TABLE: Final = f"""
CREATE TABLE runs (
    {", ".join(_COLUMNS)}, inode INTEGER, size INTEGER, modified INTEGER, PRIMARY KEY (name)
) WITHOUT ROWID;
CREATE INDEX by_time ON runs (time, uid);
CREATE INDEX by_end ON runs (status);
CREATE TABLE seen (modified INTEGER, inode INTEGER);
PRAGMA user_version = {_VERSION};
"""


class Index:
    """The index of one catalog.

    Args:
        root: Folder of the catalog.
        check: Makes a run of a file, or raises ``CatalogError`` with the reason why it is none.
        folder: Where the index is kept; the user's cache unless given.
    """

    def __init__(self, root: Path, check: Check, folder: Path | None = None) -> None:
        self._root, self._check = root, check
        self.path = (folder or cache_folder()) / f"{_key(root)}.sqlite"

    def look(
        self, which: Filter, note: Callable[[int, int], None] = lambda *_: None
    ) -> tuple[list[Entry], list[str]]:
        """The runs asked for, oldest first, and a line for each file that is no run.

        Args:
            which: Which runs.
            note: Told how many files of those that are new or changed have been read.

        Raises:
            CatalogError: The folder cannot be read.
        """
        where, values = _where(which)
        limit = -1 if which.last is None else max(0, which.last)
        wanted = f"refused = '' AND {where} ORDER BY time DESC, uid DESC LIMIT ?"

        def ask(database: sqlite3.Connection) -> tuple[list[Entry], list[str]]:
            self._refresh(database, note)
            found = _rows(database, wanted, (*values, limit))
            refused = _rows(database, "refused != '' ORDER BY name", ())
            return found[::-1], [entry.refused for entry in refused]

        try:
            with closing(self._opened()) as database:
                return ask(database)
        except sqlite3.DatabaseError as error:  # damaged, its disk is full, or in use for long
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # what is above says where
            if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                self._drop()
            with closing(_made(":memory:")) as once:
                return ask(once)

    def _drop(self) -> None:
        """Give the file up, and what SQLite has beside it."""
        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self.path}{end}").unlink(missing_ok=True)

    def _opened(self) -> sqlite3.Connection:
        """The index, made if there is none that can be used; in memory where no file can be.

        A folder of few runs needs none: they are read each time.
        """
        if not os.path.exists(self.path) and _has_few(self._root):
            return _made(":memory:")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            database = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        except (OSError, sqlite3.Error):
            return _made(":memory:")
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            _prepare(database)
        except sqlite3.DatabaseError:
            database.close()
            raise
        return database

    def _refresh(self, database: sqlite3.Connection, note: Callable[[int, int], None]) -> None:
        """Read what is new or changed, forget what is gone."""
        now = time.time_ns()
        mark = _mark(self._root)
        changed = _unsettled(database, self._root)
        gone: list[str] = []
        same = mark is not None and database.execute("SELECT * FROM seen").fetchone() == mark
        if not same:
            there = _listed(self._root)
            asked = database.execute("SELECT name, inode FROM runs")
            known = {os.fsdecode(name): inode for name, inode in asked}
            changed |= {name for name, inode in there.items() if known.get(name) != inode}
            gone = list(known.keys() - there.keys())
            changed -= set(gone)
        names = sorted(changed)
        for start in range(0, len(names), _BATCH):
            read = [self._read(name) for name in names[start : start + _BATCH]]
            _write(database, [row for row in read if row is not None], seen=mark if same else None)
            note(min(start + _BATCH, len(names)), len(names))
        if not same:
            _write(database, [], gone, mark if mark and now - mark[0] > _SETTLED_NS else None)

    def _read(self, name: str) -> tuple[Any, ...] | None:
        path = self._root / name
        try:
            marks = _marks(path)
        except OSError:  # it has been taken away meanwhile
            return None
        try:
            found = entry_of(self._check(path))
        except CatalogError as error:
            if not os.path.lexists(path):
                return None
            found = Entry(name, refused=str(error))
        _, *values = (getattr(found, column) for column in _COLUMNS)
        return os.fsencode(name), *values, *marks  # a name may be no text


def _marks(path: Path) -> tuple[int, int, int]:
    """Number of a file in its folder, its size and the time of its last change."""
    about = os.lstat(path)
    try:
        behind = os.stat(path)  # of a link, what it leads to
    except OSError:
        behind = about
    settled = time.time_ns() - behind.st_mtime_ns > _SETTLED_NS
    return about.st_ino, behind.st_size, behind.st_mtime_ns if settled else -1


def _has_few(root: Path) -> bool:
    """Whether a folder has few files, or cannot be read, which the listing of it tells."""
    try:
        with os.scandir(root) as entries:
            return sum(1 for _ in islice(entries, FEW + 1)) <= FEW
    except (OSError, ValueError):
        return True


def _mark(root: Path) -> tuple[int, int] | None:
    """When a folder last got or lost a file, and its number; None of one that cannot be asked."""
    try:
        about = os.stat(root)
    except (OSError, ValueError):
        return None
    return about.st_mtime_ns, about.st_ino


def _unsettled(database: sqlite3.Connection, root: Path) -> set[str]:
    """Runs that are known otherwise than their files are now.

    In a large folder those are looked at that have no end yet, and files that were no run.
    """
    (count,) = database.execute("SELECT count(*) FROM runs").fetchone()
    which = "1" if count <= SMALL else "status IN ('', 'cut off', 'damaged')"
    found = set()
    for name, *marks in database.execute(
        f"SELECT name, inode, size, modified FROM runs WHERE {which}"
    ):
        name = os.fsdecode(name)
        with suppress(OSError):
            if marks[-1] < 0 or _marks(root / name) != tuple(marks):
                found.add(name)
    return found


def _prepare(database: sqlite3.Connection) -> None:
    """Make the table of an index that is new, or of another version."""
    if database.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
        return
    database.execute("BEGIN IMMEDIATE")  # one of several makes it
    try:
        if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            database.execute("DROP TABLE IF EXISTS runs")
            for statement in _TABLE.strip().split(";"):
                database.execute(statement)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def _made(where: str) -> sqlite3.Connection:
    database = sqlite3.connect(where, isolation_level=None)
    _prepare(database)
    return database


def _write(
    database: sqlite3.Connection,
    rows: list[Any],
    gone: Iterable[str] = (),
    seen: tuple[int, int] | None = None,
) -> None:
    marks = ", ".join("?" * (len(_COLUMNS) + 3))
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany(f"INSERT OR REPLACE INTO runs VALUES ({marks})", rows)
        database.executemany(
            "DELETE FROM runs WHERE name = ?", [(os.fsencode(name),) for name in gone]
        )
        database.execute("DELETE FROM seen")
        if seen is not None:
            database.execute("INSERT INTO seen VALUES (?, ?)", seen)
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _rows(database: sqlite3.Connection, rest: str, values: Iterable[Any]) -> list[Entry]:
    asked = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE {rest}"
    found = database.execute(asked, tuple(values))
    return [Entry(os.fsdecode(name), *row) for name, *row in found]


def _where(which: Filter) -> tuple[str, list[Any]]:
    """A condition and its values; nothing of what is asked for becomes part of a statement."""
    conditions, values = ["1"], []
    for column, sign, value in (
        ("plan", "=", which.plan),
        ("time", ">=", which.since),
        ("time", "<", which.until),
        ("status", "=", which.status),
        ("campaign", "=", which.campaign),
    ):
        if value is not None:
            conditions.append(f"{column} {sign} ?")
            values.append(value)
    if which.text is not None:
        conditions.append("instr(text, ?) > 0")
        values.append(which.text.casefold())
    return " AND ".join(conditions), values


def _listed(root: Path) -> dict[str, int]:
    """Each file that is named like a run, and its number in the folder."""
    from cryohalo.catalog.writer import SUFFIX
    from instruments.foreign_files import reason

    try:
        with os.scandir(root) as entries:
            return {e.name: e.inode() for e in entries if e.name.endswith(SUFFIX)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise CatalogError(f"catalog {escaped(root)}: {why}") from error


def cache_folder() -> Path:
    """Where indexes are kept: of the user alone, as the system's habits have it."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "cryohalo" / "catalogs"


def _key(root: Path) -> str:
    return hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
