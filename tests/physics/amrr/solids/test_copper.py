"""Copper against handbook values: its heat capacity, and what a hot spot comes to with it."""

import math

import numpy as np
import pytest

from amrr.coils import magnet
from amrr.coils.magnet import SuperconductingMagnet
from amrr.parameters import CoilParameters, RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.solids import copper
from amrr.solids.materials import COPPER

#: White and Collocott, J. Phys. Chem. Ref. Data 13, 1251 (1984): K and J/(kg K).
HANDBOOK = {
    4.0: 0.0909, 10.0: 0.860, 20.0: 7.27, 30.0: 26.6, 50.0: 97.1, 77.0: 195.0, 100.0: 252.0,
    150.0: 313.0, 200.0: 356.0, 300.0: 386.0,
}  # fmt: skip


@pytest.mark.parametrize(("kelvin", "published"), HANDBOOK.items())
def test_the_heat_capacity_is_the_handbooks(kelvin: float, published: float) -> None:
    assert copper.heat_capacity(kelvin) == pytest.approx(published, rel=0.04)


def test_it_saturates_at_three_r_per_mole() -> None:
    dulong_petit = 3.0 * 8.314462618 / 63.546e-3
    capacities = [copper.heat_capacity(k) for k in np.geomspace(1.0, 2000.0, 500)]
    assert (np.diff(capacities) >= 0.0).all()
    assert capacities[-1] == pytest.approx(dulong_petit, rel=0.03)


@pytest.mark.parametrize("kelvin", [0.5, 1.0, 4.0, 9.9])
def test_there_is_one_copper(kelvin: float) -> None:
    assert copper.heat_capacity(kelvin) == pytest.approx(COPPER.heat_capacity(kelvin), rel=1e-12)
    assert RefrigeratorParameters().pump_magnet.wire.residual_resistivity_ohm_m == (
        COPPER.resistivity_ohm_m
    )


def quenched(propagation_s: float) -> tuple[SuperconductingMagnet, list[float], float]:
    """A coil that quenches at 4.7 A; its current in every ms of 8 s, and its hottest spot in K."""
    state = np.zeros(magnet.STATE_SIZE)
    state[[magnet.TEMPERATURE, magnet.DIODE_TEMPERATURE, magnet.HOT_SPOT]] = 1.6
    coil = SuperconductingMagnet(CoilParameters(propagation_s=propagation_s), state)
    state[magnet.CURRENT] = 4.7
    coil.quench()
    currents, hottest_k = [4.7], 0.0
    for k in range(8000):
        coil.step(4.7 if k < 20 else 0.0, 1e-3)  # then the supply has switched off
        currents.append(coil.current_a)
        hottest_k = max(hottest_k, coil.hot_spot_k)
    return coil, currents, hottest_k


@pytest.mark.parametrize("propagation_s", [0.1, 2.0])
def test_the_hot_spot_is_what_the_handbook_makes_of_the_current(propagation_s: float) -> None:
    coil, currents, hottest_k = quenched(propagation_s)
    wire, kelvin = coil.parameters.wire, 10.0
    areas_m4 = wire.copper_area_m2 * wire.metal_area_m2
    for current in currents:
        capacity = np.exp(np.interp(math.log(kelvin), *np.log(list(HANDBOOK.items())).T))
        ohm_m = copper.resistivity(kelvin, wire.residual_resistivity_ohm_m)
        kelvin += 1e-3 * ohm_m * current**2 / (areas_m4 * capacity * COPPER.density_kg_per_m3)
    # Without what it shares with the winding within some seconds, which is no more than that.
    assert 0.75 * kelvin < hottest_k < 1.02 * kelvin


def test_a_machine_says_when_a_magnet_has_left_its_heat_capacities() -> None:
    machine = SimulatedRefrigerator()
    saved = machine.state()
    saved["coils"][2, [magnet.HOT_SPOT, magnet.TEMPERATURE]] = 320.0, 120.0
    machine.restore(saved)
    words = " ".join(machine.warnings)
    assert "RegenA: hot spot at 320 K is above the heat capacity of copper: 300 K" in words
    assert "RegenA: winding at 120 K is above the winding's heat capacity: 100 K" in words
