"""What keeps the haloscope and the refrigerator safe: contingency wrappers and suspenders.

A contingency runs when a plan fails or is aborted. A suspender holds a plan while a condition
stands (a quench, a warm mixing chamber, the amplifier out of range, the IOC gone) and lets it go on
from its last checkpoint: ``for s in suspenders(haloscope): RE.install_suspender(s)``.
"""

import logging
from collections.abc import Callable
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator, RunEngineControlException
from ophyd import Signal

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from devices.hardware.absent import is_absent
from devices.parts.motion import Axis
from plans.shared.common import value_of
from plans.shared.needs import needs
from plans.shared.suspending import SuspendDisconnected, suspenders

__all__ = [
    "InterlockedError",
    "NotSafeError",
    "SuspendDisconnected",
    "clear_interlocks",
    "left_as_found",
    "make_safe",
    "run_haloscope_safely",
    "suspenders",
]

log = logging.getLogger("cryohalo.plans.safety")


class NotSafeError(RuntimeError):
    """The haloscope could not be made safe; the message has what was not done, and why."""


class InterlockedError(RuntimeError):
    """An interlock is active after its reset; the message has its reasons."""


def make_safe(haloscope: Haloscope) -> MsgGenerator[None]:
    """Abort acquisitions, stop the motors where they are, pump tone off; the magnet holds.

    Each is tried, whatever becomes of the others.

    Parameters
    ----------
    haloscope
        The device.

    Raises
    ------
    NotSafeError
        What could not be done, and why.
    """
    parts: dict[str, tuple[Signal, Callable[[], MsgGenerator[Any]]]] = {
        "pump tone off": _put(haloscope.jpa.pump, "Off"),
        "digitizer aborted": _put(haloscope.daq.abort, 1),
        "stream aborted": _put(haloscope.high_resolution.abort, 1),
        "analyzer aborted": _put(haloscope.vna.abort, 1),
        "rod stopped": _stopped(haloscope.rod),
        "antenna stopped": _stopped(haloscope.antenna),
    }
    actions = {name: part for name, part in parts.items() if not is_absent(part[0])}
    if not any(signal.connected for signal, _ in actions.values()):
        raise NotSafeError(f"{haloscope.name}: the IOC is gone; its own interlocks must do")
    failed = []
    for name, (signal, action) in actions.items():
        if not signal.connected:
            failed.append(f"{name}: its IOC is gone")
            continue
        try:
            yield from action()
        except RunEngineControlException:
            raise
        except Exception as error:
            failed.append(f"{name}: {error.__cause__ or error}")
    if failed:
        raise NotSafeError(f"{haloscope.name}: not {'; not '.join(failed)}")


def _put(signal: Signal, value: Any) -> tuple[Signal, Callable[[], MsgGenerator[Any]]]:
    return signal, lambda: bps.abs_set(signal, value, wait=True)


def _stopped(axis: Axis) -> tuple[Signal, Callable[[], MsgGenerator[Any]]]:
    return axis.motor_stop, lambda: bps.stop(axis)


@needs("interlock")
def clear_interlocks(instrument: Haloscope | Refrigerator) -> MsgGenerator[str]:
    """Acknowledge the latched interlocks. Returns what they were, "" if there were none.

    A suspender of the interlock holds this plan too: in a session, run it within
    ``session.unsuspended()``. A quench is latched in the magnet's supply, and reset there.

    Parameters
    ----------
    instrument
        The device.

    Raises
    ------
    InterlockedError
        A reason still stands; it names the reason.
    """
    interlock = instrument.interlock
    before = yield from value_of(interlock.reason, "")
    yield from bps.abs_set(interlock.reset, 1, wait=True)
    if (yield from value_of(interlock.active, 0)):
        reason = yield from value_of(interlock.reason, "")
        raise InterlockedError(f"{instrument.name}: reset, but this still stands: {reason}")
    return str(before)


def run_haloscope_safely(plan: MsgGenerator[Any], haloscope: Haloscope) -> MsgGenerator[Any]:
    """Run a plan; if it fails or is aborted, leave the haloscope safe.

    The plan's own error is passed on; where the haloscope could not be made safe, a note says so.
    """

    def recover(error: Exception) -> MsgGenerator[None]:
        try:
            yield from make_safe(haloscope)
        except NotSafeError as also:
            log.error("%s", also)
            error.add_note(str(also))

    return (yield from bpp.contingency_wrapper(plan, except_plan=recover, auto_raise=True))


def left_as_found(plan: MsgGenerator[Any], haloscope: Haloscope) -> MsgGenerator[Any]:
    """Run a plan, then put the settings of analyzer and digitizer back, however it ends.

    Parameters
    ----------
    plan
        Itself safe, so that nothing acquires any more when settings are put back.
    haloscope
        The device.
    """
    devices = haloscope.vna, haloscope.daq, haloscope.high_resolution

    def staged() -> MsgGenerator[Any]:
        # What an earlier plan could not put back, since its IOC was gone, is put back first.
        yield from unstaged()
        for device in devices:
            yield from bps.stage(device)
        return (yield from plan)

    def unstaged() -> MsgGenerator[None]:
        for device in devices:
            if device.acquire.connected:
                yield from bps.unstage(device)

    return (yield from bpp.finalize_wrapper(staged(), unstaged()))
