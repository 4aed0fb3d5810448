"""The refrigerator's dynamic model: outlet, what the cycle needs, quench, successor.

Each number is a periodic state of a machine that differs from the default in one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from amrr.design import space, successor
from amrr.design.conservatism import SHEET_PUMP_T, compared
from amrr.design.points import Effort, Point, at_load, at_temperature, running
from amrr.design.store import Outcome, Store
from amrr.parameter_files import shipped
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold
from cryohalo.reproduction.finding import Finding, exact, numerical, spread
from cryohalo.reproduction.work import Answers, Work
from instruments.drawing import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compute", "on_two_grids"]

_EFFORT: Final = Effort(tolerance_k=1e-4)
#: The grid that every number is compared with: half the lumps, twice the step.
_COARSE_NODES, _COARSE_S = 20, 0.2
_GRID: Final = "against half the lumps and twice the step"
_LOAD_W: Final = RefrigeratorParameters().operation.load_w
#: The osmotic closure separates with the default filling.
_OSMOTIC_X: Final = 0.06
#: Cycles of a machine that is not to cool, and how many of the last tell its drift.
_CYCLES, _LAST = 60, 20


def compute(work: Work) -> Answers:
    """Findings of the dynamic model."""
    found: dict[str, Finding] = {}
    steps = (_outlet, _conservative, _needs, _slip, _quench, _successor)
    for number, step in enumerate(steps):
        found |= step(work)
        work.tell((number + 1) / len(steps))
    return found


def on_two_grids(
    ask: Callable[[RefrigeratorParameters], Sequence[float]], p: RefrigeratorParameters
) -> tuple[list[float], list[float]]:
    """Numbers of a machine, and how far those of a coarser grid are from them.

    The method is of first order, so that what is left of the error is no more than the difference.

    Args:
        ask: The numbers of a machine.
        p: The machine, as fine as its numbers are wanted.
    """
    fine = [float(x) for x in ask(p)]
    coarse = [float(x) for x in ask(space.coarse(p, _COARSE_NODES, _COARSE_S))]
    return fine, [abs(x - y) for x, y in zip(fine, coarse, strict=True)]


def _at_its_load(p: RefrigeratorParameters) -> Point:
    return at_load(running(p), _LOAD_W, _EFFORT)


def _outlet(work: Work) -> dict[str, Finding]:
    def ask(p: RefrigeratorParameters) -> tuple[float, ...]:
        point = _at_its_load(p)
        return point.outlet_k, point.carnot_fraction, point.coldest_outlet_k

    (outlet_k, carnot, coldest_k), off = on_two_grids(ask, RefrigeratorParameters())
    return {
        "machine-outlet": numerical(
            1e3 * outlet_k, 1e3 * off[0], _GRID,
            f"mean over a blow, weighted by the flow; coldest {coldest_k:.3f} K",
        ),
        "pump-reversibility": numerical(
            100.0 * carnot, 100.0 * off[1], _GRID, "of the whole machine, pump and all"
        ),
    }  # fmt: skip


def _conservative(work: Work) -> dict[str, Finding]:
    """Both models of the machine whose blow is the design sheet's."""
    p = RefrigeratorParameters()
    p = replace(p, cycle=replace(p.cycle, pump_high_t=SHEET_PUMP_T))

    def ask(p: RefrigeratorParameters) -> tuple[float, ...]:
        both = compared(p, _LOAD_W, Outcome(_LOAD_W, _at_its_load(p)))
        return both.outlet_k - both.design_outlet_k, both.outlet_k, both.blow_mol

    (apart_k, outlet_k, blow_mol), off = on_two_grids(ask, p)
    return {
        "design-conservative": numerical(
            1e3 * apart_k, 1e3 * off[0], _GRID,
            f"with the design sheet's blow of {1e3 * blow_mol:.0f} mmol: Eq. (3) "
            f"{outlet_k - apart_k:.3f} K, dynamic {outlet_k:.3f} K",
        )
    }  # fmt: skip


def _needs(work: Work) -> dict[str, Finding]:
    """The same machine without the field steps between blows, and without any swing."""
    p = RefrigeratorParameters()
    cycle, high_t = p.cycle, p.cycle.regen_cold_start_t
    unstepped = replace(cycle, regen_hot_start_t=cycle.regen_cold_end_t, regen_hot_end_t=high_t)
    still = replace(cycle, regen_cold_start_t=0.0, regen_hot_start_t=0.0, regen_hot_end_t=0.0)
    changed = {"field-steps-needed": unstepped, "field-swing-needed": still}
    return {name: _uncooled(replace(p, cycle=other)) for name, other in changed.items()}


def _uncooled(p: RefrigeratorParameters) -> Finding:
    (kelvin, drift_k), off = on_two_grids(_cycled, p)
    return numerical(
        kelvin, float(np.hypot(off[0], drift_k)), f"{_GRID}, drift over the last {_LAST} cycles",
        f"mean over a cycle, after {_CYCLES} of them",
    )  # fmt: skip


def _cycled(p: RefrigeratorParameters) -> tuple[float, float]:
    """T_CHX of a machine that was cold when it began to be cycled, and its drift, K."""
    machine = running(p)
    machine.chx_heater.power_setpoint_w = _LOAD_W
    kelvin = []
    for _ in range(_CYCLES):
        machine.step(machine.cycle.period_s)
        kelvin.append(machine.cycle.mean_chx_temperature_k)
    return kelvin[-1], abs(kelvin[-1] - kelvin[-1 - _LAST])


def _slip(work: Work) -> dict[str, Finding]:
    p = replace(RefrigeratorParameters(), fluid_closure="osmotic", concentration=_OSMOTIC_X)
    (chx_k,), (off_k,) = on_two_grids(lambda p: (_at_its_load(p).chx_k,), p)
    return {
        "viscous-interlock": numerical(
            chx_k, off_k, _GRID,
            f"T_CHX if superfluid slipped freely (x = {_OSMOTIC_X:g}); the paper's closure is in "
            "all other rows",
        )
    }  # fmt: skip


def _quench(work: Work) -> dict[str, Finding]:
    table = quenched()
    seconds, coil_a, supply_a, diode_a = table.T
    work.figure(
        "refrigerator-quench", _quench_figure(table),
        "A point of regenerator magnet A goes normal at 1.5 T: currents of coil, supply, diodes.",
        ["quench-diodes"],
    )  # fmt: skip
    return {
        "quench-diodes": exact(
            float(diode_a.max()), "read every 0.1 s",
            f"largest, {seconds[diode_a.argmax()]:.1f} s after the quench: of the supply's "
            f"{supply_a[diode_a.argmax()]:.2f} A the coil takes {coil_a[diode_a.argmax()]:.2f} A",
        )
    }  # fmt: skip


def quenched() -> NDArray[np.float64]:
    """A quench of regenerator magnet A at 1.5 T, as ``examples/refrigerator/quench.py`` tells it.

    Returns:
        Rows of time since the quench (s) and current of coil, supply and diodes (A).
    """
    machine = SimulatedRefrigerator()
    start_cold(machine)
    machine.cycle.stop()
    machine.step(120.0)
    supply, coil = machine.supplies["RegenA"], machine.magnets["RegenA"]
    supply.ramp_rate_a_per_s = 0.1
    supply.set_field(space.HIGHEST_T)
    machine.step(90.0)
    began_s = machine.time_s
    rows = []

    def look() -> None:
        row = (machine.time_s - began_s, coil.current_a, supply.supply_current_a)
        rows.append((*row, coil.diode_current_a))

    look()
    coil.quench()
    for _ in range(20):
        machine.step(0.1)
        look()
    return np.array(rows)


def _successor(work: Work) -> dict[str, Finding]:
    """The range of the internal field as the study scans it, the middle of it on two grids."""
    store = Store(work.folder / "successor.jsonl")
    which = successor.QUICK if work.quick else _BAR
    scanned = successor.scan(which, store)
    lowest = {s.internal_t: s.lowest.chx_k for s in scanned if s.lowest is not None}
    power = {s.internal_t: 1e6 * s.powered.power_w for s in scanned if s.powered.point is not None}
    middle = successor.DIPOLES_T
    finer_k, finer_uw = _finer(which.molecular_t[0])
    how = f"{_GRID}; range: internal field {min(lowest):g} to {max(lowest):g} T"
    return {
        "glf-temperature": spread(
            lowest[middle], min(lowest.values()), max(lowest.values()), f"numerical: {how}",
            abs(finer_k - lowest[middle]),
            "below 0.35 K nothing published supports the model of GLF",
        ),
        "glf-power": spread(
            power[middle], min(power.values()), max(power.values()), f"numerical: {how}",
            abs(finer_uw - power[middle]),
            "heater power at 0.35 K with 50 uW of parasitic load",
        ),
    }  # fmt: skip


def _finer(molecular_t: float) -> tuple[float, float]:
    """The middle material on the grid of its description: T_CHX (K) and power (uW)."""
    name = f"GLF b={successor.DIPOLES_T:g} lambda={molecular_t:g}"
    p = replace(shipped("glf").parameters, refrigerant=name)
    chx_k = at_load(running(p), 0.0, _EFFORT).chx_k
    power_w, _ = at_temperature(running(p), successor.GOAL_K, first_w=_FIRST_W, effort=_NEAR)
    return chx_k, 1e6 * power_w


#: On the way to a power: as near as the study goes, from about where it ends.
_FIRST_W: Final = 150e-6
_NEAR: Final = replace(_EFFORT, near_k=5e-3)
#: Materials of the error bar: the range of the internal field, at the middle molecular field.
_BAR: Final = successor.Scan(
    (successor.SCAN.range_t[0], successor.DIPOLES_T, successor.SCAN.range_t[1]), (-0.1,)
)


@styled
def _quench_figure(table: NDArray[np.float64]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    for column, name, marker in ((1, "coil", "o-"), (2, "supply", "s--"), (3, "diodes", "^:")):
        axes.plot(table[:, 0], table[:, column], marker, ms=3, label=name)
    axes.set(xlabel="time since the quench (s)", ylabel="current (A)", xlim=(-0.05, 1.0))
    axes.legend()
    return figure
