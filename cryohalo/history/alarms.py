"""The log of alarms: each is one line from its rise to its end, until somebody has seen it.

An alarm begins when a variable's severity leaves "none", takes on the worst that follows, and ends
when it is none again. It stays in the list until it has ended and was acknowledged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryohalo.history.store import LOST, HistoryError, Reader, Sample, Store, Value
from pvdb.records import Status

__all__ = [
    "Alarm",
    "AlarmLog",
    "Latched",
    "acknowledge",
    "acknowledge_latched",
    "alarms",
    "latched",
    "severity_name",
    "status_name",
]

SEVERITIES: Final = ("none", "minor", "major", "invalid", "lost")
#: Never measured yet: nothing is wrong with that.
UNDEFINED: Final = int(Status.UDF)


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        id: Its number.
        name: The variable; of a lost IOC its heartbeat.
        began_us: When, microseconds of the epoch.
        severity: The worst that it had.
        status: The kind that it had then.
        value: The value that it had then.
        ended_us: When it was none again; None while it lasts.
        acknowledged_us: When somebody said to have seen it.
        who: Who did.
    """

    id: int
    name: str
    began_us: int
    severity: int
    status: int
    value: Value
    ended_us: int | None
    acknowledged_us: int | None
    who: str | None


@dataclass(frozen=True)
class Latched:
    """All alarms of one variable that last or that nobody has acknowledged, as one line.

    Attributes:
        name: The variable.
        newest: The number of its newest alarm.
        severity: The worst that there was.
        began_us: When the first began, microseconds of the epoch.
        ended_us: When the last ended, None while it lasts.
        unseen: How many were not acknowledged.
        who: Who acknowledged the newest, "" for nobody.
    """

    name: str
    newest: int
    severity: int
    began_us: int = 0
    ended_us: int | None = None
    unseen: int = 0
    who: str = ""


class AlarmLog:
    """Follows severities, in the writer's transaction.

    Args:
        store: Where alarms are written; those that last go on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = store.connection.execute("SELECT name, id, severity FROM alarm WHERE ended IS NULL")
        self._lasting: dict[str, tuple[int, int]] = {n: (i, s) for n, i, s in rows}

    def follow(self, samples: Iterable[Sample]) -> None:
        """Take note of samples, in the order in which they came."""
        for sample in samples:
            severity = 0 if sample.status == UNDEFINED else sample.severity
            lasting = self._lasting.get(sample.name)
            if lasting is None and severity:
                self._begin(sample, severity)
            elif lasting is not None and not severity:
                self._end(sample, lasting[0])
            elif lasting is not None and severity > lasting[1]:
                self._worsen(sample, severity, lasting[0])

    def _begin(self, sample: Sample, severity: int) -> None:
        cursor = self._store.connection.execute(
            "INSERT INTO alarm (name, began, severity, status, value) VALUES (?, ?, ?, ?, ?)",
            (sample.name, sample.time_us, severity, sample.status, sample.value),
        )
        assert cursor.lastrowid is not None
        self._lasting[sample.name] = (cursor.lastrowid, severity)

    def _end(self, sample: Sample, number: int) -> None:
        del self._lasting[sample.name]
        self._store.connection.execute(
            "UPDATE alarm SET ended = ? WHERE id = ?", (sample.time_us, number)
        )

    def _worsen(self, sample: Sample, severity: int, number: int) -> None:
        """Worse than what was seen: it is to be acknowledged anew."""
        self._lasting[sample.name] = (number, severity)
        self._store.connection.execute(
            "UPDATE alarm SET severity = ?, status = ?, value = ?, acknowledged = NULL, who = NULL "
            "WHERE id = ?",
            (severity, sample.status, sample.value, number),
        )


def alarms(reader: Reader, since_us: int | None = None) -> list[Alarm]:
    """Those that last or wait to be acknowledged, or all since a time; the oldest first."""
    what = "id, name, began, severity, status, value, ended, acknowledged, who"
    if since_us is None:
        rows = reader.connection.execute(
            f"SELECT {what} FROM alarm WHERE ended IS NULL OR acknowledged IS NULL ORDER BY began"
        )
    else:
        rows = reader.connection.execute(
            f"SELECT {what} FROM alarm WHERE began >= ? OR ended >= ? ORDER BY began",
            (since_us, since_us),
        )
    return [Alarm(*row) for row in rows]


def latched(reader: Reader, prefix: str) -> list[Latched]:
    """The alarms of an instrument by variable, the worst first; what comes and goes is one line."""
    rows = reader.connection.execute(
        "SELECT name, max(id), max(severity), min(began), CASE WHEN max(ended IS NULL) THEN NULL "
        # With max(id), other columns are those of the row that has it: https://sqlite.org/lang_select.html
        "ELSE max(ended) END, sum(acknowledged IS NULL), ifnull(who, '') FROM alarm "
        "WHERE (ended IS NULL OR acknowledged IS NULL) AND substr(name, 1, ?) = ? "
        "GROUP BY name ORDER BY max(severity) DESC, name",
        (len(prefix), prefix),
    )
    return [Latched(*row) for row in rows]


def acknowledge(path: Path, which: Sequence[int] | None, who: str, now_us: int) -> int:
    """Say that alarms were seen, from any process.

    Args:
        path: The history.
        which: Their numbers; None for all.
        who: Who says so.
        now_us: When.

    Returns:
        How many had not been acknowledged.

    Raises:
        HistoryError: There is no such alarm, or the history cannot be written.
    """

    def write(execute: _Execute) -> int:
        known = {row[0] for row in execute("SELECT id FROM alarm", ())}
        if unknown := sorted(set(which or ()) - known):
            raise HistoryError(f"there is no alarm {unknown[0]}")
        return sum(
            execute(f"{_SEEN} AND id = ?", (now_us, who, number)).rowcount
            for number in sorted(known if which is None else set(which))
        )

    return _written(path, write)


def acknowledge_latched(
    path: Path, prefix: str, seen: Iterable[Latched], who: str, now_us: int
) -> int:
    """Say that what stood in these lines was seen: no newer alarm, and none that grew worse since.

    Args:
        path: The history.
        prefix: Of the instrument.
        seen: Lines of ``latched`` with names without the prefix; of them name, newest, severity.
        who: Who says so.
        now_us: When.

    Returns:
        Of how many variables alarms had not been acknowledged.

    Raises:
        HistoryError: The history cannot be written.
    """

    def write(execute: _Execute) -> int:
        one = f"{_SEEN} AND name = ? AND id <= ? AND severity <= ?"
        told = ((now_us, who, prefix + s.name, s.newest, s.severity) for s in seen)
        return sum(execute(one, values).rowcount > 0 for values in told)

    return _written(path, write)


_Execute = Callable[[str, tuple[Any, ...]], sqlite3.Cursor]
_SEEN: Final = "UPDATE alarm SET acknowledged = ?, who = ? WHERE acknowledged IS NULL"


def _written(path: Path, write: Callable[[_Execute], int]) -> int:
    """Write into a history that is there, from any process."""
    if not path.exists():
        raise HistoryError(f"{path}: no history")
    store = Store(path)
    try:
        return write(store.connection.execute)
    except sqlite3.Error as error:
        raise HistoryError(f"{path}: {error}") from None
    finally:
        store.close()


def severity_name(severity: int) -> str:
    """The severity in a word."""
    return SEVERITIES[severity] if 0 <= severity <= LOST else str(severity)


def status_name(status: int) -> str:
    """The kind of alarm in a word."""
    try:
        return "" if not status else Status(status).name.lower()
    except ValueError:
        return str(status)
