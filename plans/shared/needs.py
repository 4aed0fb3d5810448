"""What a plan needs of an instrument beyond the least set: stated beside it, demanded before it.

    @needs("antenna", "magnet.field.readback")
    def scan(haloscope, ...): ...

A part is named by its attributes. What is marked as optional below it is not needed with it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from bluesky.utils import MsgGenerator

from devices.hardware.absent import AbsentError
from devices.hardware.leaving_out import missing_for

__all__ = ["demand", "needs", "needs_of"]

P = ParamSpec("P")
T = TypeVar("T")

_PARTS = "needed_parts"


def needs(*parts: str) -> Callable[[Callable[P, MsgGenerator[T]]], Callable[P, MsgGenerator[T]]]:
    """Let a plan refuse, before its first message, an instrument that lacks a part it needs.

    Args:
        parts: Of the instrument, which is the plan's first argument.
    """

    def marked(plan: Callable[P, MsgGenerator[T]]) -> Callable[P, MsgGenerator[T]]:
        first = next(iter(inspect.signature(plan).parameters))

        @wraps(plan)
        def demanding(*args: P.args, **kwargs: P.kwargs) -> MsgGenerator[T]:
            instrument = args[0] if args else kwargs[first]
            demand(plan.__name__, instrument, parts)
            return (yield from plan(*args, **kwargs))

        vars(demanding)[_PARTS] = parts
        return demanding

    return marked


def needs_of(plan: Callable[..., Any]) -> tuple[str, ...]:
    """What a plan states that it needs."""
    found: tuple[str, ...] = vars(plan).get(_PARTS, ())
    return found


def demand(name: str, instrument: Any, parts: tuple[str, ...]) -> None:
    """Refuse an instrument that lacks a part.

    Args:
        name: Of the plan.
        instrument: The device.
        parts: That it needs.

    Raises:
        AbsentError: Names the plan and every PV that it needs and that there is not.
    """
    if missing := missing_for(instrument, parts):
        pvs = ", ".join(missing)
        raise AbsentError(f"{name} needs what {instrument.name} is without: {pvs}")
