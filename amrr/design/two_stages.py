"""Two machines in series: a GGG machine precools a GLF machine.

The simplest coupling that keeps the books: the second machine's stage is the first one's cold
exchanger. Its temperature is the first machine's mean T_CHX, and the first machine's load is all
that the second gives to its stage, from its hot exchangers and its pump beds. Both are periodic
states of the dynamic model, and the temperature between them is where they agree.

Assumed: the plate between them holds enough heat that both see means, neither the other's swing nor
its phase; the second machine's pump is on it, too; its magnets hang on the 1.6 K stage, which takes
their losses (some mW, more than the first machine lifts). The second machine's magnets have the
temperature of the plate here, not of the pot, which the simulation does not notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from amrr.design.points import FINE, Effort, Point, at_load, running
from amrr.parameters import RefrigeratorParameters

__all__ = ["LOADS_W", "Pair", "coupled", "pair_text"]

#: The two sides of the plate agree to this, K.
TOLERANCE_K: Final = 2e-3
_MOST: Final = 12
#: Loads of the printed table.
LOADS_W: Final = (0.0, 50e-6, 100e-6, 150e-6)
#: Between these the temperature of the plate is sought, K.
_RANGE_K: Final = (0.45, 1.19)


@dataclass(frozen=True)
class Pair:
    """Two coupled machines.

    Attributes:
        load_w: Heater power on the second machine's cold exchanger.
        plate_k: Temperature between the two.
        carried_w: Heat from the second machine to the first, mean of a cycle.
        first: The first machine's periodic state.
        second: The second's.
    """

    load_w: float
    plate_k: float
    carried_w: float
    first: Point
    second: Point

    @property
    def error_k(self) -> float:
        """By how much the first machine is off the temperature that the second was given."""
        return self.first.chx_k - self.plate_k


def coupled(
    first: RefrigeratorParameters,
    second: RefrigeratorParameters,
    load_w: float,
    *,
    guess_k: float = 0.9,
    effort: Effort = FINE,
) -> Pair:
    """Find the temperature at which two machines agree, by bisection safeguarded secants.

    Args:
        first: The warmer machine.
        second: The colder one; the setpoint of its stage is replaced.
        load_w: Heater power on its cold exchanger.
        guess_k: Where to begin.
        effort: How far each state is taken.

    Raises:
        FailureError: One of them has no periodic state.
        ValueError: They agree nowhere from 0.45 to 1.19 K: the second machine gives more heat than
            the first one carries there, or so little that the first is colder.
    """
    low, high = _RANGE_K
    plate_k, tried = guess_k, [_at(first, second, load_w, guess_k, effort)]
    while abs(tried[-1].error_k) > TOLERANCE_K and len(tried) < _MOST:
        # The warmer the plate, the less the first machine is above it.
        if tried[-1].error_k > 0.0:
            low = plate_k
        else:
            high = plate_k
        plate_k = _next(tried, low, high)
        if high - low < 0.1 * TOLERANCE_K:
            break
        tried.append(_at(first, second, load_w, plate_k, effort))
    if abs(tried[-1].error_k) > TOLERANCE_K:
        last = tried[-1]
        raise ValueError(
            f"two stages: at a plate of {last.plate_k:.3f} K the second machine gives "
            f"{1e6 * last.carried_w:.0f} uW, which hold the first one at {last.first.chx_k:.3f} K: "
            f"they agree nowhere from {_RANGE_K[0]:g} to {_RANGE_K[1]:g} K"
        )
    return tried[-1]


def _next(tried: list[Pair], low: float, high: float) -> float:
    """Where the last two lines meet zero, if that is inside; else the middle."""
    if len(tried) > 1:
        a, b = tried[-2:]
        if a.error_k != b.error_k:
            meets = b.plate_k - b.error_k * (b.plate_k - a.plate_k) / (b.error_k - a.error_k)
            if low < meets < high:
                return meets
    elif low < tried[-1].first.chx_k < high and abs(tried[-1].error_k) < 0.1:
        return 0.5 * (tried[-1].first.chx_k + tried[-1].plate_k)
    return 0.5 * (low + high)


def _at(
    first: RefrigeratorParameters,
    second: RefrigeratorParameters,
    load_w: float,
    plate_k: float,
    effort: Effort,
) -> Pair:
    """Both machines for a plate of a temperature."""
    on_plate = replace(second, stage=replace(second.stage, setpoint_k=plate_k))
    colder = at_load(running(on_plate), load_w, effort)
    carried_w = colder.rejected_j / colder.period_s
    machine = running(first)
    if carried_w > machine.chx_heater.highest_w:
        raise ValueError(
            f"two stages: at a plate of {plate_k:.3f} K the second machine gives "
            f"{1e6 * carried_w:.0f} uW, more than the first one's exchanger can be given, "
            f"{1e6 * machine.chx_heater.highest_w:.0f} uW"
        )
    return Pair(load_w, plate_k, carried_w, at_load(machine, carried_w, effort), colder)


def pair_text(pairs: Sequence[Pair]) -> str:
    """Pairs as a table: what the colder machine lifts, and what the warmer one carries."""
    lines = ["load (uW)  T_CHX (K)  outlet (K)  plate (K)  carried (uW)  agree to (mK)"]
    lines += [
        f"{1e6 * p.load_w:9.0f}  {p.second.chx_k:9.3f}  {p.second.outlet_k:10.3f}  "
        f"{p.plate_k:9.3f}  {1e6 * p.carried_w:12.0f}  {1e3 * p.error_k:+13.1f}"
        for p in pairs
    ]
    for p in pairs:
        for name, point in (("first", p.first), ("second", p.second)):
            lines += [f"{1e6 * p.load_w:.0f} uW, {name} machine: {o}" for o in point.objections]
    return "\n".join(lines)
