"""What the services do now, with the memory and the time that each has taken."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import psutil

from cryohalo.configuration import Found
from cryohalo.control_room.folder import StateFolder
from cryohalo.sharing.health import HEALTH, Health

__all__ = ["lines", "rows"]

_MB: Final = 1e6


def rows(found: Found) -> list[dict[str, Any]]:
    """One row per service; none if no supervisor keeps them.

    ``memory_mb`` and ``cpu_s`` are those of its process and of what that has started; ``health``
    is what Tiled's forwarder says of itself.
    """
    folder = StateFolder(found.values.state_dir)
    report = folder.report()
    if report is None or folder.supervisor() is None:
        return []
    now = time.time()
    return [
        {
            **asdict(service),
            "for_s": now - service.since,
            **_usage(service.pid),
            "health": _health(found) if service.name == "tiled" else "",
        }
        for service in report.services
    ]


def lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same for a terminal."""
    for row in found:
        usage = f"{row['memory_mb']:.0f} MB" if row["memory_mb"] is not None else ""
        again = f"started {row['starts']} times" if row["starts"] > 1 else ""
        for_s = _duration(row["for_s"])
        words = row["said"] if row["state"] != "ready" else row["health"]
        fields = (row["name"], row["state"], f"for {for_s}", row["address"], usage, again, words)
        yield "  ".join(field for field in fields if field)


def _health(found: Found) -> str:
    """How far Tiled is behind the catalog's folder."""
    health = Health.read(found.values.tiled_folder / HEALTH)
    return "" if health is None else health.words


def _usage(pid: int | None) -> dict[str, float | None]:
    if pid is not None:
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            times = [one.cpu_times() for one in family]
            return {
                "memory_mb": sum(one.memory_info().rss for one in family) / _MB,
                "cpu_s": sum(one.user + one.system for one in times),
            }
        except psutil.Error:
            pass
    return {"memory_mb": None, "cpu_s": None}


def _duration(seconds: float) -> str:
    for name, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} s"
