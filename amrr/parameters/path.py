"""What fluid passes between the beds: lines, heat exchangers, stages of detectors."""

from __future__ import annotations

import math
from dataclasses import dataclass

from amrr.origins import assumed, chosen, unmeasured
from amrr.solids.materials import COPPER


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
        cold_ballast_j_per_k: Heat capacity that is bolted to the plate for stability, at 1 K, taken
            proportional to T; 0: none. 0.1 kg of GGG far from all fields hold 2 J/K.
        cold_plate_length_m: Length over which the tubing runs.
        parasitic_w: Heat leak into the cold exchanger.
        highest_heater_w: Range of its heater.
    """

    hot_volume_m3: float = assumed(
        1.5e-6,
        0.5e-6,
        5e-6,
        "0.3 to 3 m of 1.5 mm tube",
        decades=True,
    )
    hot_link_w_per_k: float = assumed(
        0.5,
        0.1,
        2.0,
        "a fifth and four times of what tubing brazed on copper has",
        decades=True,
    )
    cold_tube_length_m: float = assumed(
        0.6,
        0.2,
        3.0,
        "two passes of a small plate, to a serpentine",
        decades=True,
    )
    cold_tube_bore_m: float = assumed(
        1.5e-3,
        1.0e-3,
        2.5e-3,
        "1/16 to 1/8 inch tube",
        decades=True,
    )
    cold_contact_w_per_k: float = unmeasured(
        0.17,
        0.05,
        0.4,
        "Kapitza resistances of 10 to 50 cm2 K4/W, and the fluid's conductivity by its own range",
        decades=True,
    )
    cold_nodes: int = chosen(4)
    cold_plate_kg: float = assumed(
        0.3,
        0.1,
        1.0,
        "40 cm2 of 3 mm, to 100 cm2 of 10 mm",
        decades=True,
    )
    cold_plate_length_m: float = assumed(
        0.1,
        0.05,
        0.2,
        "of the same plates",
        decades=True,
    )
    cold_ballast_j_per_k: float = chosen(0.0)
    parasitic_w: float = unmeasured(
        50e-6,
        10e-6,
        200e-6,
        "suspension, wires and radiation from 1.6 K, well and badly made",
        decades=True,
    )
    highest_heater_w: float = chosen(5e-3)

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

    length_m: float = assumed(
        0.15,
        0.05,
        0.5,
        "directly above the exchanger, to once about the cryostat",
        decades=True,
    )
    bore_m: float = assumed(
        1.5e-3,
        1.0e-3,
        2.5e-3,
        "1/16 to 1/8 inch tube",
        decades=True,
    )
    wall_thickness_m: float = assumed(
        0.25e-3,
        0.1e-3,
        0.5e-3,
        "drawn tube of that bore",
        decades=True,
    )
    nodes: int = chosen(3)

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
    """A detector's stage on a cold line, at a distance from the magnets.

    What is mounted, where and with which load is the choice of who mounts it.

    Attributes:
        fitted: Whether the machine has it.
        side: Which regenerator's line: "A" or "B".
        distance_m: Along the line from that regenerator's end cap.
        capacity_j_per_k: At 1 K, proportional to T: 0.1 kg of copper.
        link_w_per_k: From the stage to the fluid that passes under it: 5 cm of the line.
        load_w: What it dissipates, until another power is set.
        highest_w: Largest power that may be set.
    """

    fitted: bool = chosen(False)
    side: str = chosen("A")
    distance_m: float = chosen(0.075)
    capacity_j_per_k: float = assumed(
        1.1e-3,
        1e-4,
        1e-2,
        "10 g to 1 kg of copper",
        decades=True,
    )
    link_w_per_k: float = assumed(
        0.015,
        3e-3,
        0.05,
        "1 to 15 cm of the line, brazed",
        decades=True,
    )
    load_w: float = chosen(0.0)
    highest_w: float = chosen(2e-3)
