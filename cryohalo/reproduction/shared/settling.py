"""The refrigerator brought to its periodic state on the control path, and what is still to come.

Temperatures settle within some sixty cycles, the 3He over some hundreds. The clock is stepped many
cycles at a time, as fast as the physics goes, and the mean of the cycle that ended is looked at:
blocks of cycles approach the end by a large factor each, so that their changes tell how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryohalo.reproduction.shared.clock import clock_held

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator

    from cryohalo.session import Session
    from devices.amrr import Refrigerator

__all__ = ["CYCLES_A_BLOCK", "Settled", "settled"]

#: Two time constants of the slowest change.
CYCLES_A_BLOCK: Final = 40
#: From anywhere three get there; more means that something is wrong.
_MOST_BLOCKS: Final = 12


@dataclass(frozen=True)
class Settled:
    """Means over the last cycle, and how far they still have to go.

    Attributes:
        temperature_k: Of the cold exchanger.
        to_come_k: What it still changes.
        power_uw: Of its heater.
        to_come_uw: What that still changes.
        cycles: That were waited.
    """

    temperature_k: float
    to_come_k: float
    power_uw: float
    to_come_uw: float
    cycles: int

    @classmethod
    def of(cls, temperatures_k: Sequence[float], powers_uw: Sequence[float]) -> Settled:
        """The end of a series of cycles' means, one for each block.

        Raises:
            ValueError: Fewer than three tell nothing of what is to come.
        """
        from plans.refrigerator.cycles import still_to_come

        if len(temperatures_k) < 3:
            raise ValueError(f"{len(temperatures_k)} blocks of cycles, needed three")
        return cls(
            temperatures_k[-1], still_to_come(temperatures_k), powers_uw[-1],
            still_to_come(powers_uw), CYCLES_A_BLOCK * len(temperatures_k),
        )  # fmt: skip


def settled(session: Session, tolerance_k: float, tolerance_uw: float) -> Settled:
    """Let the running cycle settle; a run of its own, one event a block.

    Args:
        session: At the refrigerator.
        tolerance_k: On the mean temperature's remainder.
        tolerance_uw: On the mean heater power's.

    Raises:
        RuntimeError: It does not get there.
    """
    from plans.shared.common import in_run, metadata

    cycle = session.refrigerator.cycle
    args = {"tolerance_k": tolerance_k, "tolerance_uw": tolerance_uw}
    plan = _blocks(session.refrigerator, tolerance_k, tolerance_uw)
    (run,) = session.run(in_run(plan, metadata("settle", [cycle], args, None)))
    names = cycle.mean_chx_temperature.name, cycle.mean_chx_power.name
    rows = [[float(event["data"][name]) for name in names] for event in run.events()]
    kelvin, microwatt = zip(*rows, strict=True)
    found = Settled.of(kelvin, microwatt)
    if found.to_come_k > tolerance_k or found.to_come_uw > tolerance_uw:
        raise RuntimeError(
            f"after {found.cycles} cycles {1e3 * found.to_come_k:.2g} mK and "
            f"{found.to_come_uw:.2g} uW are still to come"
        )
    return found


def _blocks(
    refrigerator: Refrigerator, tolerance_k: float, tolerance_uw: float
) -> MsgGenerator[None]:
    import bluesky.plan_stubs as bps

    from plans.refrigerator.cycles import Periodic
    from plans.shared.common import number_in, record

    cycle, sim = refrigerator.cycle, refrigerator.sim
    periodic = Periodic(tolerance_k, tolerance_uw, agree=1, max_cycles=_MOST_BLOCKS)

    def blocks() -> MsgGenerator[None]:
        kelvin: list[float] = []
        microwatt: list[float] = []
        while len(kelvin) < periodic.max_cycles and not periodic.reached(kelvin, microwatt):
            yield from bps.checkpoint()
            yield from bps.abs_set(sim.advance, CYCLES_A_BLOCK * cycle.period_s(), wait=True)
            reading = yield from record([cycle, sim], "primary")
            kelvin.append(number_in(reading, cycle.mean_chx_temperature))
            microwatt.append(number_in(reading, cycle.mean_chx_power))

    return (yield from clock_held(sim, blocks()))
