"""The paper's design model: canister length, field swing and magnet of one regenerator.

    (1)  dQ_GGG = T dS_GGG
    (2)  Q_ij = T_i n_i (dS/dB)(T_i, B_j) (B_{j+1} - B_j)
    (3)  n_in h(T_HHX) - n_out h(T_CHX) - sum_ij Q_ij = 0

Eq. (2) is the heat into the refrigerant of node i in step j, Eq. (3) the fluid's energy balance
over one blow. The temperature profile is the paper's: linear from the hot heat exchanger to the
outlet and constant in time, so neither bed nor fluid stores energy. Eq. (4) is in
``amrr.coils.solenoid``. The paper's Table 1 is not available: inputs that it would give are ours,
and are marked "assumed".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from amrr.coils.solenoid import Solenoid, turns_for
from amrr.fluid import helium
from amrr.solids.garnet import Paramagnet, paramagnet
from amrr.solids.superconductor import SuperconductingWire
from instruments.ranges import within

Array = NDArray[np.float64]

PAPER, ASSUMED, COMPUTED = "paper", "assumed", "computed"


def _input(default: Any, unit: str, source: str, text: str) -> Any:
    return field(default=default, metadata={"unit": unit, "source": source, "text": text})


#: Nodes and steps of Eq. (2): from the fewest that make a sum to some seconds of work.
_GRID: Final = (2, 2000)
#: An input may be so many times the default, or a part of it; beyond, no search for a bed ends.
_WIDEST: Final = 1000.0


@dataclass(frozen=True)
class DesignInputs:
    """What the design starts from; every field can be overridden in ``design_sheet``."""

    load_w: float = _input(600e-6, "W", PAPER, "cooling at the CHX, cycle mean")
    hot_k: float = _input(1.6, "K", PAPER, "hot heat exchanger")
    outlet_k: float = _input(0.750, "K", PAPER, "regenerator outlet")
    chx_k: float = _input(0.900, "K", PAPER, "fluid leaving the CHX")
    concentration: float = _input(0.10, "", ASSUMED, "3He mole fraction")
    flow_time_s: float = _input(80.0, "s", PAPER, "flow process")
    hold_time_s: float = _input(10.0, "s", PAPER, "no-flow process")
    swing_t: float = _input(0.74, "T", ASSUMED, "field swing of the flow process, down to 0")
    inner_diameter_m: float = _input(25.4e-3, "m", ASSUMED, "canister inner diameter")
    porosity: float = _input(0.38, "", PAPER, "porosity")
    refrigerant: str = _input("GGG", "", PAPER, "refrigerant")
    peak_field_t: float = _input(1.5, "T", PAPER, "magnet, central field")
    current_a: float = _input(4.7, "A", PAPER, "magnet current")
    wire_diameter_m: float = _input(0.127e-3, "m", PAPER, "insulated wire diameter")
    coil_length_m: float = _input(0.120, "m", ASSUMED, "winding length")
    coil_inner_radius_m: float = _input(16.5e-3, "m", ASSUMED, "mandrel radius")
    nodes: int = _input(100, "", ASSUMED, "spatial nodes N of Eq. (2)")
    steps: int = _input(80, "", ASSUMED, "time steps M of Eq. (2)")


@dataclass(frozen=True)
class SheetRow:
    """One line of the sheet, in SI units; ``source``: "paper", "assumed", "given", "computed"."""

    group: str
    name: str
    text: str
    value: float | str
    unit: str
    source: str


@dataclass(frozen=True)
class DesignSheet:
    """The inputs and all results, by row and by name."""

    inputs: DesignInputs
    rows: tuple[SheetRow, ...]

    def __getitem__(self, name: str) -> float | str:
        """Value of a row by its name; KeyError when there is none."""
        for row in self.rows:
            if row.name == name:
                return row.value
        raise KeyError(name)

    def number(self, name: str) -> float:
        """Value of a numeric row by its name."""
        return float(self[name])


def heat_per_mole(
    material: Paramagnet,
    swing_t: float,
    hot_k: float,
    cold_k: float,
    nodes: int = 100,
    steps: int = 80,
) -> float:
    """Eq. (2) summed over i and j for one mole of Gd spread evenly over the profile, J/mol.

    The heat that the refrigerant takes up while its field falls from ``swing_t`` to 0.
    """
    t = cold_k + (hot_k - cold_k) * (np.arange(nodes) + 0.5) / nodes
    edges = np.linspace(swing_t, 0.0, steps + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    slope = material.entropy_slope(t[:, None], middle[None, :])
    return float((t[:, None] * slope * np.diff(edges)).sum() / nodes)


def molar_flow(i: DesignInputs) -> float:
    """Mixture flow during a blow that carries the cycle-mean load, mol/s."""
    gain = _enthalpy(i.chx_k, i) - _enthalpy(i.outlet_k, i)
    duty = i.flow_time_s / (i.flow_time_s + i.hold_time_s)
    return i.load_w / (gain * duty)


def balance(i: DesignInputs, spins_mol: float, outlet_k: float, swing_t: float) -> float:
    """Left side of Eq. (3) over one blow of the design's flow, J.

    Positive when the bed takes up too little heat.
    """
    return blow_balance(i, molar_flow(i) * i.flow_time_s, spins_mol, outlet_k, swing_t)


def blow_balance(
    i: DesignInputs, moles: float, spins_mol: float, outlet_k: float, swing_t: float
) -> float:
    """Left side of Eq. (3) over a blow of so many moles of mixture, J."""
    of = paramagnet(i.refrigerant)
    heat = spins_mol * heat_per_mole(of, swing_t, i.hot_k, outlet_k, i.nodes, i.steps)
    return moles * (_enthalpy(i.hot_k, i) - _enthalpy(outlet_k, i)) - heat


def outlet_temperature(i: DesignInputs, spins_mol: float, swing_t: float) -> float:
    """Outlet that closes Eq. (3) for a given bed and swing, K; the flow stays that of the design.

    Sought where refrigerant and mixture have support; raises ValueError when it is not there.
    """
    return closing_outlet(i, molar_flow(i) * i.flow_time_s, spins_mol, swing_t)


def closing_outlet(i: DesignInputs, moles: float, spins_mol: float, swing_t: float) -> float:
    """Outlet that closes Eq. (3) for a given bed, swing and blow of so many moles, K.

    Sought where refrigerant and mixture have support; raises ValueError when it is not there.
    """
    lowest = max(
        paramagnet(i.refrigerant).lowest_temperature_k,
        helium.separation_temperature(i.concentration) + 1e-6,
    )
    return float(
        brentq(lambda t: blow_balance(i, moles, spins_mol, t, swing_t), lowest, i.hot_k - 0.02)
    )


def required_swing(i: DesignInputs, spins_mol: float) -> float:
    """Field swing that closes Eq. (3) for a given bed at the design outlet, T."""
    top = paramagnet(i.refrigerant).highest_field_t - 0.01
    return float(brentq(lambda b: balance(i, spins_mol, i.outlet_k, b), 0.05, top))


def design_sheet(**overrides: Any) -> DesignSheet:
    """Run the design model.

    Args:
        **overrides: Any field of ``DesignInputs``, in SI units.

    Raises:
        ValueError: An unknown name, a value that is not positive or not finite, temperatures in
            the wrong order, or a state outside the material models.
    """
    inputs = replace(DesignInputs(), **_checked(overrides))
    _check_states(inputs)
    rows = [
        SheetRow("inputs", f.name, f.metadata["text"], getattr(inputs, f.name), f.metadata["unit"],
            "given" if f.name in overrides else f.metadata["source"])
        for f in fields(DesignInputs)
    ]  # fmt: skip
    bed, spins_mol = _bed(inputs)
    rows += _flow(inputs) + bed + _check_rows(inputs, spins_mol) + _magnet(inputs)
    return DesignSheet(inputs, tuple(rows))


def format_sheet(sheet: DesignSheet) -> str:
    """The sheet as text, one line per row, assumed values marked."""
    lines: list[str] = []
    group = ""
    for row in sheet.rows:
        if row.group != group:
            group = row.group
            lines += ["", group.capitalize()]
        value, unit = _scaled(row.value, row.unit)
        mark = "" if row.source == COMPUTED else f"[{row.source}]"
        lines.append(f"  {row.text:<46s}{value:>12s} {unit:<7s}{mark}".rstrip())
    lines += ["", "The paper's Table 1 is not available: values marked [assumed] are ours."]
    return "\n".join(lines[1:])


def _enthalpy(temperature_k: float, i: DesignInputs) -> float:
    return float(helium.enthalpy(temperature_k, i.concentration))


def _checked(overrides: dict[str, Any]) -> dict[str, Any]:
    known = {f.name: f for f in fields(DesignInputs)}
    for name, value in overrides.items():
        if name not in known:
            raise ValueError(f"design: {name!r} is not an input; known: {', '.join(known)}")
        if name == "refrigerant":
            _check_refrigerant(value)
        elif not isinstance(value, int | float):
            raise ValueError(f"design: {name} = {value!r:.60} is not a number")
        elif not (math.isfinite(value) and value >= 0.0 and (value > 0.0 or name == "hold_time_s")):
            raise ValueError(f"design: {name} = {value:g} is not a positive number")
        elif name in ("nodes", "steps"):
            within(f"design: {name}", value, *_GRID, "")
        elif value > 0.0:
            default = float(known[name].default)  # type: ignore[arg-type]
            within(f"design: {name}", value, default / _WIDEST, default * _WIDEST, "")
    return {k: int(v) if k in ("nodes", "steps") else v for k, v in overrides.items()}


def _check_refrigerant(value: Any) -> None:
    try:
        paramagnet(str(value))
    except ValueError as error:
        raise ValueError(f"design: {error}") from None


def _check_states(i: DesignInputs) -> None:
    if not i.outlet_k < i.chx_k < i.hot_k:
        raise ValueError(
            f"design: need outlet < CHX < hot, got {i.outlet_k:g}, {i.chx_k:g}, {i.hot_k:g} K"
        )
    if not i.porosity < 1.0:
        raise ValueError(f"design: porosity {i.porosity:g} is not below 1")
    for t in (i.outlet_k, i.chx_k, i.hot_k):
        helium.check(t, i.concentration)
        paramagnet(i.refrigerant).check(t, i.swing_t)


def _flow(i: DesignInputs) -> list[SheetRow]:
    flow = molar_flow(i)
    per_mole = _enthalpy(i.hot_k, i) - _enthalpy(i.outlet_k, i)
    gain = _enthalpy(i.chx_k, i) - _enthalpy(i.outlet_k, i)
    volume = flow * i.flow_time_s * float(helium.molar_volume(i.concentration))
    return [
        SheetRow("fluid", "molar_flow", "mixture flow during a blow", flow, "mol/s", COMPUTED),
        SheetRow("fluid", "blow_volume", "volume of a blow", volume, "m3", COMPUTED),
        SheetRow("fluid", "regeneration_per_joule", "heat regenerated per joule of load",
            per_mole / gain, "J/J", COMPUTED),
        SheetRow("fluid", "blow_heat", "heat into the bed per blow",
            flow * i.flow_time_s * per_mole, "J", COMPUTED),
    ]  # fmt: skip


def _bed(i: DesignInputs) -> tuple[list[SheetRow], float]:
    material = paramagnet(i.refrigerant)
    per_mole = heat_per_mole(material, i.swing_t, i.hot_k, i.outlet_k, i.nodes, i.steps)
    moles = molar_flow(i) * i.flow_time_s
    spins = moles * (_enthalpy(i.hot_k, i) - _enthalpy(i.outlet_k, i)) / per_mole
    area = math.pi * i.inner_diameter_m**2 / 4.0
    length = spins / (material.spins_mol_per_m3 * (1.0 - i.porosity) * area)
    formula = spins / material.spins_per_formula
    rows = [
        SheetRow("bed", "heat_per_mole", "heat per mole of refrigerant and swing",
            per_mole * material.spins_per_formula, "J/mol", COMPUTED),
        SheetRow("bed", "refrigerant_mol", f"{i.refrigerant} in the bed", formula, "mol", COMPUTED),
        SheetRow("bed", "refrigerant_mass", f"{i.refrigerant} to pack for this porosity",
            formula * material.molar_mass_kg_per_mol, "kg", COMPUTED),
        SheetRow("bed", "length", "canister length for the outlet", length, "m", COMPUTED),
        SheetRow("bed", "void_volume", "fluid in the bed", i.porosity * area * length, "m3",
                 COMPUTED),
    ]  # fmt: skip
    return rows, spins


def _check_rows(i: DesignInputs, spins_mol: float) -> list[SheetRow]:
    outlet = outlet_temperature(i, spins_mol, i.swing_t)
    swing = required_swing(i, spins_mol)
    return [
        SheetRow("check", "outlet", "outlet that closes Eq. (3)", outlet, "K", COMPUTED),
        SheetRow("check", "required_swing", "swing that closes Eq. (3)", swing, "T", COMPUTED),
        SheetRow("check", "field_margin", "magnet field over required swing",
            i.peak_field_t / swing, "", COMPUTED),
    ]  # fmt: skip


def _magnet(i: DesignInputs) -> list[SheetRow]:
    turns = turns_for(
        i.peak_field_t, i.current_a, i.coil_length_m, i.coil_inner_radius_m, i.wire_diameter_m
    )
    coil = Solenoid(i.coil_length_m, i.coil_inner_radius_m, turns, i.wire_diameter_m)
    wire = SuperconductingWire(insulated_diameter_m=i.wire_diameter_m)
    peak_t = 1.07 * i.peak_field_t
    critical = wire.critical_current_a(peak_t, 4.2)
    return [
        SheetRow("magnet", "turns", "turns", float(turns), "", COMPUTED),
        SheetRow("magnet", "layers", "layers", coil.layers, "", COMPUTED),
        SheetRow("magnet", "thickness", "winding thickness", coil.thickness_m, "m", COMPUTED),
        SheetRow("magnet", "wire_length", "wire", coil.wire_length_m, "m", COMPUTED),
        SheetRow("magnet", "centre_field", "central field at this current",
            coil.centre_t_per_a * i.current_a, "T", COMPUTED),
        SheetRow("magnet", "end_field", "field at the end of the winding",
            coil.end_t_per_a * i.current_a, "T", COMPUTED),
        SheetRow("magnet", "field_per_ampere", "central field per ampere",
            coil.centre_t_per_a, "T/A", COMPUTED),
        SheetRow("magnet", "inductance", "inductance", coil.inductance_h, "H", COMPUTED),
        SheetRow("magnet", "stored_energy", "stored energy",
            coil.stored_energy_j(i.current_a), "J", COMPUTED),
        SheetRow("magnet", "ramp_voltage", "coil voltage of this swing in a no-flow process",
            _ramp_voltage(i, coil), "V", COMPUTED),
        SheetRow("magnet", "critical_current", "critical current at 4.2 K and peak field",
            critical, "A", COMPUTED),
        SheetRow("magnet", "sharing_temperature", "current-sharing temperature",
            wire.sharing_temperature_k(peak_t, i.current_a), "K", COMPUTED),
    ]  # fmt: skip


def _ramp_voltage(i: DesignInputs, coil: Solenoid) -> float:
    if i.hold_time_s == 0.0:
        return math.inf
    return coil.inductance_h * i.swing_t / coil.centre_t_per_a / i.hold_time_s


_PREFIXES = {"W": (1e6, "uW"), "m": (1e3, "mm"), "m3": (1e6, "cm3"), "kg": (1e3, "g"),
             "mol/s": (1e3, "mmol/s")}  # fmt: skip


def _scaled(value: float | str, unit: str) -> tuple[str, str]:
    if isinstance(value, str):
        return value, unit
    factor, shown = _PREFIXES.get(unit, (1.0, unit))
    if unit == "m" and value > 100.0:
        factor, shown = 1e-3, "km"
    number = value * factor
    text = f"{number:.0f}" if number == round(number) and abs(number) < 1e6 else f"{number:.5g}"
    return text, shown
