"""Every number that describes the refrigerator, with its unit and its source.

The paper's Table 1 (the final dimensions) is not available. Values marked "assumed" are ours: a
set that is consistent with everything the paper does state, found with its own design model
(:mod:`amrr.design.sizing`). Values marked "paper" are the paper's.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar

from amrr.coils.solenoid import Solenoid
from amrr.solids.materials import COPPER
from amrr.solids.superconductor import SuperconductingWire


@dataclass(frozen=True)
class RegeneratorParameters:
    """One packed bed of crushed refrigerant in a steel canister.

    Attributes:
        inner_diameter_m: Canister, assumed.
        length_m: Bed, assumed: what the design model asks for at a swing of 0.74 T.
        porosity: Paper.
        particle_diameter_m: Paper: 0.2 to 1.2 mm, roughly 1 mm.
        wall_thickness_m: Stainless steel, assumed.
        nodes: Lumps along the bed; 40 is converged to 1 mK.
        fluid_conductivity_w_per_m_k: Of the mixture at 1 K and x = 0.1 (`amrr.circuit.conduction`);
            0.01 to 0.1 is possible and it is the least certain loss.
        dispersion_per_grain: Dispersivity of the packing over the grain size: half, as in beds of
            spheres at large Peclet numbers (Delgado 2006); crushed grains may have twice that.
        header_height_m: Free height between the screens and the end cap, assumed: what distributes
            a flow of 0.1 cm3/s over 25 mm.
        cap_kg: Steel of one end cap, assumed.
    """

    inner_diameter_m: float = 25.4e-3
    length_m: float = 80.6e-3
    porosity: float = 0.38
    particle_diameter_m: float = 1.0e-3
    wall_thickness_m: float = 0.5e-3
    nodes: int = 40
    fluid_conductivity_w_per_m_k: float = 0.03
    dispersion_per_grain: float = 0.5
    header_height_m: float = 0.5e-3
    cap_kg: float = 0.02

    @property
    def dispersivity_m(self) -> float:
        """Spreading of 3He per length flowed, m: D over the velocity in the pores."""
        return self.dispersion_per_grain * self.particle_diameter_m

    @property
    def area_m2(self) -> float:
        """Cross-section of the empty canister."""
        return math.pi * self.inner_diameter_m**2 / 4.0

    @property
    def volume_m3(self) -> float:
        """Volume of the empty canister."""
        return self.area_m2 * self.length_m

    @property
    def wall_area_m2(self) -> float:
        """Cross-section of the steel wall."""
        return math.pi * (self.inner_diameter_m + self.wall_thickness_m) * self.wall_thickness_m


@dataclass(frozen=True)
class PumpParameters:
    """The superfluid magnetic pump: two beds, one superleak. Assumed, but for the pores (paper).

    Attributes:
        bed_volume_m3: Volume of one empty canister.
        refrigerant: Key of `amrr.solids.garnet.MATERIALS`; the paper's pump is filled with GGG.
        porosity: As in the regenerators.
        link_w_per_k: Conductance from a bed to the 1 K stage.
        flow_resistance_pa_s_per_m3: Of the loop (2 m of 1.5 mm tube).
        superleak_onset_k: Superfluid onset in the pores, pure 4He; falls with x as T_lambda does.
            1.95 K is Vycor's.
        largest_flow_m3_per_s: Critical flow of the superleak.
    """

    bed_volume_m3: float = 66e-6
    refrigerant: str = "GGG"
    porosity: float = 0.38
    link_w_per_k: float = 1e-3
    flow_resistance_pa_s_per_m3: float = 4e7
    superleak_onset_k: float = 1.95
    largest_flow_m3_per_s: float = 300e-9


@dataclass(frozen=True)
class ExchangerParameters:
    """Hot and cold heat exchangers. All assumed, but that the cold one is tubing on a copper plate.

    Attributes:
        hot_volume_m3: Fluid in one hot exchanger.
        hot_link_w_per_k: Conductance of one hot exchanger to the 1.6 K stage.
        cold_tube_length_m: Tubing on the plate of the cold exchanger. Its volume must stay well
            below that of a blow.
        cold_tube_bore_m: Its bore.
        cold_contact_w_per_k: From the fluid to the plate, all along: the fluid itself (Nusselt
            number 3.7, 0.03 W/(m K), 70 W/(m2 K)) and its boundary (Kapitza resistance 20 cm2 K4/W
            over T^3, 360 W/(m2 K) at 0.9 K) in series over the tube's wall.
        cold_nodes: Lumps along the tubing, and of the plate under it.
        cold_plate_kg: Copper plate of the cold exchanger.
        cold_plate_length_m: Length over which the tubing runs.
        parasitic_w: Heat leak into the cold exchanger.
        highest_heater_w: Range of its heater.
    """

    hot_volume_m3: float = 1.5e-6
    hot_link_w_per_k: float = 0.5
    cold_tube_length_m: float = 0.6
    cold_tube_bore_m: float = 1.5e-3
    cold_contact_w_per_k: float = 0.17
    cold_nodes: int = 4
    cold_plate_kg: float = 0.3
    cold_plate_length_m: float = 0.1
    parasitic_w: float = 50e-6
    highest_heater_w: float = 5e-3

    @property
    def cold_volume_m3(self) -> float:
        """Fluid in the cold exchanger."""
        return math.pi * self.cold_tube_bore_m**2 / 4.0 * self.cold_tube_length_m

    @property
    def cold_plate_area_m2(self) -> float:
        """Cross-section of its plate."""
        return self.cold_plate_kg / COPPER.density_kg_per_m3 / self.cold_plate_length_m


@dataclass(frozen=True)
class LineParameters:
    """A tube from a regenerator to an exchanger; one each side. All assumed.

    The paper says that a short copper tube is brazed into each end cap; what is joined to it is
    not said. Steel is assumed, which does not short the cold end to the exchanger.

    Attributes:
        length_m: Length.
        bore_m: Bore.
        wall_thickness_m: Of stainless steel.
        nodes: Lumps along it.
    """

    length_m: float
    bore_m: float = 1.5e-3
    wall_thickness_m: float = 0.25e-3
    nodes: int = 3

    @property
    def area_m2(self) -> float:
        """Cross-section of the fluid."""
        return math.pi * self.bore_m**2 / 4.0

    @property
    def volume_m3(self) -> float:
        """Fluid in it."""
        return self.area_m2 * self.length_m

    @property
    def wall_area_m2(self) -> float:
        """Cross-section of the wall."""
        return math.pi * (self.bore_m + self.wall_thickness_m) * self.wall_thickness_m


@dataclass(frozen=True)
class DetectorParameters:
    """A detector's stage on a cold line, at a distance from the magnets. All assumed.

    Attributes:
        fitted: Whether the machine has it.
        side: Which regenerator's line: "A" or "B".
        distance_m: Along the line from that regenerator's end cap.
        capacity_j_per_k: At 1 K, proportional to T: 0.1 kg of copper.
        link_w_per_k: From the stage to the fluid that passes under it: 5 cm of the line.
        load_w: What it dissipates, until another power is set.
        highest_w: Largest power that may be set.
    """

    fitted: bool = False
    side: str = "A"
    distance_m: float = 0.075
    capacity_j_per_k: float = 1.1e-3
    link_w_per_k: float = 0.015
    load_w: float = 0.0
    highest_w: float = 2e-3


@dataclass(frozen=True)
class CoilParameters:
    """One solenoid with its protection diodes and its place on the stage.

    Attributes:
        solenoid: Assumed mandrel (120 mm long, 33 mm across) for the paper's 1.5 T at 4.7 A, 0.127
            mm wire.
        wire: Paper: 54 filaments of 9 um.
        diode_cold_v: Forward voltage of the cold 1N4001 pair; 1.5 to 3 V at 4 K. Assumed 2.6 V, so
            that the nominal 10 s field step (2.1 V) stays just below it.
        diode_warm_v: Forward voltage once warm.
        diode_warm_k: Temperature at which half of the difference is gone.
        diode_ohm: Differential resistance.
        diode_capacity_j_per_k: Heat capacity of the diode pocket.
        diode_link_w_per_k: From the pocket to the mandrel.
        stage_link_w_per_k: From the coil to the 1 K stage, assumed.
        capacity_linear_j_per_k2: Coil and mandrel: C = a T + b T^3/(1 + (T/22)^2). Estimate: 0.23
            kg of copper and NbTi, 50 g of aluminium, 25 g of epoxy.
        capacity_cubic_j_per_k4: b.
        propagation_s: Time for a normal zone to fill the winding.
        peak_field_factor: Field at the winding over the central field.
        mandrel_thickness_m: 6061 aluminium, for eddy heating.
    """

    solenoid: Solenoid = field(default_factory=lambda: Solenoid(0.120, 16.5e-3, 31872))
    wire: SuperconductingWire = field(default_factory=SuperconductingWire)
    diode_cold_v: float = 2.6
    diode_warm_v: float = 0.9
    diode_warm_k: float = 15.0
    diode_ohm: float = 0.1
    diode_capacity_j_per_k: float = 0.02
    diode_link_w_per_k: float = 0.05
    stage_link_w_per_k: float = 5e-3
    capacity_linear_j_per_k2: float = 3.3e-3
    capacity_cubic_j_per_k4: float = 1.5e-3
    propagation_s: float = 0.1
    peak_field_factor: float = 1.07
    mandrel_thickness_m: float = 1.5e-3


@dataclass(frozen=True)
class StageParameters:
    """The pumped 4He pot that carries the hot exchangers and magnets, and its controller.

    Attributes:
        setpoint_k: Paper: 1.6 K.
        pumping_speed_m3_per_s: Effective, at 300 K; assumed (54 mW at 1.6 K).
        helium_kg: Liquid in the pot; assumed. Its heat capacity is the stage's.
        heat_leak_w: From 4 K; assumed.
        highest_heater_w: Range of the trim heater.
    """

    setpoint_k: float = 1.6
    pumping_speed_m3_per_s: float = 2e-3
    helium_kg: float = 0.050
    heat_leak_w: float = 3e-3
    highest_heater_w: float = 0.1


@dataclass(frozen=True)
class CycleParameters:
    """The cycle: durations are the paper's, fields ours (the paper gives none but the 1.5 T limit).

    Attributes:
        flow_time_s: Paper: 80 s.
        hold_time_s: Paper: 10 s.
        pump_low_t: Pump bed field at the start of its expulsion.
        pump_high_t: At its end.
        regen_cold_start_t: Regenerator at the start of the blow towards the cold end.
        regen_cold_end_t: At its end.
        regen_hot_start_t: Regenerator at the start of the blow towards the hot end.
        regen_hot_end_t: At its end.
        square_ramp: True: B^2 linear in time during flow (constant heat, as dQ/dB is about
            proportional to B); False: B linear in time.
    """

    flow_time_s: float = 80.0
    hold_time_s: float = 10.0
    pump_low_t: float = 0.6
    pump_high_t: float = 1.3
    regen_cold_start_t: float = 0.74
    regen_cold_end_t: float = 0.0
    regen_hot_start_t: float = 0.742
    regen_hot_end_t: float = 1.12
    square_ramp: bool = True


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
    relative_noise: float = 1e-4
    excitation_w: float = 1e-11
    sensor_link_w_per_k: float = 1e-6
    dwell_s: float = 2.0


@dataclass(frozen=True)
class RefrigeratorParameters:
    """The whole refrigerator.

    Attributes:
        dt_s: Fixed step.
        refrigerant: Of the regenerators, a key of :data:`amrr.solids.garnet.MATERIALS`.
        concentration: 3He mole fraction of the filling, assumed.
        fluid_closure: "bulk" (the paper's: normal fluid and superfluid move together) or "osmotic"
            (superfluid slips until mu4 is uniform).
        slip_s: Osmotic closure: relaxation time of a lump against its neighbour, assumed; small
            against 1 s.
        slip_diffusivity_m2_per_s: Bulk closure: diffusivity of 3He against the bulk flow, which
            also sets its heat flush (`amrr.circuit.slip`). Assumed: small, as this closure says.
            Where phonons alone resist it is 3e-4 (Lamoreaux et al. 2002, 0.9 K, very dilute), and
            the closure is the osmotic one.
    """

    dt_s: float = 0.1
    refrigerant: str = "GGG"
    concentration: float = 0.10
    fluid_closure: str = "bulk"
    slip_s: float = 0.002
    slip_diffusivity_m2_per_s: float = 1e-8
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

    @property
    def detectors(self) -> dict[str, DetectorParameters]:
        """The detectors' stages that the machine has, by name: ``Detector1`` and so on."""
        all_of_them = (self.detector1, self.detector2, self.detector3, self.detector4)
        return {f"Detector{k}": d for k, d in enumerate(all_of_them, 1) if d.fitted}

    def digest(self) -> str:
        """Short hash of all values: recorded with every run."""
        text = json.dumps(asdict(self), sort_keys=True)
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
