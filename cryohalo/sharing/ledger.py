"""What has been delivered to which server: an SQLite file that outlives the forwarder.

It is told after the server has been. A kill in between has the same bytes delivered once more, to
the same place.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryohalo.errors import CatalogError

__all__ = ["DONE", "NONE", "Ledger", "Row"]

#: Of the view: not there, or not whole; there. Anything else says why it cannot be.
NONE: Final = ""
DONE: Final = "done"
_VERSION: Final = 1
_BUSY_S: Final = 10.0
_TABLE: Final = f"""
CREATE TABLE delivered (
    server TEXT, uid TEXT, bytes INTEGER, ended INTEGER, view TEXT, PRIMARY KEY (server, uid)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True)
class Row:
    """What has been delivered of one run.

    Attributes:
        bytes: Of its file, from the beginning.
        ended: Whether nothing more will come: it has its stop document, or goes no further.
        view: ``NONE``, ``DONE`` or why Tiled's own form of it cannot be.
    """

    bytes: int = 0
    ended: bool = False
    view: str = NONE

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be done."""
        return self.ended and self.view != NONE


class Ledger:
    """Rows by run, for one server.

    Args:
        file: The SQLite file; made where it is not there, and anew where it is damaged or of
            another version: then all is delivered once more.
        identity: Of the server's store.

    Raises:
        CatalogError: It cannot be made.
    """

    def __init__(self, file: Path, identity: str) -> None:
        self._file, self._identity = file, identity
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._database = _opened(file)
        except (OSError, sqlite3.Error) as error:
            raise CatalogError(f"{file}: {error}") from error

    def row(self, uid: str) -> Row:
        """What has been delivered of a run."""
        found = self._database.execute(
            "SELECT bytes, ended, view FROM delivered WHERE server = ? AND uid = ?",
            (self._identity, uid),
        ).fetchone()
        return Row() if found is None else Row(found[0], bool(found[1]), found[2])

    def put(self, uid: str, row: Row) -> None:
        """Note what has been delivered of a run."""
        values = (self._identity, uid, row.bytes, row.ended, row.view)
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?, ?)", values
            )

    def whole(self) -> set[str]:
        """The runs of which nothing is left to be done."""
        rows = self._database.execute(
            "SELECT uid FROM delivered WHERE server = ? AND ended AND view != ''", (self._identity,)
        )
        return {uid for (uid,) in rows}

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(file: Path) -> sqlite3.Connection:
    try:
        database = _connected(file)
        known = database.execute("PRAGMA user_version").fetchone()[0] == _VERSION
        if known and database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
            return database
        database.close()
    except sqlite3.OperationalError:  # in use, or not to be opened
        raise
    except sqlite3.DatabaseError:  # damaged
        pass
    for end in ("", "-journal", "-wal", "-shm"):
        Path(f"{file}{end}").unlink(missing_ok=True)
    with closing(_connected(file)) as database:
        database.executescript(_TABLE)
    return _connected(file)


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=_BUSY_S, check_same_thread=False)
