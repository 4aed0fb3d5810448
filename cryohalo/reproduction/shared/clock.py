"""An instrument's clock held: simulated time passes only where a plan asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator

__all__ = ["clock_held"]


def clock_held(sim: Any, plan: MsgGenerator[Any]) -> MsgGenerator[Any]:
    """A plan with the clock held, which goes on afterwards whatever ended the plan.

    Args:
        sim: The instrument's clock, a ``devices.parts.clock.InstrumentClock``.
        plan: Advances the clock as it likes.

    Returns:
        What the plan returns.
    """
    import bluesky.plan_stubs as bps
    import bluesky.preprocessors as bpp

    def held() -> MsgGenerator[Any]:
        yield from bps.abs_set(sim.paused, "Yes", wait=True)
        return (yield from plan)

    def go_on() -> MsgGenerator[None]:
        yield from bps.abs_set(sim.paused, "No", wait=True)

    return (yield from bpp.finalize_wrapper(held(), go_on))
