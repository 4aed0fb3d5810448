"""Tables of what was measured, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.scale.axis import Axis
from benchmarks.scale.kept import Kept
from benchmarks.scale.registry import AXES
from benchmarks.scale.slopes import slope, steepest

__all__ = ["tables"]

#: An exponent that is above one by this, and by so many errors, is worse than linear.
ROOM, ERRORS = 0.1, 3.0


def tables(kept: Kept) -> str:
    """All axes that were measured: exponents first, then each axis by itself."""
    lines = [*_exponents(kept), ""]
    for axis in AXES.values():
        if kept.points(axis.name):
            lines += [*_axis(axis, kept), ""]
    lines += _measured_on(kept)
    return "\n".join(lines) + "\n"


def _exponents(kept: Kept) -> Iterator[str]:
    yield "| more and more | what | at the least | at the most | exponent | |"
    yield "|---|---|---|---|---|---|"
    for axis in AXES.values():
        for key, quantity in axis.quantities.items():
            points = kept.series(axis.name, key)
            if len(points) < 2:
                continue
            ends = [_with_unit(size, points[size], quantity.unit) for size in _ends(points)]
            cells = [axis.title, quantity.title, *ends, str(slope(points) or "-"), _verdict(points)]
            yield "| " + " | ".join(cells) + " |"


def _ends(points: dict[int, float]) -> tuple[int, int]:
    return min(points), max(points)


def _with_unit(size: int, value: float, unit: str) -> str:
    return f"{size}: {_number(value)} {unit}".rstrip()


def _verdict(points: dict[int, float]) -> str:
    """Whether it grows faster than its work, and where it is steepest."""
    found = slope(points)
    if found is None:
        return ""
    words = "flat" if abs(found.value) <= ROOM else ""
    if found.value > 1 + max(ROOM, ERRORS * found.error):
        a, b, value = steepest(points) or (0, 0, math.nan)
        words = f"**worse than linear**, steepest from {a} to {b} ({value:.2f})"
    return words


def _axis(axis: Axis, kept: Kept) -> Iterator[str]:
    points = kept.points(axis.name)
    keys = [key for key in axis.quantities if kept.series(axis.name, key)]
    yield f"## {axis.title[0].upper()}{axis.title[1:]}"
    yield ""
    yield axis.told
    yield ""
    heads = [f"{axis.quantities[key].title}, {axis.quantities[key].unit}" for key in keys]
    yield f"| {axis.name} | " + " | ".join(head.rstrip(", ") for head in heads) + " |"
    yield "|---" * (len(keys) + 1) + "|"
    for size, point in points.items():
        values = [point["values"].get(key) for key in keys]
        cells = ["" if value is None else _number(value) for value in values]
        yield f"| {size} | " + " | ".join(cells) + " |"
    slopes = [slope(kept.series(axis.name, key)) for key in keys]
    yield "| exponent | " + " | ".join(str(found or "-") for found in slopes) + " |"
    yield ""
    yield f"*Where it bends and why.* {_bend(axis, kept)}{axis.why}"
    missing = [size for size in (*axis.sizes, *axis.large) if size not in points]
    if missing:
        yield ""
        yield f"Not measured: {', '.join(map(str, missing))}."


def _bend(axis: Axis, kept: Kept) -> str:
    """Where the first time of an axis grows fastest, in numbers."""
    key = next(key for key, quantity in axis.quantities.items() if quantity.kind == "time")
    found = steepest(kept.series(axis.name, key))
    if found is None:
        return ""
    a, b, value = found
    title = axis.quantities[key].title
    return f"“{title}” is steepest from {a} to {b}, with an exponent of {value:.2f}. "


def _number(value: float) -> str:
    """Three digits."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}" if digits <= 6 else f"{value:.2g}"


def _measured_on(kept: Kept) -> Iterator[str]:
    """On what, when and how fast it was."""
    points = [point for name in AXES for point in kept.points(name).values()]
    if not points:
        return
    points.sort(key=lambda point: point["date"])
    first, last = points[0], points[-1]
    versions = ", ".join(sorted({point["version"] for point in points}))
    loop, normal, load = (
        " to ".join(
            f"{extreme(point[key] for point in points):.{digits}f}" for extreme in (min, max)
        )
        for key, digits in (("loop_ns", 0), ("normals_ns", 1), ("load", 1))
    )
    yield (
        f"Measured from {first['date']} to {last['date']} at version {versions}, Python "
        f"{last['python']}, on {last['cores']} cores of {last['processor']}. Right after each "
        f"point a turn of a plain Python loop took {loop} ns and a normal number of NumPy's "
        f"generator {normal} ns; the load was {load}."
    )
