"""The cycle: which supply goes where in which phase, and what happens when it may not.

    phase           s    pump A       pump B       regenerator A             regenerator B
    flow A to B    80    low->high    high->low    hot start->hot end        cold start->cold end
    no flow 1      10    hold         hold         hot end->cold start       cold end->hot start
    flow B to A    80    high->low    low->high    cold start->cold end      hot start->hot end
    no flow 2      10    hold         hold         cold end->hot start       hot end->cold start

Sides A and B are 180 degrees apart. Each ramp starts from where its magnet is and ends on the
waypoint set at that moment, so a waypoint changed during a phase is met in the next phase that
goes there. During flow B^2 of the regenerators may be linear in time, which spreads the
magnetocaloric heat evenly. A run begins with a preparation: all four magnets ramp to the start of
the first phase. A phase that its magnets have not finished is prolonged until they have, at most by
``PATIENCE_S``; then the cycle is blocked and says by what.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amrr.controls.sequence import (
    BLOCKED_BY,
    BY_LATCHED,
    BY_LATE,
    BY_NOTHING,
    COUNT,
    END,
    FLOW_S,
    HOLD_S,
    LAST,
    PHASE,
    SQUARE,
    STATE,
    STATE_SIZE,
    STEPS,
    SUPPLIES,
    SUPPLY_NAMES,
    WAYPOINT_NAMES,
    WAYPOINTS,
    CyclePhase,
    CycleState,
    begin_phase,
    release,
)
from amrr.limits import FLOW_TIME_S, HOLD_TIME_S
from amrr.parameters import CycleParameters
from instruments.errors import Refused
from instruments.magnets.ramp import RAMPING, ZEROING
from instruments.magnets.supply import SimulatedSupply
from instruments.ranges import commanded

__all__ = [
    "STATE_SIZE",
    "SUPPLY_NAMES",
    "WAYPOINT_NAMES",
    "CyclePhase",
    "CycleSequencer",
    "CycleState",
]

Array = NDArray[np.float64]


def _waypoint(name: str) -> Any:
    """A property of ``CycleSequencer`` that reads and sets one waypoint in tesla."""
    return property(
        lambda self: self.waypoint_t(name),
        lambda self, value: self.set_waypoint(name, value),
        doc=f"Waypoint {name.removesuffix('_t').replace('_', ' ')}, T.",
    )


class CycleSequencer:
    """The sequencer as the operator sees it.

    Args:
        parameters: Times and waypoints at start-up.
        state: Its part of the machine's state.
        supplies: The four supplies by name.
        supply_rows: Their state, shape (4, ...).
        dt_s: The machine's step.

    Raises:
        Refused: A time or a waypoint is outside its limits.
    """

    def __init__(
        self,
        parameters: CycleParameters,
        state: Array,
        supplies: dict[str, SimulatedSupply],
        supply_rows: Array,
        dt_s: float,
    ) -> None:
        self._x = state
        self._supplies = supplies
        self._rows = supply_rows
        self._dt_s = dt_s
        self.flow_time_s = parameters.flow_time_s
        self.hold_time_s = parameters.hold_time_s
        self.square_ramp = parameters.square_ramp
        for name in WAYPOINT_NAMES:
            self.set_waypoint(name, getattr(parameters, name))

    pump_low_t = _waypoint("pump_low_t")
    pump_high_t = _waypoint("pump_high_t")
    regen_cold_start_t = _waypoint("regen_cold_start_t")
    regen_cold_end_t = _waypoint("regen_cold_end_t")
    regen_hot_start_t = _waypoint("regen_hot_start_t")
    regen_hot_end_t = _waypoint("regen_hot_end_t")

    # -- commands ------------------------------------------------------------------------------

    def run(self) -> None:
        """Prepare the magnets and cycle until told otherwise; continues a paused cycle.

        Raises:
            Refused: A supply is latched, or a waypoint is beyond a supply's limit.
        """
        if self.state is CycleState.RUNNING:
            return
        if self.state is CycleState.PAUSED:
            self.resume()
            return
        for name, supply in self._supplies.items():
            if supply.latched:
                raise Refused(f"cycle: {name} is latched ({supply.state.name.lower()}); reset it")
            self._reach(name, supply)
        self._x[BLOCKED_BY] = BY_NOTHING
        self._x[STATE] = CycleState.RUNNING
        begin_phase(self._x, int(CyclePhase.IDLE), self._rows, self._per_ampere())

    def pause(self) -> None:
        """Stand still where the magnets are; raises ``Refused`` unless running."""
        if self.state is not CycleState.RUNNING:
            raise Refused(f"cycle: cannot pause while {self.state.name.lower()}")
        release(self._rows, RAMPING)
        self._x[STATE] = CycleState.PAUSED

    def resume(self) -> None:
        """Continue a paused cycle; raises ``Refused`` otherwise."""
        if self.state is not CycleState.PAUSED:
            raise Refused(f"cycle: cannot resume while {self.state.name.lower()}")
        self._x[STATE] = CycleState.RUNNING

    def stop(self) -> None:
        """End safely: all magnets ramp to zero at their ramp rates."""
        release(self._rows, ZEROING)
        self._x[STATE] = CycleState.RAMPING_DOWN
        self._x[PHASE] = CyclePhase.IDLE

    def abort(self) -> None:
        """Stop at once: all magnets hold the current they have. Follow with ``stop``."""
        release(self._rows, RAMPING)
        self._x[STATE] = CycleState.ABORTED
        self._x[PHASE] = CyclePhase.IDLE

    # -- readbacks -----------------------------------------------------------------------------

    @property
    def state(self) -> CycleState:
        """What the sequencer is doing."""
        return CycleState(int(self._x[STATE]))

    @property
    def phase(self) -> CyclePhase:
        """Where in the cycle it is."""
        return CyclePhase(int(self._x[PHASE]))

    @property
    def phase_time_s(self) -> float:
        """Time since the phase began, s."""
        return float(self._x[STEPS] * self._dt_s)

    @property
    def count(self) -> int:
        """Finished cycles."""
        return int(self._x[COUNT])

    @property
    def period_s(self) -> float:
        """Duration of a whole cycle, s."""
        return 2.0 * (self.flow_time_s + self.hold_time_s)

    @property
    def blocked(self) -> str:
        """Why the cycle does not run; empty when nothing forbids it."""
        code = int(self._x[BLOCKED_BY])
        if code == BY_NOTHING:
            return ""
        number = (code - BY_LATCHED) % SUPPLIES
        name = SUPPLY_NAMES[number]
        supply = self._supplies[name]
        if code < BY_LATE:
            why = supply.state.name.lower()
            return f"{name} is latched ({why}), coil at {supply.coil_temperature_k:.1f} K"
        goal_t = float(self._x[END + number]) * supply.coil.field_per_ampere_t
        return f"{name} is at {supply.field_t:.3f} T, not at its waypoint {goal_t:.3f} T"

    @property
    def mean_chx_temperature_k(self) -> float:
        """Mean CHX reading of the last finished cycle, K; NaN before the first."""
        return self._last(0)

    @property
    def min_chx_temperature_k(self) -> float:
        """Lowest CHX reading of the last finished cycle, K."""
        return self._last(1)

    @property
    def max_chx_temperature_k(self) -> float:
        """Highest CHX reading of the last finished cycle, K."""
        return self._last(2)

    @property
    def cooling_power_w(self) -> float:
        """Mean heater power on the CHX in the last finished cycle, W (without the parasitic)."""
        return self._last(3)

    @property
    def work_j(self) -> float:
        """Work of all four magnets on the refrigerant in the last finished cycle, J."""
        return self._last(4)

    @property
    def rejected_heat_j(self) -> float:
        """Heat that exchangers and pump beds gave to the stage in the last cycle, J."""
        return self._last(5)

    # -- settings ------------------------------------------------------------------------------

    @property
    def flow_time_s(self) -> float:
        """Duration of a flow phase, s."""
        return float(self._x[FLOW_S])

    @flow_time_s.setter
    def flow_time_s(self, value: float) -> None:
        self._x[FLOW_S] = commanded("cycle: flow time", value, *FLOW_TIME_S, "s")

    @property
    def hold_time_s(self) -> float:
        """Duration of a no-flow phase, s."""
        return float(self._x[HOLD_S])

    @hold_time_s.setter
    def hold_time_s(self, value: float) -> None:
        self._x[HOLD_S] = commanded("cycle: hold time", value, *HOLD_TIME_S, "s")

    @property
    def square_ramp(self) -> bool:
        """True: B^2 of the regenerators is linear in time during flow; False: B is."""
        return bool(self._x[SQUARE] > 0.0)

    @square_ramp.setter
    def square_ramp(self, value: bool) -> None:
        self._x[SQUARE] = float(bool(value))

    def waypoint_t(self, name: str) -> float:
        """One of ``WAYPOINT_NAMES``, T."""
        return float(self._x[WAYPOINTS + WAYPOINT_NAMES.index(name)])

    def set_waypoint(self, name: str, field_t: float) -> None:
        """Change a waypoint; raises ``Refused`` beyond what the supplies can reach."""
        sides = ("PumpA", "PumpB") if name.startswith("pump") else ("RegenA", "RegenB")
        limit = min(
            self._supplies[s].current_limit_a * self._supplies[s].coil.field_per_ampere_t
            for s in sides
        )
        what = f"cycle: {name.removesuffix('_t').replace('_', ' ')}"
        value = commanded(what, field_t, 0.0, limit, "T")
        self._x[WAYPOINTS + WAYPOINT_NAMES.index(name)] = value

    def _last(self, k: int) -> float:
        return float(self._x[LAST + k]) if self.count else math.nan

    def _per_ampere(self) -> Array:
        return np.array([s.coil.field_per_ampere_t for s in self._supplies.values()])

    def _reach(self, name: str, supply: SimulatedSupply) -> None:
        prefix = "pump" if name.startswith("Pump") else "regen"
        for waypoint in WAYPOINT_NAMES:
            field_t = self.waypoint_t(waypoint)
            limit_t = supply.current_limit_a * supply.coil.field_per_ampere_t
            if waypoint.startswith(prefix) and field_t > limit_t:
                raise Refused(
                    f"cycle: {waypoint.removesuffix('_t')} {field_t:g} T is beyond {name}'s limit "
                    f"{limit_t:.3f} T"
                )
