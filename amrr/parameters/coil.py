"""Magnets: winding, wire, protection diodes and place on the stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from amrr.coils.solenoid import Solenoid
from amrr.origins import assumed, unmeasured
from amrr.solids.superconductor import SuperconductingWire


@dataclass(frozen=True)
class CoilParameters:
    """One solenoid with its protection diodes and its place on the stage.

    Attributes:
        solenoid: Assumed mandrel (120 mm long, 33 mm across) for the paper's 1.5 T at 4.7 A, 0.127
            mm wire.
        wire: Paper: 54 filaments of 9 um.
        diode_cold_v: Forward voltage of the cold 1N4001 pair; 1.5 to 3 V at 4 K. Assumed 2.75 V, so
            that the nominal 10 s field step (2.14 V), and one to 0.9 T, stay below it.
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
    diode_cold_v: float = unmeasured(
        2.75,
        1.5,
        3.0,
        "pairs of cold 1N4001; single silicon junctions begin at 1.6 V",
        source="Lake Shore, temperature measurement catalogue, appendix G: DT-470 at 1.4 K",
    )
    diode_warm_v: float = unmeasured(
        0.9,
        0.7,
        1.1,
        "a silicon pair at some amperes",
    )
    diode_warm_k: float = unmeasured(
        15.0,
        8.0,
        30.0,
        "where carriers freeze out",
        decades=True,
    )
    diode_ohm: float = unmeasured(
        0.1,
        0.03,
        0.3,
        "of a 1 A rectifier",
        decades=True,
    )
    diode_capacity_j_per_k: float = unmeasured(
        0.02,
        0.005,
        0.1,
        "some grams of epoxy, 4 to 15 K",
        decades=True,
    )
    diode_link_w_per_k: float = unmeasured(
        0.05,
        0.01,
        0.2,
        "1 cm2 of epoxy, 0.2 to 4 mm thick",
        decades=True,
    )
    stage_link_w_per_k: float = assumed(
        5e-3,
        1e-3,
        2e-2,
        "from a bolted bracket to a strap",
        decades=True,
    )
    capacity_linear_j_per_k2: float = assumed(
        3.3e-3,
        2.3e-3,
        4.3e-3,
        "30 % of the masses",
    )
    capacity_cubic_j_per_k4: float = assumed(
        1.5e-3,
        1.0e-3,
        2.0e-3,
        "30 % of the masses",
    )
    propagation_s: float = unmeasured(
        0.1,
        0.05,
        0.2,
        "of a potted winding of this size",
        decades=True,
    )
    peak_field_factor: float = unmeasured(
        1.07,
        1.02,
        1.1,
        "thin long coils",
    )
    mandrel_thickness_m: float = assumed(
        1.5e-3,
        1.0e-3,
        3.0e-3,
        "what is left of thick-walled tube after turning",
        decades=True,
    )
