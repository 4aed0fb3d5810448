"""Evaluated points on disk: an interrupted study goes on, one that is repeated ends at once.

One line of JSON for each point, in the order they were finished. A point belongs to the machine
(its digest), to what was asked of it, and to the physics: a digest of all sources of ``amrr`` but
the studies themselves. Lines of other physics stay, and are not used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import amrr
from amrr.design.points import Failure, Point
from instruments.foreign_files import read_bounded

log = logging.getLogger("cryohalo.amrr")

#: Rooms whose sources do not change what a machine does.
_STUDIES: Final = ("design", "studies")
MAX_BYTES: Final = 200_000_000


@dataclass(frozen=True)
class Outcome:
    """What became of one evaluation.

    Attributes:
        power_w: Cooling power at the study's temperature; NaN where it failed.
        point: The nearest periodic state; None where it failed.
        failure: Why it failed; None where it did not.
        message: The same in words.
    """

    power_w: float
    point: Point | None
    failure: Failure | None = None
    message: str = ""


@cache
def physics_digest() -> str:
    """Digest of what decides what a machine does: the sources of ``amrr`` without its studies."""
    root = Path(amrr.__path__[0])
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in _STUDIES:
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Store:
    """Outcomes by key, in memory and, if there is a file, on disk.

    Args:
        path: The file; None keeps nothing beyond this process. Damaged lines of it are left out,
            and counted in the log.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is larger than 200 MB, or no text.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Outcome] = {}
        if path is not None and path.exists():
            self._load(read_bounded(path, MAX_BYTES).decode())
        elif path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        """Outcomes that it holds."""
        return len(self._known)

    def get(self, key: str) -> Outcome | None:
        """The outcome of a key, if there is one."""
        return self._known.get(key)

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome; its line is whole on disk, or the next reader leaves it out."""
        self._known[key] = outcome
        if self._path is None:
            return
        # A line that a crash has left without its end must not swallow this one.
        with self._path.open("a+b") as file:
            if file.tell() and not _ends_a_line(file):
                file.write(b"\n")
            file.write(json.dumps({"key": key, **_plain(outcome)}).encode() + b"\n")

    def _load(self, text: str) -> None:
        damaged = 0
        for line in text.splitlines():
            try:
                row = json.loads(line)
                self._known[str(row.pop("key"))] = _outcome(row)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                damaged += 1
        if damaged:
            log.warning("%s: %d damaged lines are left out", self._path, damaged)


def key(digest: str, question: str) -> str:
    """Of a machine (its digest) and what is asked of it, with the present physics."""
    return f"{digest}/{question}/{physics_digest()}"


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, 2)
    return bool(file.read(1) == b"\n")


def _plain(outcome: Outcome) -> dict[str, Any]:
    point = None if outcome.point is None else asdict(outcome.point)
    power = None if math.isnan(outcome.power_w) else outcome.power_w
    return {
        "power_w": power,
        "point": point,
        "failure": outcome.failure,
        "message": outcome.message,
    }


def _outcome(row: dict[str, Any]) -> Outcome:
    failure = None if row["failure"] is None else Failure(row["failure"])
    point = None if row["point"] is None else _point(row["point"])
    power = math.nan if row["power_w"] is None else float(row["power_w"])
    if (failure is None) is not (point is not None and math.isfinite(power)):
        raise ValueError("neither a point nor a failure")
    return Outcome(power, point, failure, str(row["message"]))


def _point(row: dict[str, Any]) -> Point:
    warnings = tuple(str(w) for w in row.pop("warnings"))
    numbers = {f.name: float(row[f.name]) for f in fields(Point) if f.name != "warnings"}
    if not all(map(math.isfinite, numbers.values())):
        raise ValueError("a number of the point is none")
    return Point(**numbers, warnings=warnings)
