"""What was measured, in a file: point by point, so that nothing is measured twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["Kept"]


class Kept:
    """Points by axis and size.

    Args:
        file: JSON; made with the first point.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._axes: dict[str, dict[str, Any]] = {}
        if file.exists():
            self._axes = json.loads(file.read_text("utf-8"))["axes"]

    def has(self, axis: str, size: int) -> bool:
        """Whether this point was measured."""
        return str(size) in self._axes.get(axis, {})

    def keep(self, axis: str, size: int, point: dict[str, Any]) -> None:
        """Keep a point: ``values``, ``date``, ``version``, ``machine``."""
        self._axes.setdefault(axis, {})[str(size)] = point
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"axes": self._axes}, indent=1) + "\n", "utf-8")
        part.replace(self._file)

    def points(self, axis: str) -> dict[int, dict[str, Any]]:
        """All of an axis, by size."""
        found = self._axes.get(axis, {})
        return {int(size): found[size] for size in sorted(found, key=int)}

    def series(self, axis: str, quantity: str) -> dict[int, float]:
        """One quantity of an axis, by size."""
        return {
            size: point["values"][quantity]
            for size, point in self.points(axis).items()
            if quantity in point["values"]
        }
