"""How conservative is the paper's design model? Eqs. (1) to (3) beside the dynamic model.

The paper calls its model conservative: a profile that is linear and constant in time stores no
energy. Here both are asked about the same machines. For each the dynamic model finds its periodic
state at a load; the mixture that its blow moves, its bed and its field swing then go into Eq. (3),
which gives the design model's outlet. From there the load warms the mixture,

    n (h(T_CHX) - h(T_outlet)) = Q (t_flow + t_hold)

which gives the design model's T_CHX at this load, and its cooling power at the dynamic T_CHX.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy.optimize import brentq

from amrr.design import space
from amrr.design.evaluation import evaluated, state_at
from amrr.design.points import Effort, Point, at_load, running
from amrr.design.sizing import DesignInputs, closing_outlet
from amrr.design.store import Outcome, Store
from amrr.fluid import helium
from amrr.parameters import RefrigeratorParameters
from amrr.solids.garnet import paramagnet

__all__ = [
    "GRID", "QUICK", "SHEET_PUMP_T", "Comparison", "Grid", "compare", "compared", "csv_text",
    "text", "with_pump_to",
]  # fmt: skip

#: Highest field of the default machine's pump with which a blow moves what the design sheet asks.
SHEET_PUMP_T: Final = 1.303

_EFFORT: Final = Effort(tolerance_k=1e-4)
#: The dynamic model of the grid: lumps along a bed, step (s).
_NODES, _DT_S = 20, 0.2
#: Nodes and steps of Eq. (2): its outlet is within 0.3 mK of that with the default's 100 and 80.
_PROFILE_NODES, _FIELD_STEPS = 40, 12


@dataclass(frozen=True)
class Grid:
    """Machines that are compared: all combinations of these.

    Attributes:
        loads_w: Heater power.
        concentrations: 3He mole fraction.
        swings_t: Field of the regenerators at the start of the blow towards the cold end, where it
            ends at 0; the other two fields are in proportion.
        flow_times_s: Of a blow.
    """

    loads_w: tuple[float, ...]
    concentrations: tuple[float, ...]
    swings_t: tuple[float, ...]
    flow_times_s: tuple[float, ...]

    @property
    def total(self) -> int:
        """How many machines."""
        counts = map(len, (self.loads_w, self.concentrations, self.swings_t, self.flow_times_s))
        return math.prod(counts)


GRID: Final = Grid((300e-6, 600e-6, 900e-6), (0.06, 0.10, 0.15), (0.60, 0.74, 0.90), (80.0, 120.0))
QUICK: Final = Grid((600e-6,), (0.10,), (0.74,), (60.0, 80.0))


@dataclass(frozen=True)
class Comparison:
    """One machine in both models; not-a-number where one of them has no answer.

    Attributes:
        load_w: Heater power.
        concentration: 3He mole fraction.
        swing_t: Of the blow towards the cold end.
        flow_time_s: Of a blow.
        blow_mol: Mixture that it moves.
        outlet_k: Mean outlet of the regenerators in the dynamic model.
        chx_k: Mean temperature of its cold exchanger.
        design_outlet_k: Outlet that closes Eq. (3).
        design_chx_k: Where this load warms that to.
        design_power_w: Heater power that the design model allows at the dynamic T_CHX.
        remark: Why there is none of these; what the dynamic machine is objected to.
    """

    load_w: float
    concentration: float
    swing_t: float
    flow_time_s: float
    blow_mol: float = math.nan
    outlet_k: float = math.nan
    chx_k: float = math.nan
    design_outlet_k: float = math.nan
    design_chx_k: float = math.nan
    design_power_w: float = math.nan
    remark: str = ""

    @property
    def answered(self) -> bool:
        """Whether both models have an answer, and nothing speaks against the machine."""
        return not self.remark and math.isfinite(self.design_chx_k)


def compare(
    grid: Grid,
    store: Store,
    base: RefrigeratorParameters | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Comparison, ...]:
    """Both models over a grid, in its order.

    Args:
        grid: What is varied.
        store: Of dynamic points that are known.
        base: The machine that is varied; the default one.
        workers: Evaluations at a time.
        progress: Told how many are done, of how many.
    """
    base = base or RefrigeratorParameters()
    names = list(
        itertools.product(grid.loads_w, grid.concentrations, grid.swings_t, grid.flow_times_s)
    )
    found: dict[tuple[float, ...], Outcome] = {}
    for load_w in grid.loads_w:
        machines = {n: _machine(base, *n[1:]) for n in names if n[0] == load_w}
        asked = evaluated(
            machines,
            lambda p, load=load_w: state_at(p, load, _EFFORT),  # type: ignore[misc]
            f"state at {load_w:g} W, {_EFFORT}",
            store,
            workers,
        )
        for name, outcome in asked:
            found[name] = outcome
            if progress is not None:
                progress(len(found), len(names))
    return tuple(compared(_machine(base, *n[1:]), n[0], found[n]) for n in names)


def _machine(
    base: RefrigeratorParameters, x: float, swing_t: float, flow_time_s: float
) -> RefrigeratorParameters:
    part = swing_t / base.cycle.regen_cold_start_t
    cycle = replace(
        base.cycle,
        flow_time_s=flow_time_s,
        regen_cold_start_t=swing_t,
        regen_cold_end_t=0.0,
        regen_hot_start_t=part * base.cycle.regen_hot_start_t,
        regen_hot_end_t=part * base.cycle.regen_hot_end_t,
    )
    return space.coarse(replace(base, concentration=x, cycle=cycle), _NODES, _DT_S)


def compared(p: RefrigeratorParameters, load_w: float, outcome: Outcome) -> Comparison:
    """One machine in both models.

    Args:
        p: The machine; its blow towards the cold end has to end at 0 T.
        load_w: Heater power.
        outcome: Its periodic state at this power.
    """
    swing_t = p.cycle.regen_cold_start_t
    found = Comparison(load_w, p.concentration, swing_t, p.cycle.flow_time_s)
    point = outcome.point
    if point is None:
        return replace(found, remark=outcome.message)
    found = replace(
        found,
        blow_mol=point.blow_mol,
        outlet_k=point.outlet_k,
        chx_k=point.chx_k,
        remark="; ".join(point.objections),
    )
    try:
        return replace(found, **_design(p, point))
    except ValueError as error:
        why = f"design model: {error}"
        return replace(found, remark="; ".join(filter(None, (found.remark, why))))


def _design(p: RefrigeratorParameters, point: Point) -> dict[str, Any]:
    """The design model's answers for a machine and the blow that it has."""
    inputs = DesignInputs(
        concentration=p.concentration,
        refrigerant=p.refrigerant,
        hot_k=p.stage.setpoint_k,
        nodes=_PROFILE_NODES,
        steps=_FIELD_STEPS,
    )
    material = paramagnet(p.refrigerant)
    solid_m3 = (1.0 - p.regenerator.porosity) * p.regenerator.volume_m3
    spins_mol = solid_m3 * material.spins_mol_per_m3
    outlet_k = closing_outlet(inputs, point.blow_mol, spins_mol, p.cycle.regen_cold_start_t)

    def heat_j(chx_k: float) -> float:
        """Taken up by a blow between outlet and cold exchanger."""
        return point.blow_mol * (_enthalpy(chx_k, p) - _enthalpy(outlet_k, p))

    half_s = 0.5 * point.period_s
    load_j = point.total_load_w * half_s
    if heat_j(inputs.hot_k) < load_j:
        raise ValueError("the load warms the mixture beyond the hot exchanger")
    other_w = point.total_load_w - point.load_w
    return {
        "design_outlet_k": outlet_k,
        "design_chx_k": float(brentq(lambda t: heat_j(t) - load_j, outlet_k, inputs.hot_k)),
        "design_power_w": heat_j(point.chx_k) / half_s - other_w,
    }


def _enthalpy(temperature_k: float, p: RefrigeratorParameters) -> float:
    return float(helium.enthalpy(temperature_k, p.concentration))


_COLUMNS: Final = (
    "load_w", "concentration", "swing_t", "flow_time_s", "blow_mol", "outlet_k", "chx_k",
    "design_outlet_k", "design_chx_k", "design_power_w", "remark",
)  # fmt: skip


def with_pump_to(pump_high_t: float, load_w: float) -> Comparison:
    """Both models for the default machine with another highest field of the pump.

    The pump's field decides how much mixture a blow moves; ``SHEET_PUMP_T`` that of the sheet.

    Args:
        pump_high_t: T.
        load_w: Heater power.

    Raises:
        FailureError: The machine has no periodic state there.
    """
    p = space.coarse(RefrigeratorParameters(), _NODES, _DT_S)
    p = replace(p, cycle=replace(p.cycle, pump_high_t=pump_high_t))
    point = at_load(running(p), load_w, _EFFORT)
    return compared(p, load_w, Outcome(point.load_w, point))


def csv_text(found: Sequence[Comparison]) -> str:
    """One line for each machine, SI units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for c in found:
        cells = (getattr(c, name) for name in _COLUMNS)
        writer.writerow([v if isinstance(v, str) else f"{v:.6g}" for v in cells])
    return out.getvalue()


def text(found: Sequence[Comparison]) -> str:
    """Where the design model lies beside the dynamic one, as a table by swing and flow time."""
    good = [c for c in found if c.answered]
    lines = [
        f"{len(good)} of {len(found)} machines have an answer in both models",
        "design model less dynamic model, over the loads:",
        "swing   flow   x      loads  outlet (mK)       T_CHX (mK)        power (uW)",
    ]
    keys = sorted({(c.swing_t, c.flow_time_s, c.concentration) for c in good})
    lines += [_line(*k, [c for c in good if k == _key(c)]) for k in keys]
    if good:
        above = sum(c.design_chx_k > c.chx_k for c in good)
        lines.append(f"The design model is warmer, conservative, in {above} of {len(good)}.")
    lines += [f"  no comparison: {n} x {why}" for why, n in _reasons(found)]
    return "\n".join(lines)


def _key(c: Comparison) -> tuple[float, float, float]:
    return (c.swing_t, c.flow_time_s, c.concentration)


def _line(swing_t: float, flow_s: float, x: float, of: Sequence[Comparison]) -> str:
    outlet = [1e3 * (c.design_outlet_k - c.outlet_k) for c in of]
    chx = [1e3 * (c.design_chx_k - c.chx_k) for c in of]
    power = [1e6 * (c.design_power_w - c.load_w) for c in of]
    return (
        f"{swing_t:4.2f} T  {flow_s:3.0f} s  {x:5.3f}  {len(of):4d}   "
        f"{_span(outlet):<16s}  {_span(chx):<16s}  {_span(power)}"
    )


def _span(values: Sequence[float]) -> str:
    low, high = f"{np.min(values):+.0f}", f"{np.max(values):+.0f}"
    return low if low == high else f"{low} to {high}"


def _reasons(found: Sequence[Comparison]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for c in found:
        if not c.answered:
            why = "".join(ch for ch in c.remark if not ch.isdigit())
            counts[why] = counts.get(why, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])
