"""Samples and alarms in SQLite, in WAL mode: one process writes, others read meanwhile.

A sample is found by variable and time, so that an hour of one is read without the rest. What is
committed survives the process; a power cut may take the last commits along, and damages nothing
(``synchronous = NORMAL``, https://sqlite.org/pragma.html).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LOST", "MICRO", "Gap", "HistoryError", "Properties", "Sample", "Store", "read_only"]

#: Microseconds in a second: times are whole numbers of them since the epoch.
MICRO: Final = 1_000_000
#: The severity of a sample that says that nobody serves the variable any more.
LOST: Final = 4
FORMAT: Final = 1
#: How long to wait for another process that writes (an acknowledgement), seconds.
_BUSY_S: Final = 10.0

_SCHEMA: Final = """
CREATE TABLE variable (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, properties TEXT NOT NULL
);
CREATE TABLE sample (
  variable INTEGER NOT NULL, time INTEGER NOT NULL, value, severity INTEGER NOT NULL,
  status INTEGER NOT NULL, PRIMARY KEY (variable, time)
) WITHOUT ROWID;
CREATE TABLE recording (began INTEGER PRIMARY KEY, until INTEGER NOT NULL);
CREATE TABLE alarm (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, began INTEGER NOT NULL, severity INTEGER NOT NULL,
  status INTEGER NOT NULL, value, ended INTEGER, acknowledged INTEGER, who TEXT
);
CREATE INDEX open_alarms ON alarm (ended, acknowledged);
"""


class HistoryError(ValueError):
    """A history that cannot be read or written; the message says which and why."""


Value = float | int | str | None


@dataclass(frozen=True)
class Sample:
    """One value at one time.

    Attributes:
        name: The variable.
        time_us: When, microseconds of the epoch.
        value: A number, the number of a state, a text; None if there is none (lost, NaN).
        severity: 0 to 3 as EPICS has them; 4: nobody serves it.
        status: The kind of alarm, as EPICS counts them.
    """

    name: str
    time_us: int
    value: Value
    severity: int = 0
    status: int = 0


@dataclass(frozen=True)
class Properties:
    """What a variable is: units, digits, names of states."""

    units: str = ""
    precision: int = 3
    states: Sequence[str] = ()


@dataclass(frozen=True)
class Gap:
    """A time in which nothing was recorded, microseconds of the epoch."""

    began_us: int
    until_us: int


class Store:
    """The one writer's view of a history.

    Args:
        path: The file; made if absent.

    Raises:
        HistoryError: It is no history of ours, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The recorder opens it, and writes in another thread, one at a time.
            self.connection = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise HistoryError(f"{path}: {error}") from None
        rows = self.connection.execute("SELECT name, id FROM variable")
        self._ids: dict[str, int] = dict(rows.fetchall())
        self._began_us = 0

    def _prepare(self) -> None:
        execute = self.connection.execute
        (version,) = execute("PRAGMA user_version").fetchone()
        if version == 0:
            execute("PRAGMA auto_vacuum = INCREMENTAL")
            execute("PRAGMA journal_mode = WAL")
            self.connection.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;"
            )
        _check(self.path, self.connection)
        execute("PRAGMA synchronous = NORMAL")

    def name(self, name: str, kind: str) -> None:
        """Take up a variable of which nothing else is known yet."""
        if name not in self._ids:
            self.describe(name, kind, Properties())

    def describe(self, name: str, kind: str, properties: Properties) -> None:
        """Say what a variable is; ``kind`` is ``number``, ``state`` or ``text``."""
        text = json.dumps([properties.units, properties.precision, list(properties.states)])
        self.connection.execute(
            "INSERT INTO variable (name, kind, properties) VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET kind = excluded.kind, properties = excluded.properties",
            (name, kind, text),
        )
        (row,) = self.connection.execute("SELECT id FROM variable WHERE name = ?", (name,))
        self._ids[name] = row[0]

    def begin(self, now_us: int) -> None:
        """Recording begins."""
        self._began_us = now_us
        self.connection.execute("INSERT OR REPLACE INTO recording VALUES (?, ?)", (now_us, now_us))

    def write(self, samples: Iterable[Sample], now_us: int) -> int:
        """Write samples in one transaction, and that recording went on until now.

        One that is there already (the value that a variable had at the last connection) is not
        written twice.

        Returns:
            How many were new.
        """
        rows = [(self._ids[s.name], s.time_us, s.value, s.severity, s.status) for s in samples]
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            before = self.connection.total_changes
            self.connection.executemany("INSERT OR IGNORE INTO sample VALUES (?, ?, ?, ?, ?)", rows)
            new = self.connection.total_changes - before
            execute("UPDATE recording SET until = ? WHERE began = ?", (now_us, self._began_us))
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise
        return new

    def last_times(self) -> dict[str, int]:
        """The newest time of each variable that has any."""
        found = {}
        for name, number in self._ids.items():
            (newest,) = self.connection.execute(
                "SELECT max(time) FROM sample WHERE variable = ?", (number,)
            ).fetchone()
            if newest is not None:
                found[name] = newest
        return found

    def forget(self, before_us: int) -> int:
        """Delete samples older than that, but for the last of each, which tells the value then.

        Returns:
            How many were deleted. Each variable is a transaction of its own.
        """
        deleted = 0
        for number in self._ids.values():
            deleted += self.connection.execute(
                "DELETE FROM sample WHERE variable = ? AND time < (SELECT max(time) FROM sample "
                "WHERE variable = ? AND time <= ?)",
                (number, number, before_us),
            ).rowcount
        self.connection.execute("DELETE FROM recording WHERE until < ?", (before_us,))
        self.connection.execute(
            "DELETE FROM alarm WHERE ended < ? AND acknowledged IS NOT NULL", (before_us,)
        )
        self.connection.execute("PRAGMA incremental_vacuum").fetchall()
        return deleted

    def close(self) -> None:
        """Close the file; what the log holds goes into it."""
        self.connection.close()


class Reader:
    """A history that is only read; for one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise HistoryError(f"{path}: no history; cryohalo up records one")
        try:
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S
            )
            _check(path, self.connection)
        except sqlite3.Error as error:
            raise HistoryError(f"{path}: {error}") from None

    def names(self) -> list[str]:
        """All variables, sorted."""
        return [row[0] for row in self.connection.execute("SELECT name FROM variable ORDER BY 1")]

    def properties(self, name: str) -> tuple[str, Properties]:
        """Kind and properties of a variable.

        Raises:
            HistoryError: It is not recorded.
        """
        row = self.connection.execute(
            "SELECT kind, properties FROM variable WHERE name = ?", (name,)
        ).fetchone()
        if row is None:
            raise HistoryError(f"{name} is not recorded in {self.path}")
        units, precision, states = json.loads(row[1])
        return row[0], Properties(units, precision, states)

    def samples(self, name: str, begin_us: int, end_us: int) -> Iterator[Sample]:
        """Samples from ``begin_us`` to ``end_us``, after the last one before: the value then."""
        rows = self.connection.execute(
            "SELECT time, value, severity, status FROM sample JOIN variable ON variable.id = "
            "sample.variable WHERE name = ? AND time <= ? AND time >= ifnull((SELECT max(time) "
            "FROM sample AS s WHERE s.variable = variable.id AND s.time <= ?), ?) ORDER BY time",
            (name, end_us, begin_us, begin_us),
        )
        for time_us, value, severity, status in rows:
            yield Sample(name, time_us, value, severity, status)

    def gaps(self, begin_us: int, end_us: int) -> list[Gap]:
        """The times between ``begin_us`` and ``end_us`` in which nobody recorded."""
        rows = self.connection.execute(
            "SELECT began, until FROM recording WHERE until >= ? AND began <= ? ORDER BY began",
            (begin_us, end_us),
        )
        found, until_us = [], begin_us
        for began, end in rows:
            if began > until_us:
                found.append(Gap(until_us, began))
            until_us = max(until_us, end)
        return found

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def read_only(path: Path) -> closing[Reader]:
    """A reader for a ``with`` statement.

    Raises:
        HistoryError: There is no history, or none of ours.
    """
    return closing(Reader(path))


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != FORMAT:
        raise HistoryError(f"{path}: a history of format {version}, this release knows {FORMAT}")
