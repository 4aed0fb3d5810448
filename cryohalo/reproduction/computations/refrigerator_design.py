"""The refrigerator's design: properties of GGG and helium, Eqs. (1) to (4), the design sheet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from amrr.coils.solenoid import Solenoid
from amrr.design.sizing import (
    DesignInputs,
    DesignSheet,
    design_sheet,
    heat_per_mole,
    outlet_temperature,
    required_swing,
)
from amrr.fluid import helium, helium4, helium_flow
from amrr.parameters import CoilParameters, RefrigeratorParameters
from amrr.solids.garnet import GGG, paramagnet
from cryohalo.reproduction.finding import Finding, exact, numerical, spread
from cryohalo.reproduction.work import Answers, Work
from instruments.constants import VACUUM_PERMEABILITY_H_PER_M
from instruments.drawing import BLUE, GREY, RED, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compute"]

_READ_BACK: Final = "none: a parameter, read back"


def compute(work: Work) -> Answers:
    """Findings of the design."""
    sheet = design_sheet()
    found = {**_materials(), **_inputs(), **_sheet(sheet), **_equations(sheet)}
    work.tell(0.8)
    work.figure(
        "refrigerator-design",
        _figure(sheet),
        "Eq. (3): outlet that each field swing gives with the bed of the design sheet. "
        "The swing that closes it at 0.75 K is less than half of what the magnet reaches.",
        ["design-outlet", "field-margin"],
    )
    return found


def _materials() -> dict[str, Finding]:
    lowered = GGG.entropy(np.array([1.0, GGG.highest_temperature_k]), 0.0) - GGG.entropy(
        np.array([1.0, GGG.highest_temperature_k]), DesignInputs().peak_field_t
    )
    return {
        "lambda-point": numerical(
            float(helium.lambda_temperature(0.0)), 5e-4, "last digit of the published fit"
        ),
        "superfluid-at-1k": numerical(
            100.0 * float(helium_flow.superfluid_fraction(1.0)), 0.1,
            "last digit of the published table",
        ),
        "heat-capacity-ratio": _heat_capacities(),
        "magnetocaloric-range": exact(
            float(lowered[1] / lowered[0]), "the model's own form; data in field are not published",
            f"entropy that 1.5 T takes at {GGG.highest_temperature_k:g} K over that at 1 K; the "
            "model says nothing between there and 20 K",
        ),
    }  # fmt: skip


def _heat_capacities() -> Finding:
    """Of a gram of 3He in the mixture over one of 4He, both at 1 K."""
    kelvin, light = 1.0, helium.MOLAR_MASS_3HE_KG
    shares = np.array([0.01, 0.03, 0.05, RefrigeratorParameters().concentration])
    four = float(helium4.heat_capacity_4he(kelvin))
    # Phonons and rotons belong to the 4He, whose lambda line the 3He moves: taken off as they are.
    stretch = helium.lambda_temperature(0.0) / helium.lambda_temperature(shares)
    whole = helium.heat_capacity(kelvin, shares)
    three = (whole - (1.0 - shares) * helium4.heat_capacity_4he(stretch * kelvin)) / shares
    ratio = (three / light) / (four / helium.MOLAR_MASS_4HE_KG)
    diluted = (whole[0] - (1.0 - shares[0]) * four) / shares[0] / light
    with_all = diluted / (four / helium.MOLAR_MASS_4HE_KG)
    return spread(
        float(ratio[-1]), float(ratio.min()), float(ratio.max()),
        f"numerical: over mole fractions {shares[0]:g} to {shares[-1]:g}",
        note=f"the gas of 3He alone; {with_all:.0f} with what dilution does to the 4He",
    )  # fmt: skip


def _inputs() -> dict[str, Finding]:
    p = RefrigeratorParameters()
    coil: CoilParameters = p.regenerator_magnet
    return {
        "wire-filaments": exact(coil.wire.filaments, _READ_BACK),
        "wire-filament-diameter": exact(1e6 * coil.wire.filament_diameter_m, _READ_BACK),
        "wire-diameter": exact(1e3 * coil.wire.insulated_diameter_m, _READ_BACK),
        "porosity": exact(p.regenerator.porosity, _READ_BACK),
        "particle-size": exact(1e3 * p.regenerator.particle_diameter_m, _READ_BACK),
    }


def _sheet(sheet: DesignSheet) -> dict[str, Finding]:
    i = sheet.inputs
    volume = sheet.number("length") * math.pi * i.inner_diameter_m**2 / 4.0
    share = sheet.number("refrigerant_mass") / paramagnet(i.refrigerant).density_kg_per_m3 / volume
    critical = sheet.number("critical_current")
    return {
        "packing-share": exact(100.0 * share, "closed form: mass of the sheet over density"),
        "design-outlet": numerical(sheet.number("outlet"), _by_grid(sheet), "finer nodes, steps"),
        "field-margin": numerical(
            sheet.number("field_margin"), _margin_by_grid(sheet), "finer nodes, steps",
            f"the bed is sized for a swing of {sheet.number('required_swing'):.2f} T (assumed)",
        ),
        "canister-length": exact(
            1e3 * sheet.number("length"), "closed form",
            "with an inner diameter of 25.4 mm and x = 0.10, both assumed",
        ),
        "magnet-turns": exact(sheet.number("turns"), "closed form", "on an assumed mandrel"),
        "magnet-field": exact(
            sheet.number("centre_field"), "closed form, to one turn",
            "turns are chosen for it, on an assumed mandrel",
        ),
        "conservative-current": exact(
            100.0 * i.current_a / critical, "none stated: published critical currents, times 0.8",
            f"of {critical:.0f} A at 4.2 K and the field at the winding",
        ),
        "step-voltage": exact(
            sheet.number("ramp_voltage"), "closed form",
            "of the nominal field step in 10 s; single silicon junctions begin at about 1.6 V cold",
        ),
    }  # fmt: skip


def _by_grid(sheet: DesignSheet) -> float:
    """How far the outlet moves with a finer grid, K."""
    finer = replace(sheet.inputs, nodes=2 * sheet.inputs.nodes, steps=2 * sheet.inputs.steps)
    return abs(outlet_temperature(finer, _spins(sheet), finer.swing_t) - sheet.number("outlet"))


def _margin_by_grid(sheet: DesignSheet) -> float:
    """How far the margin moves with a finer grid."""
    i = sheet.inputs
    finer = replace(i, nodes=2 * i.nodes, steps=2 * i.steps)
    swings = [required_swing(one, _spins(sheet)) for one in (i, finer)]
    return abs(i.peak_field_t / swings[0] - i.peak_field_t / swings[1])


def _spins(sheet: DesignSheet) -> float:
    return sheet.number("refrigerant_mol") * paramagnet(sheet.inputs.refrigerant).spins_per_formula


def _equations(sheet: DesignSheet) -> dict[str, Finding]:
    i = sheet.inputs
    permeability = VACUUM_PERMEABILITY_H_PER_M / (math.pi * 1e-7)
    return {
        "eq2-sum": _eq2(i),
        "eq4-field": _eq4(sheet),
        "vacuum-permeability": exact(permeability, _READ_BACK),
    }


def _eq2(i: DesignInputs) -> Finding:
    """The sum of Eq. (2) over the integral of T dS, which needs no derivative."""
    material = paramagnet(i.refrigerant)

    def integral(order: int) -> float:
        nodes, weights = np.polynomial.legendre.leggauss(order)
        kelvin = i.outlet_k + (i.hot_k - i.outlet_k) * 0.5 * (nodes + 1.0)
        taken_up = material.entropy(kelvin, 0.0) - material.entropy(kelvin, i.swing_t)
        return float(0.5 * np.sum(weights * kelvin * taken_up))

    whole, half = integral(40), integral(20)
    summed = heat_per_mole(material, i.swing_t, i.hot_k, i.outlet_k, i.nodes, i.steps)
    return numerical(
        summed / whole, abs(half / whole - 1.0), "quadrature of the integral, half the nodes",
        f"{i.nodes} nodes and {i.steps} steps",
    )  # fmt: skip


def _eq4(sheet: DesignSheet) -> Finding:
    """Eq. (4) in the centre over the field of loops spread evenly over the winding."""
    i = sheet.inputs
    coil = Solenoid(
        i.coil_length_m, i.coil_inner_radius_m, int(sheet.number("turns")), i.wire_diameter_m
    )
    simple, whole = coil.centre_t_per_a, [_loops(coil, layers) for layers in (200, 400)]
    return numerical(
        simple / whole[1], abs(whole[1] - whole[0]) / whole[1], "finer layers",
        "the effective radius stands for a winding of 3.7 mm",
    )  # fmt: skip


def _loops(coil: Solenoid, layers: int) -> float:
    """Central field per ampere of loops in so many layers, T/A."""
    radii = coil.inner_radius_m + coil.thickness_m * (np.arange(layers) + 0.5) / layers
    half = 0.5 * coil.length_m
    each: NDArray[np.float64] = half / np.hypot(half, radii)
    return float(VACUUM_PERMEABILITY_H_PER_M * coil.turns / coil.length_m * each.mean())


@styled
def _figure(sheet: DesignSheet) -> Figure:
    from matplotlib.figure import Figure

    i, spins = sheet.inputs, _spins(sheet)
    swings = np.linspace(0.66, 0.84, 13)
    outlets = [outlet_temperature(i, spins, float(swing)) for swing in swings]
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(swings, outlets, color=BLUE, label="outlet that closes Eq. (3)")
    axes.plot([required_swing(i, spins)], [i.outlet_k], "o", color=RED, label="paper: 0.75 K")
    axes.axvline(i.peak_field_t / 2, color=GREY, ls=":", label="half of the magnet's 1.5 T")
    axes.set(xlabel="field swing of the flow process (T)", ylabel="outlet to the CHX (K)")
    axes.legend()
    return figure
