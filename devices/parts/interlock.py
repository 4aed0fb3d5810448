"""An instrument's interlock as operators see it: active or not, why, and its reset."""

from __future__ import annotations

from ophyd import Device

from devices.hardware.optional import optional
from devices.signals.reading import readback
from devices.signals.settable import command

__all__ = ["InterlockStatus"]


class InterlockStatus(Device):
    """The interlock, its reasons in words, and the reset of those that are latched.

    A reset forgets the latched reasons that have gone; it always completes. What ``active`` and
    ``reason`` say afterwards still stands.
    """

    active = optional(readback("Active_RBV"), "no plan is held by the interlock", guard=True)
    reason = optional(
        readback("Reason_RBV", "omitted", long=True),
        "that it is active is told, not why",
    )
    reset = command("Reset", doc="forget latched reasons that have gone")
