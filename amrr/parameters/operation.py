"""How the refrigerator is operated: what plans begin with, what interlocks and alarms hold."""

from __future__ import annotations

from dataclasses import dataclass

from amrr.origins import chosen


@dataclass(frozen=True)
class OperationParameters:
    """What whoever runs the machine sets; the physics does not depend on it, nor does the digest.

    Attributes:
        name: Of the machine.
        load_w: Heater power of a cool-down.
        cold_setpoint_k: Temperature of the cold exchanger that is usually held.
        cold_low_k: Lowest setpoint of the cold exchanger.
        cold_high_k: Highest.
        stage_low_k: Lowest setpoint of the stage.
        stage_high_k: Highest.
        stage_ready_k: The stage is ready within this of its setpoint: the hot exchangers' control
            band is 10 mK, and a start needs no better.
        stage_far_k: Major alarm of the stage beyond this of its setpoint; a minor one where it is
            not ready.
        cold_above_stage_k: Minor alarm of what is cold when it is this much above the stage: the
            cycle heats.
        cold_hihi_k: Major alarm of what is cold: the helium is no longer superfluid.
        bed_high_k: Minor alarm of a bed.
        bed_hihi_k: Major alarm of a bed.
        coil_cold_k: Coils below this have recovered from a quench (NbTi at 1.5 T shares current
            above 7 K).
        coil_empty_a: A coil below this is empty.
        lowest_helium_percent: The cycle stops below this level: a day's helium is left.
        low_helium_percent: Minor alarm of the level.
    """

    name: str = chosen("AMRR")
    load_w: float = chosen(600e-6)
    cold_setpoint_k: float = chosen(0.9)
    cold_low_k: float = chosen(0.3)
    cold_high_k: float = chosen(2.0)
    stage_low_k: float = chosen(1.2)
    stage_high_k: float = chosen(2.0)
    stage_ready_k: float = chosen(0.05)
    stage_far_k: float = chosen(0.2)
    cold_above_stage_k: float = chosen(0.1)
    cold_hihi_k: float = chosen(2.1)
    bed_high_k: float = chosen(2.5)
    bed_hihi_k: float = chosen(4.5)
    coil_cold_k: float = chosen(5.0)
    coil_empty_a: float = chosen(0.02)
    lowest_helium_percent: float = chosen(10.0)
    low_helium_percent: float = chosen(20.0)
