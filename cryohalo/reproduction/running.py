"""Running rooms: two at a time, each a process of its own, with progress; what is kept is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from cryohalo.reproduction.kept import Kept, Result, fingerprint
from cryohalo.reproduction.rooms import Room

__all__ = ["Running", "run"]

#: Of a child's log, where it died without keeping a result.
_LAST_LINES: Final = 3
#: A thread of its own for each room's numbers: two rooms run side by side.
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

Progress = Callable[[int, int], None]


class Running:
    """How far a set of rooms is, by the time that each takes.

    Args:
        rooms: All of them.
        quick: By the times of quick settings.
        progress: Told hundredths of the work done, of 100.
    """

    def __init__(self, rooms: Sequence[Room], *, quick: bool, progress: Progress) -> None:
        self._seconds = {room.name: room.seconds[1 if quick else 0] for room in rooms}
        self._shares = dict.fromkeys(self._seconds, 0.0)
        self._progress, self._lock, self._told = progress, threading.Lock(), -1

    def at(self, room: Room, share: float) -> None:
        """A room has done this share of its work."""
        with self._lock:
            self._shares[room.name] = min(max(share, 0.0), 1.0)
            done = sum(self._seconds[name] * share for name, share in self._shares.items())
            percent = int(100.0 * done / sum(self._seconds.values()))
            if percent > self._told:
                self._told = percent
                self._progress(percent, 100)


def run(
    rooms: Sequence[Room],
    kept: Kept,
    *,
    anew: bool = False,
    workers: int = 2,
    progress: Progress = lambda done, total: None,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Result]:
    """Run what is not kept already.

    Args:
        rooms: Which; the longest begin first.
        kept: Where results are and go.
        anew: Run all of them.
        workers: Rooms at a time.
        progress: Told hundredths done, of 100.
        tell: Told in a line when a room has ended.

    Returns:
        Results by room; one that failed has its error.
    """
    running = Running(rooms, quick=kept.settings.quick, progress=progress)
    found: dict[str, Result] = {}
    for room in rooms:
        result = None if anew else kept.find(room)
        if result is not None:
            found[room.name] = result
            running.at(room, 1.0)
            tell(f"{room.name}: kept from {result.began}")
    left = [room for room in rooms if room.name not in found]
    left.sort(key=lambda room: -max(room.seconds))
    children = _Children()

    def one(room: Room) -> Result:
        # Another command in this folder may have made it meanwhile.
        made = None if anew else kept.find(room)
        if made is not None:
            running.at(room, 1.0)
            return made
        result = children.run(room, kept, running)
        if children.ended:
            return result
        how = f"failed, {result.error}" if result.error else f"done in {result.seconds:.0f} s"
        tell(f"{room.name}: {how}")
        return result

    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            for room, result in zip(left, pool.map(one, left), strict=True):
                found[room.name] = result
        except BaseException:  # Ctrl-C: children that run are ended, none begins
            pool.shutdown(wait=False, cancel_futures=True)
            children.end()
            raise
    return found


class _Children:
    """The processes that run."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self.ended = False

    def end(self) -> None:
        """Ask all of them to end."""
        self.ended = True
        for child in tuple(self._running):
            child.terminate()

    def run(self, room: Room, kept: Kept, running: Running) -> Result:
        """One room to its end."""
        if self.ended:
            return _failed(room, kept, "interrupted before it began")
        log = kept.output / "logs" / f"{room.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        before = kept.path(room)
        before.unlink(missing_ok=True)
        with log.open("w", encoding="utf-8") as errors:
            child = subprocess.Popen(
                _command(room, kept), stdout=subprocess.PIPE, stderr=errors, text=True,
                stdin=subprocess.DEVNULL, env={**os.environ, **_ONE_THREAD, **_path()},
            )  # fmt: skip
            self._running.add(child)
            try:
                assert child.stdout is not None
                with child.stdout as shares:
                    for line in shares:
                        running.at(room, float(line))
                code = child.wait()
            finally:
                self._running.discard(child)
        if not self.ended:
            running.at(room, 1.0)
        result = _read(room, kept)
        return result or _failed(room, kept, f"ended with code {code}: {_tail(log)}")


def _command(room: Room, kept: Kept) -> list[str]:
    given = ["--seed", str(kept.settings.seed), *(["--quick"] if kept.settings.quick else [])]
    module = "cryohalo.reproduction.room_process"
    return [sys.executable, "-m", module, room.name, str(kept.output), *given]


def _path() -> dict[str, str]:
    """A child imports what its parent does, wherever that was started."""
    root = str(Path(__file__).parents[2])
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (root, before)))}


def _read(room: Room, kept: Kept) -> Result | None:
    """What a child has just kept, failed or not."""
    import json

    try:
        return Result.of(json.loads(kept.path(room).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _failed(room: Room, kept: Kept, error: str) -> Result:
    settings = kept.settings
    return Result(
        room=room.name, fingerprint=fingerprint(room, settings), settings=settings.recorded(),
        findings={}, drawn=(), seconds=0.0, began="", software="", error=error,
    )  # fmt: skip


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return " | ".join(lines[-_LAST_LINES:])
