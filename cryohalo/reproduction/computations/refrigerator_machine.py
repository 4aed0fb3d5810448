"""The refrigerator's dynamic model: outlet, what the cycle needs, quench, successor.

Each number is a periodic state of a machine that differs from the default in one thing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from amrr.design import space, successor
from amrr.design.conservatism import SHEET_PUMP_T, with_pump_to
from amrr.design.points import Effort, at_load, running
from amrr.design.store import Store
from amrr.parameters import CycleParameters, RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold
from cryohalo.reproduction.finding import Finding, exact, numerical, spread
from cryohalo.reproduction.work import Answers, Work
from instruments.drawing import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compute"]

#: Of the machines here: good to 2 mK (40 lumps and 0.1 s move T_CHX by less).
_NODES, _DT_S, _ERROR_K = 20, 0.2, 2e-3
_EFFORT: Final = Effort(tolerance_k=1e-4)
_FINER: Final = "40 lumps and half the step move it by less"
_LOAD_W: Final = RefrigeratorParameters().operation.load_w
#: The osmotic closure separates with the default filling.
_OSMOTIC_X: Final = 0.06


def compute(work: Work) -> Answers:
    """Findings of the dynamic model."""
    found: dict[str, Finding] = {}
    steps = (_outlet, _conservative, _needs, _slip, _quench, _successor)
    for number, step in enumerate(steps):
        found |= step(work)
        work.tell((number + 1) / len(steps))
    return found


def _coarse(p: RefrigeratorParameters) -> RefrigeratorParameters:
    return space.coarse(p, _NODES, _DT_S)


def _outlet(work: Work) -> dict[str, Finding]:
    point = at_load(running(_coarse(RefrigeratorParameters())), _LOAD_W, _EFFORT)
    return {
        "machine-outlet": numerical(
            1e3 * point.outlet_k, 1e3 * _ERROR_K, _FINER,
            f"mean over a blow, weighted by the flow; coldest {point.coldest_outlet_k:.3f} K",
        ),
        "pump-reversibility": numerical(
            100.0 * point.carnot_fraction, 0.3, _FINER, "of the whole machine, pump and all",
        ),
    }  # fmt: skip


def _conservative(work: Work) -> dict[str, Finding]:
    both = with_pump_to(SHEET_PUMP_T, _LOAD_W)
    return {
        "design-conservative": numerical(
            1e3 * (both.outlet_k - both.design_outlet_k), 1e3 * _ERROR_K, _FINER,
            f"with the design sheet's blow of {1e3 * both.blow_mol:.0f} mmol: Eq. (3) "
            f"{both.design_outlet_k:.3f} K, dynamic {both.outlet_k:.3f} K",
        )
    }  # fmt: skip


def _needs(work: Work) -> dict[str, Finding]:
    """The same machine without the field steps between blows, and without any swing."""
    cycle = RefrigeratorParameters().cycle
    high_t = cycle.regen_cold_start_t
    unstepped = replace(cycle, regen_hot_start_t=cycle.regen_cold_end_t, regen_hot_end_t=high_t)
    still = replace(cycle, regen_cold_start_t=0.0, regen_hot_start_t=0.0, regen_hot_end_t=0.0)
    how = "40 lumps and half the step move it by less than 10 mK"
    return {
        name: numerical(_cycled(changed), 0.01, how, "mean over a cycle, after 60 of them")
        for name, changed in (("field-steps-needed", unstepped), ("field-swing-needed", still))
    }


def _cycled(cycle: CycleParameters, cycles: int = 60) -> float:
    """T_CHX of a machine that was cold when it began to be cycled so, K."""
    p = _coarse(replace(RefrigeratorParameters(), cycle=cycle))
    machine = running(p)
    machine.chx_heater.power_setpoint_w = _LOAD_W
    for _ in range(cycles):
        machine.step(machine.cycle.period_s)
    return float(machine.cycle.mean_chx_temperature_k)


def _slip(work: Work) -> dict[str, Finding]:
    p = _coarse(
        replace(RefrigeratorParameters(), fluid_closure="osmotic", concentration=_OSMOTIC_X)
    )
    point = at_load(running(p), _LOAD_W, _EFFORT)
    return {
        "viscous-interlock": numerical(
            point.chx_k, _ERROR_K, _FINER,
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
    store = Store(work.folder / "successor.jsonl")
    which = successor.QUICK if work.quick else _BAR
    scanned = successor.scan(which, store)
    lowest = {s.internal_t: s.lowest.chx_k for s in scanned if s.lowest is not None}
    power = {s.internal_t: 1e6 * s.powered.power_w for s in scanned if s.powered.point is not None}
    how = f"numerical: internal field {min(lowest):g} to {max(lowest):g} T"
    middle = successor.DIPOLES_T
    note = "below 0.35 K nothing published supports the model of GLF"
    return {
        "glf-temperature": spread(
            lowest[middle], min(lowest.values()), max(lowest.values()), how, _ERROR_K, note
        ),
        "glf-power": spread(
            power[middle], min(power.values()), max(power.values()), how, 5.0,
            "heater power at 0.35 K with 50 uW of parasitic load",
        ),
    }  # fmt: skip


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
