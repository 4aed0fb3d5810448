"""Alarm limits of the refrigerator's temperatures, from how it is operated."""

from __future__ import annotations

from amrr.parameters import RefrigeratorParameters
from pvdb.records import AlarmLimits

__all__ = ["bed_alarms", "cold_alarms", "stage_alarms"]


def stage_alarms(p: RefrigeratorParameters) -> AlarmLimits:
    """About the setpoint that the stage is meant to have."""
    own, run = p.stage.setpoint_k, p.operation
    return AlarmLimits(
        lolo=own - run.stage_far_k,
        low=own - run.stage_ready_k,
        high=own + run.stage_ready_k,
        hihi=own + run.stage_far_k,
        hysteresis=0.2 * run.stage_ready_k,
    )


def cold_alarms(p: RefrigeratorParameters) -> AlarmLimits:
    """Of what is cold: above the stage the cycle heats."""
    high_k = p.stage.setpoint_k + p.operation.cold_above_stage_k
    return AlarmLimits(high=high_k, hihi=p.operation.cold_hihi_k, hysteresis=0.02)


def bed_alarms(p: RefrigeratorParameters) -> AlarmLimits:
    """Of beds and hot exchangers."""
    return AlarmLimits(high=p.operation.bed_high_k, hihi=p.operation.bed_hihi_k, hysteresis=0.05)
