"""An instrument's interlock as operators see it: active or not, why, and its reset."""

from __future__ import annotations

from ophyd import Device

from devices.signals.reading import readback
from devices.signals.settable import command

__all__ = ["InterlockStatus"]


class InterlockStatus(Device):
    """The interlock, its reasons in words, and the reset of those that are latched.

    A reset forgets the latched reasons that have gone; it always completes. What ``active`` and
    ``reason`` say afterwards still stands.
    """

    active = readback("Active_RBV")
    reason = readback("Reason_RBV", "omitted", long=True)
    reset = command("Reset", doc="forget latched reasons that have gone")
