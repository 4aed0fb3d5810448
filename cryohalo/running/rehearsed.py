"""What a plan would do, in words, before anything moves."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bluesky.utils import MsgGenerator

from cryohalo.live.numbers import duration
from instruments.printable import escaped

__all__ = ["Rehearsed", "rehearsed"]

#: Messages that are told of, and what of each.
_TOLD = {"set": "settings and moves", "trigger": "acquisitions", "open_run": "runs"}


@dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal found.

    Attributes:
        lines: In words: what the plan takes, what it does.
        wall_s: How long it takes if all goes well, wall seconds; None where nobody knows.
    """

    lines: list[str]
    wall_s: float | None = None


def rehearsed(plan: MsgGenerator[Any], instrument: Any) -> Rehearsed:
    """Run a plan dry and tell what it would do.

    Args:
        plan: The plan; it is used up.
        instrument: The device it is for, connected: its limits count.

    Raises:
        ValueError, LimitError: What the plan or a device refuses.
    """
    from plans.shared.rehearsal import rehearse

    estimate = rehearse(plan, instrument)
    counts = Counter(message.command for message in estimate.messages)
    does = [f"{counts[command]} {what}" for command, what in _TOLD.items() if counts[command]]
    seconds = estimate.duration_s
    took = f"{duration(seconds)} of the instrument's time" if math.isfinite(seconds) else "?"
    lines = [f"rehearsed: {took}, {estimate.events} events; {', '.join(does) or 'nothing moves'}"]
    speed = _speed(instrument)
    if seconds and speed not in (0.0, 1.0):
        lines.append(f"at {speed:g} times real time that is {duration(seconds / speed)}")
    lines += [
        f"  {escaped(name)} {low} to {high}" for name, low, high in _ranges(estimate.messages)
    ]
    lines.append("every value is within its device's limits")
    known = seconds > 0.0 and math.isfinite(seconds) and speed > 0.0
    return Rehearsed(lines, seconds / speed if known else None)


def _speed(instrument: Any) -> float:
    try:
        return float(instrument.sim.speed_now())
    except Exception:  # one that is lost has none
        return 1.0


def _ranges(messages: list[Any]) -> list[tuple[str, str, str]]:
    """For each device that is moved, from where to where."""
    from cryohalo.live.numbers import format_of

    reached: dict[str, list[float]] = {}
    units: dict[str, str] = {}
    for message in messages:
        if message.command != "set" or not isinstance(message.args[0], int | float):
            continue
        name, egu = message.obj.name, getattr(message.obj, "egu", None)
        if egu:
            reached.setdefault(name, []).append(float(message.args[0]))
            units[name] = str(egu)
    told = []
    for name, values in reached.items():
        low, high = min(values), max(values)
        form = format_of(high, units[name])
        told.append((name, form(low), form.told(high)))
    return told
