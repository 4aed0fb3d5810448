"""Results of rooms as files: found again by what decides them, so that an interrupted run goes on.

A result belongs to one state of the code that its room rests on, of NumPy and SciPy, of the claims
that are asked of it, and to one set of settings. Where any of it has changed, it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from cryohalo.reproduction.finding import Finding
from cryohalo.reproduction.papers import all_claims
from cryohalo.reproduction.rooms import Room
from cryohalo.reproduction.work import FIGURES, Drawn, Settings
from instruments.whole_files import replacing

__all__ = ["Kept", "Result", "fingerprint"]

_ROOT: Final = Path(__file__).parents[2]
_SUFFIXES: Final = frozenset({".py", ".toml", ".npz", ".csv", ".txt"})
#: Of a file that is shared by all rooms: it says what a finding is.
_SHARED: Final = ("finding.py", "work.py", "shared")
_LIBRARIES: Final = ("numpy", "scipy", "numba")


@dataclass(frozen=True)
class Result:
    """What a room has given.

    Attributes:
        room: Its name.
        fingerprint: Of what decided it.
        settings: Its settings, as plain values.
        findings: By claim.
        drawn: Its figures.
        seconds: How long it took.
        began: When, ISO 8601 in UTC.
        software: The version that made it.
        error: Why there is none; empty if there is.
        left_out: Claims that its settings leave out, and why.
    """

    room: str
    fingerprint: str
    settings: dict[str, Any]
    findings: dict[str, Finding]
    drawn: tuple[Drawn, ...]
    seconds: float
    began: str
    software: str
    error: str = ""
    left_out: dict[str, str] = field(default_factory=dict)

    def recorded(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        plain = asdict(self)
        plain["drawn"] = [asdict(one) for one in self.drawn]
        return plain

    @classmethod
    def of(cls, recorded: dict[str, Any]) -> Result:
        """From ``recorded``.

        Raises:
            KeyError: Something is missing.
            TypeError: Something is not known.
            ValueError: A number is none.
        """
        told = dict(recorded)
        told["findings"] = {name: Finding.of(one) for name, one in told["findings"].items()}
        told["drawn"] = tuple(
            Drawn(one["name"], one["caption"], tuple(one["claims"])) for one in told["drawn"]
        )
        return cls(**told)


def fingerprint(room: Room, settings: Settings) -> str:
    """Sixteen hexadecimal digits that change with anything that changes a room's result."""
    own = Path(__file__).parent
    module = own / "computations" / f"{room.module.rpartition('.')[2]}.py"
    shared = [own / name for name in _SHARED]
    parts = [_ROOT / package for package in room.rests_on]
    libraries = {name: version(name) for name in _LIBRARIES}
    told = [
        room.name, settings.recorded(), platform.python_version(), libraries, _asked_of(room),
        [_hash_of(path) for path in (module, *shared, *parts)],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _asked_of(room: Room) -> list[tuple[str, float, float]]:
    """The claims that the room answers, and the papers' numbers, of which computations take some.

    Tolerances are not in it: another one judges the same result anew.
    """
    return [(c.name, c.low, c.high) for c in all_claims() if c.tested or c.room == room.name]


@cache
def _hash_of(path: Path) -> str:
    """Of a file, or of all files in a folder that decide what it does."""
    found = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            found.update(str(file.relative_to(path.parent)).encode())
            found.update(file.read_bytes())
    return found.hexdigest()


class Kept:
    """The results in a folder.

    Args:
        output: Of the reproduction; results are in its ``results``.
        settings: Only results of these are found.
    """

    def __init__(self, output: Path, settings: Settings) -> None:
        self.output, self.settings = output, settings

    def path(self, room: Room) -> Path:
        """Where a room's result is kept; quick ones apart."""
        kind = "quick" if self.settings.quick else "full"
        return self.output / "results" / kind / f"{room.name}.json"

    def work_folder(self, room: Room) -> Path:
        """Where a room keeps what it goes on from."""
        return self.output / "work" / f"{room.name}-{fingerprint(room, self.settings)}"

    def find(self, room: Room) -> Result | None:
        """The result that holds still, figures included; None where it is to be made."""
        try:
            recorded = json.loads(self.path(room).read_text("utf-8"))
            result = Result.of(recorded)
        except (OSError, ValueError, KeyError, TypeError):  # none, half of one, or another's
            return None
        if result.error or result.fingerprint != fingerprint(room, self.settings):
            return None
        figures = self.output / FIGURES
        drawn = all((figures / f"{one.name}.svg").is_file() for one in result.drawn)
        return result if drawn else None

    def keep(self, room: Room, result: Result) -> None:
        """Write a result, whole or not at all; what it went on from is no longer needed."""
        path = self.path(room)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(json.dumps(result.recorded(), indent=1) + "\n", "utf-8")
        if not result.error:
            shutil.rmtree(self.work_folder(room), ignore_errors=True)
