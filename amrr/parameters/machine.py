"""Every number that describes the refrigerator, with its unit, its source and its range.

The paper's Table 1 (the final dimensions) is not available. Fields made by ``paper`` are the
paper's; those made by ``assumed`` are ours: a set that is consistent with everything the paper does
state, found with its own design model (``amrr.design.sizing``), each with the range that it may
have (``amrr.origins``). What an operator sets is ``chosen``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Final

from amrr.origins import Nature, assumed, chosen, paper, unmeasured
from amrr.parameters.beds import PumpParameters, RegeneratorParameters
from amrr.parameters.coil import CoilParameters
from amrr.parameters.operation import OperationParameters
from amrr.parameters.path import DetectorParameters, ExchangerParameters, LineParameters

#: The lowest that a pot is pumped to, K; a setpoint below is that of a stage that is held.
LOWEST_POT_K: Final = 1.2


@dataclass(frozen=True)
class StageParameters:
    """The pumped 4He pot that carries the hot exchangers and magnets, and its controller.

    Attributes:
        setpoint_k: Paper: 1.6 K. Below 1.2 K the stage is no pot, but held (``held``).
        pumping_speed_m3_per_s: Effective, at 300 K; assumed (54 mW at 1.6 K).
        helium_kg: Liquid in the full pot; assumed. What is left of it makes nearly all of the
            stage's heat capacity.
        metal_kg: Copper of plate and pot, which is what holds heat when the pot is dry; assumed.
        heat_leak_w: From 4 K; assumed.
        highest_heater_w: Range of the trim heater.
    """

    setpoint_k: float = paper(1.6)
    pumping_speed_m3_per_s: float = assumed(
        2e-3,
        1e-3,
        4e-3,
        "a rotary pump through a long line, to a booster",
        decades=True,
    )
    helium_kg: float = assumed(
        0.050,
        0.02,
        0.1,
        "0.14 to 0.7 litre",
        decades=True,
    )
    metal_kg: float = assumed(
        10.0,
        3.0,
        30.0,
        "a plate of 30 cm, 6 to 20 mm thick, with its pot and brackets",
        decades=True,
    )
    heat_leak_w: float = unmeasured(
        3e-3,
        1e-3,
        1e-2,
        "leads of four magnets and supports from 4 K",
        decades=True,
    )
    highest_heater_w: float = chosen(0.1)

    @property
    def held(self) -> bool:
        """Whether the stage is held at its setpoint, as another machine's cold exchanger holds it.

        That is so below what a pumped pot reaches (``amrr.design.two_stages``).
        """
        return self.setpoint_k < LOWEST_POT_K


@dataclass(frozen=True)
class CycleParameters:
    """The cycle: durations are the paper's, fields ours (the paper gives none but the 1.5 T limit).

    Attributes:
        flow_time_s: Paper: 80 s.
        hold_time_s: Paper: 10 s.
        pump_low_t: Pump magnet at the start of its bed's expulsion. A bed feels 0.948 of it: 0.6 to
            1.3 T give the flow that the regenerators are sized for, and the two waypoints are
            chosen so (with 0.6 and 1.3 T in the magnets T_CHX would be 0.960 K).
        pump_high_t: At its end.
        regen_cold_start_t: Regenerator at the start of the blow towards the cold end.
        regen_cold_end_t: At its end.
        regen_hot_start_t: Regenerator at the start of the blow towards the hot end.
        regen_hot_end_t: At its end.
        square_ramp: True: B^2 linear in time during flow (constant heat, as dQ/dB is about
            proportional to B); False: B linear in time, which gives 0.879 K instead of 0.919 K at
            600 uW. The paper states no waveform.
    """

    flow_time_s: float = paper(80.0)
    hold_time_s: float = paper(10.0)
    pump_low_t: float = chosen(0.63)
    pump_high_t: float = chosen(1.37)
    regen_cold_start_t: float = chosen(0.74)
    regen_cold_end_t: float = chosen(0.0)
    regen_hot_start_t: float = chosen(0.742)
    regen_hot_end_t: float = chosen(1.12)
    square_ramp: bool = chosen(True)


#: Fields that lift 1 mW near 0.9 K, none above the paper's 1.5 T; times as by default.
STRONG_CYCLE: Final = CycleParameters(
    pump_low_t=0.5,
    pump_high_t=1.5,
    regen_cold_start_t=0.85,
    regen_hot_start_t=0.85,
    regen_hot_end_t=1.3,
)


@dataclass(frozen=True)
class ThermometryParameters:
    """Resistance thermometers, bridge and scanner (Lake Shore CX-1010 sensors, 372 bridge).

    Attributes:
        relative_noise: Standard deviation of one resistance reading.
        excitation_w: Power left in a sensor.
        sensor_link_w_per_k: From the sensor to what it measures; assumed.
        dwell_s: Time the scanner spends on one channel, assumed.
        accuracy_k: What a calibrated sensor is good for, stated for those who compare: the maker
            gives 5 mK at 1.4 K and 4.2 K (Lake Shore, Cernox specifications, "calibrated
            accuracy"); assumed to hold down to 0.3 K too, where that table says nothing. Of the
            class, not of a machine, and outside the digest: nothing simulated depends on it.
    """

    accuracy_k: ClassVar[float] = 0.005
    relative_noise: float = chosen(1e-4)
    excitation_w: float = chosen(1e-11)
    sensor_link_w_per_k: float = unmeasured(
        1e-6,
        1e-7,
        1e-5,
        "a glued chip at 0.5 to 1.6 K; 10 pW make 1 to 100 uK over it",
        decades=True,
    )
    dwell_s: float = chosen(2.0)


@dataclass(frozen=True)
class RefrigeratorParameters:
    """The whole refrigerator.

    Attributes:
        dt_s: Fixed step.
        refrigerant: Of the regenerators, a name for ``amrr.solids.garnet.paramagnet``.
        concentration: 3He mole fraction of the filling, assumed.
        fluid_closure: "bulk" (the paper's: normal fluid and superfluid move together) or "osmotic"
            (superfluid slips until mu4 is uniform).
        slip_s: Osmotic closure: relaxation time of a lump against its neighbour, assumed; small
            against 1 s.
        slip_diffusivity_m2_per_s: Bulk closure: diffusivity of 3He against the bulk flow, which
            also sets its heat flush (``amrr.circuit.slip``). Assumed: small, as this closure says.
            Where phonons alone resist it is 3e-4 (Lamoreaux et al. 2002, 0.9 K, very dilute), and
            the closure is the osmotic one.
        molecular_field_scale: Of the refrigerants' lambda (``amrr.solids.garnet``), beds and pump.
        excitations_scale: Of the free energy of phonons and rotons in the mixture (``amrr.fluid``).
    """

    dt_s: float = chosen(0.1)
    refrigerant: str = paper("GGG")
    concentration: float = assumed(
        0.10,
        0.06,
        0.14,
        "below, the pump moves more 4He than heat; above, T_lambda nears the pump's beds",
    )
    fluid_closure: str = paper("bulk")
    slip_s: float = chosen(0.002)
    slip_diffusivity_m2_per_s: float = assumed(
        1e-8,
        0.0,
        1e-4,
        "none where mutual friction locks the fluids, as the paper says, up to what phonons "
        "alone leave (3e-4 at 0.9 K, x = 1e-4); not measured at x = 0.1, 1 K, in a packing",
        source="the paper; Castelijns et al., Phys. Rev. B 31, 2870 (1985): friction, 0.15 K; "
        "Lamoreaux et al., Europhys. Lett. 58, 718 (2002)",
        nature=Nature.PROPERTY,
        decades=True,
        floor=1e-9,
    )
    molecular_field_scale: float = unmeasured(
        1.0,
        0.85,
        1.15,
        "-1.0 +- 0.15 T: entropy in field to 15 %; no tables in field were found",
        source="theta = -2.3 K and the demagnetisation of a packed bed",
    )
    excitations_scale: float = unmeasured(
        1.0,
        0.9,
        1.1,
        "10 % of the mixture's entropy above 1.4 K, where nothing tests the shifted 4He at x = 0.1",
    )
    regenerator: RegeneratorParameters = field(default_factory=RegeneratorParameters)
    pump: PumpParameters = field(default_factory=PumpParameters)
    exchangers: ExchangerParameters = field(default_factory=ExchangerParameters)
    cold_line: LineParameters = field(default_factory=lambda: LineParameters(0.15))
    hot_line: LineParameters = field(default_factory=lambda: LineParameters(0.15))
    detector1: DetectorParameters = field(default_factory=lambda: DetectorParameters(fitted=True))
    detector2: DetectorParameters = field(
        default_factory=lambda: DetectorParameters(fitted=True, side="B")
    )
    detector3: DetectorParameters = field(default_factory=DetectorParameters)
    detector4: DetectorParameters = field(default_factory=lambda: DetectorParameters(side="B"))
    pump_magnet: CoilParameters = field(default_factory=CoilParameters)
    regenerator_magnet: CoilParameters = field(default_factory=CoilParameters)
    stage: StageParameters = field(default_factory=StageParameters)
    cycle: CycleParameters = field(default_factory=CycleParameters)
    thermometry: ThermometryParameters = field(default_factory=ThermometryParameters)
    operation: OperationParameters = field(default_factory=OperationParameters)

    @property
    def detectors(self) -> dict[str, DetectorParameters]:
        """The detectors' stages that the machine has, by name: ``Detector1`` and so on."""
        all_of_them = (self.detector1, self.detector2, self.detector3, self.detector4)
        return {f"Detector{k}": d for k, d in enumerate(all_of_them, 1) if d.fitted}

    @property
    def stage_range_k(self) -> tuple[float, float]:
        """Setpoints of the stage, K; its own among them, of one that another machine holds too."""
        own, run = self.stage.setpoint_k, self.operation
        return min(run.stage_low_k, own), max(run.stage_high_k, own)

    def digest(self) -> str:
        """Short hash of all values that the physics depends on: recorded with every run."""
        values = asdict(self)
        del values["operation"]
        text = json.dumps(values, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def flat(self) -> dict[str, Any]:
        """All values by dotted name, for listings."""
        return dict(_walk(self, ""))


def _walk(part: Any, prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for f in fields(part):
        value = getattr(part, f.name)
        name = f"{prefix}{f.name}"
        found += _walk(value, f"{name}.") if is_dataclass(value) else [(name, value)]
    return found
