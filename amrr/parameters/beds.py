"""The packed beds: two regenerators and the two beds of the pump, with their superleak."""

from __future__ import annotations

import math
from dataclasses import dataclass

from amrr.origins import assumed, chosen, paper, unmeasured


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
        fluid_conductivity_w_per_m_k: Of the mixture at 1 K and x = 0.1 (module
            ``amrr.circuit.conduction``); 0.01 to 0.1 is possible and it is the least certain loss.
        dispersion_per_grain: Dispersivity of the packing over the grain size: half, as in beds of
            spheres at large Peclet numbers (Delgado 2006); crushed grains may have twice that.
        header_height_m: Free height between the screens and the end cap, assumed: what distributes
            a flow of 0.1 cm3/s over 25 mm.
        cap_kg: Steel of one end cap, assumed.
    """

    inner_diameter_m: float = assumed(
        25.4e-3,
        23e-3,
        27e-3,
        "what fits the bore of a 33 mm mandrel with wall and suspension",
    )
    length_m: float = assumed(
        80.6e-3,
        70e-3,
        90e-3,
        "what Eq. (3) asks for at swings of 0.70 to 0.80 T",
    )
    porosity: float = paper(0.38)
    particle_diameter_m: float = assumed(
        1.0e-3,
        0.2e-3,
        1.2e-3,
        "the sieves; crushed grains have every size between",
        source="the paper",
    )
    wall_thickness_m: float = assumed(
        0.5e-3,
        0.25e-3,
        1.0e-3,
        "thin-walled tube that can be welded",
    )
    nodes: int = chosen(40)
    fluid_conductivity_w_per_m_k: float = unmeasured(
        0.03,
        0.01,
        0.1,
        "3He against phonons at x = 1e-4 to 1e-2, carried on to 0.1 by 1/x; no data there",
        source="Lamoreaux et al., Europhys. Lett. 58, 718 (2002); Murphy and Meyer, J. Low Temp. "
        "Phys. 99, 745 (1995)",
        decades=True,
    )
    dispersion_per_grain: float = unmeasured(
        0.5,
        0.25,
        1.0,
        "spheres 0.5; crushed grains up to twice, slow flow down to half",
        source="Delgado, Heat Mass Transfer 42, 279 (2006)",
        decades=True,
    )
    header_height_m: float = assumed(
        0.5e-3,
        0.1e-3,
        2.0e-3,
        "from a gap under the screen to a machined recess",
        decades=True,
    )
    cap_kg: float = assumed(
        0.02,
        0.01,
        0.05,
        "steel of 25 mm across, 2 to 12 mm thick",
        decades=True,
    )

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
        bed_length_m: Its length, in the middle of its magnet: a bed of this volume, 29 mm across,
            fills the bore. It feels 0.948 of the field at the centre, its mean over this length.
        refrigerant: Name for ``amrr.solids.garnet.paramagnet``; the paper's pump holds GGG.
        porosity: As in the regenerators.
        link_w_per_k: Conductance from a bed to the 1 K stage.
        flow_resistance_pa_s_per_m3: Of the loop (2 m of 1.5 mm tube).
        superleak_onset_k: Superfluid onset in the pores, pure 4He; falls with x as T_lambda does.
            1.95 K is Vycor's.
        largest_flow_m3_per_s: Critical flow of the superleak.
    """

    bed_volume_m3: float = assumed(
        66e-6,
        55e-6,
        80e-6,
        "1.4 to 2 regenerators: it must displace 8 cm3 in a blow",
    )
    bed_length_m: float = assumed(
        0.1,
        0.09,
        0.11,
        "what gives its volume in the bore of a 33 mm mandrel, inside a coil of 120 mm",
    )
    refrigerant: str = paper("GGG")
    porosity: float = assumed(
        0.38,
        0.36,
        0.42,
        "random packing of crushed grains; the paper's 0.38 is the regenerators'",
    )
    link_w_per_k: float = assumed(
        1e-3,
        2e-4,
        5e-3,
        "from a suspended bed to one on a weak strap",
        decades=True,
    )
    flow_resistance_pa_s_per_m3: float = assumed(
        4e7,
        1e7,
        1e9,
        "2 m of tube, from 2 mm to 0.7 mm of bore",
        decades=True,
    )
    superleak_onset_k: float = unmeasured(
        1.95,
        1.8,
        2.0,
        "Vycor's 1.95 K in pores of 4 to 7 nm; the paper's pump works about a stage at 1.6 K",
        source="Mikami et al. 2012 find 0.83 to 1.37 K in 4 to 6 nm Gelsil, which would not pump",
    )
    largest_flow_m3_per_s: float = unmeasured(
        300e-9,
        150e-9,
        1e-6,
        "0.3 to 3 m/s in the pores of 1 to 2 mm2 of superleak; pumping needs 130e-9",
        decades=True,
    )
