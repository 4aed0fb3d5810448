"""What a refrigerator's parameters state for plans and screens."""

from __future__ import annotations

from dataclasses import fields

from amrr.description import ColdEnd, Cycle, Helium, Magnets, RefrigeratorDescription, Stage
from amrr.parameters import CoilParameters, RefrigeratorParameters
from instruments.magnets.supply import SupplyParameters

__all__ = ["describe"]


def describe(p: RefrigeratorParameters) -> RefrigeratorDescription:
    """The description of a machine with these parameters."""
    run = p.operation
    return RefrigeratorDescription(
        name=run.name,
        stage=Stage(
            setpoint_k=p.stage.setpoint_k,
            low_k=p.stage_range_k[0],
            high_k=p.stage_range_k[1],
            ready_k=run.stage_ready_k,
            held=float(p.stage.held),
        ),
        cold=ColdEnd(
            setpoint_k=run.cold_setpoint_k,
            low_k=run.cold_low_k,
            high_k=run.cold_high_k,
            load_w=min(run.load_w, p.exchangers.highest_heater_w),
            highest_heater_w=p.exchangers.highest_heater_w,
        ),
        cycle=Cycle(**{item.name: getattr(p.cycle, item.name) for item in fields(Cycle)}),
        magnets=Magnets(
            highest_pump_t=_highest_t(p.pump_magnet),
            highest_regenerator_t=_highest_t(p.regenerator_magnet),
            coil_cold_k=run.coil_cold_k,
            coil_empty_a=run.coil_empty_a,
        ),
        helium=Helium(lowest_percent=run.lowest_helium_percent, low_percent=run.low_helium_percent),
        parameters_hash=p.digest(),
    )


def _highest_t(coil: CoilParameters) -> float:
    return SupplyParameters().current_limit_a * coil.solenoid.centre_t_per_a
