"""Starting the magnetic refrigerator, shutting it down, and bringing it back after a quench."""

from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import FailedStatus, MsgGenerator

from devices.amrr import Refrigerator
from devices.parts.base import wall_timeout
from devices.parts.magnet import MagnetSupply
from devices.signals.settable import Command
from instruments.ranges import within
from plans.shared.common import Until, value_of
from plans.shared.needs import needs

__all__ = ["NotReadyError", "recover_from_quench", "run_safely", "safe_shutdown", "safe_start"]

#: Simulated seconds allowed for starting the cycle, and for ramping all magnets down.
CYCLE_COMMAND_S = 3600.0
#: What a recovery watches and resets.
_RECOVERY = tuple(
    f"{magnet}.{part}"
    for magnet in ("pump_a", "pump_b", "regen_a", "regen_b")
    for part in ("coil_temperature", "current.readback", "quench", "quench_reset")
)


class NotReadyError(RuntimeError):
    """The refrigerator is in no state for what was asked; the message says which and why."""


def safe_start(
    refrigerator: Refrigerator, *, stage_temperature_k: float | None = None
) -> MsgGenerator[None]:
    """Bring the 1 K stage to temperature and start the cycle; does nothing if it runs already.

    Parameters
    ----------
    refrigerator
        The device.
    stage_temperature_k
        Setpoint of the stage, K; as described if not given. A stage that another machine holds is
        waited for, not set.

    Raises
    ------
    NotReadyError
        A quench is latched, or the sequencer's own interlock refuses; the message
        has its reason.
    """
    described = refrigerator.apparatus.stage
    wanted_k = described.setpoint_k if stage_temperature_k is None else stage_temperature_k
    within("stage_temperature_k", wanted_k, described.low_k, described.high_k, "K")
    for name, magnet in refrigerator.magnets.items():
        if (yield from value_of(magnet.quench, 0)):
            raise NotReadyError(f"{name}: a quench is latched; run recover_from_quench first")
    if (yield from value_of(refrigerator.cycle.state, "Stopped")) == "Running":
        return
    stage = refrigerator.one_k_stage
    if not described.held:
        yield from bps.mv(stage.setpoint, wanted_k, stage.mode, "Closed loop")
    near = Until(
        stage.temperature,
        lambda kelvin: abs(kelvin - wanted_k) < described.ready_k,
        wall_timeout(refrigerator, 3600.0),
        goal=wanted_k,
    )
    yield from near.wait()
    yield from _command_cycle(refrigerator, "Run", ("Running",))


def safe_shutdown(refrigerator: Refrigerator) -> MsgGenerator[None]:
    """Heater off, cycle stopped, all magnets ramped to zero by the sequencer.

    Parameters
    ----------
    refrigerator
        The device.
    """
    yield from bps.abs_set(refrigerator.chx.mode, "Open loop", wait=True)
    yield from bps.abs_set(refrigerator.chx.heater_power, 0.0, wait=True)
    yield from _command_cycle(refrigerator, "Stop", ("Stopped",))


def run_safely(plan: MsgGenerator[Any], refrigerator: Refrigerator) -> MsgGenerator[Any]:
    """Run a plan; if it fails or is aborted, shut the refrigerator down safely.

    A quench or an interlock may already have stopped the cycle: the shutdown then only confirms it.
    """
    return (
        yield from bpp.contingency_wrapper(
            plan, except_plan=lambda _: safe_shutdown(refrigerator), auto_raise=True
        )
    )


@needs(*_RECOVERY)
def recover_from_quench(
    refrigerator: Refrigerator, *, restart: bool = False, longest_s: float = 6 * 3600.0
) -> MsgGenerator[None]:
    """After a quench: stop the cycle, let the coils cool, reset the latches, confirm zero field.

    Parameters
    ----------
    refrigerator
        The device.
    restart
        Start the cycle again afterwards.
    longest_s
        Simulated seconds to wait for the coils to cool.

    Raises
    ------
    NotReadyError
        A latch does not reset, or a coil still carries current.
    """
    within("longest_s", longest_s, 1.0, 7 * 86400.0, "s")
    yield from bps.abs_set(refrigerator.cycle.abort, 1, wait=True)
    limit_s = wall_timeout(refrigerator, longest_s)
    limits = refrigerator.apparatus.magnets
    for name, magnet in refrigerator.magnets.items():
        yield from _until_cold(magnet, limits.coil_cold_k, limit_s)
        if (yield from value_of(magnet.quench, 0)):
            # A latch does not reset before.
            yield from _until_empty(magnet, limits.coil_empty_a, limit_s)
            yield from _command(magnet.quench_reset, 1, f"{name}: the quench latch does not reset")
        yield from bps.abs_set(magnet.control, "Zero", wait=True)
        yield from _until_empty(magnet, limits.coil_empty_a, limit_s)
        if (yield from value_of(magnet.quench, 0)):
            reason = yield from value_of(magnet.message, "")
            raise NotReadyError(f"{name}: the quench latch does not reset: {reason}")
    if restart:
        yield from safe_start(refrigerator)


def _command(signal: Command, value: Any, what: str) -> MsgGenerator[None]:
    """Put a command; one that is refused is a machine that is not ready for it."""
    try:
        yield from bps.abs_set(signal, value, wait=True)
    except FailedStatus as refused:
        raise NotReadyError(f"{what}: {refused.__cause__}") from refused


def _until_cold(magnet: MagnetSupply, cold_k: float, limit_s: float) -> MsgGenerator[None]:
    """Wait until a coil has cooled; a monitor's last value may be older than the quench."""
    coil = magnet.coil_temperature
    cold = Until(coil, lambda kelvin: kelvin < cold_k, limit_s, fresh=True, goal=cold_k)
    yield from cold.wait()


def _until_empty(magnet: MagnetSupply, empty_a: float, limit_s: float) -> MsgGenerator[None]:
    """Wait until a coil carries no current."""
    current = magnet.current.readback
    empty = Until(current, lambda ampere: abs(ampere) < empty_a, limit_s, fresh=True, goal=0.0)
    yield from empty.wait()


def _command_cycle(
    refrigerator: Refrigerator, command: str, ends: tuple[str, ...]
) -> MsgGenerator[None]:
    """Command the sequencer and wait for one of the states ``ends``."""
    cycle = refrigerator.cycle
    yield from _command(cycle.run, command, f"the cycle does not take {command}")

    def arrived(state: str) -> bool:
        if state == "Blocked" and state not in ends:
            raise NotReadyError(f"the cycle is blocked: {cycle.blocked.get()}")
        return state in ends

    limit_s = wall_timeout(refrigerator, CYCLE_COMMAND_S)
    yield from Until(cycle.state, arrived, limit_s, fresh=True).wait()
