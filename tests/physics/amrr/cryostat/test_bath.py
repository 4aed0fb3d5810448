"""The bath: conservation, the pot's own evaporation, identical bits, and a stage without helium."""

from dataclasses import replace

import numpy as np
import pytest

from amrr import kernel
from amrr.cryostat import bath, stage
from amrr.fluid import helium
from amrr.fluid.helium_flow import latent_heat_4he
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.solids.materials import COPPER
from instruments.errors import Refused

PERIOD_S = 25.6


@pytest.fixture
def idle() -> SimulatedRefrigerator:
    return SimulatedRefrigerator(seed=1)


def moles(machine: SimulatedRefrigerator) -> float:
    return float(machine.state()["bath"][bath.MOLES])


def test_the_pot_takes_what_its_cooling_power_evaporates(idle: SimulatedRefrigerator) -> None:
    for kelvin in (1.2, 1.6, 2.0):
        power_w = stage.cooling_power(kelvin, idle.parameters.stage.pumping_speed_m3_per_s)
        evaporated = idle.bath.evaporation_mol_per_s(kelvin)
        assert evaporated * latent_heat_4he(kelvin) == pytest.approx(power_w, rel=1e-3)


def test_the_level_falls_by_evaporation_and_boil_off(idle: SimulatedRefrigerator) -> None:
    before = moles(idle)
    idle.step(40 * PERIOD_S)
    leak_mol_per_s = bath.HEAT_LEAK_W / float(latent_heat_4he(4.2))
    expected = (idle.bath.evaporation_mol_per_s(1.6) + leak_mol_per_s) * 40 * PERIOD_S
    assert before - moles(idle) == pytest.approx(expected, rel=0.02)
    assert 0.998 < idle.bath.level < 1.0


def test_the_level_does_not_depend_on_the_slices() -> None:
    states = []
    for slices in (1, 13, 700):
        machine = SimulatedRefrigerator(seed=5)
        machine.bath.losing = True
        for _ in range(slices):
            machine.step(700.0 / slices)
        states.append(machine.state())
    assert np.array_equal(states[0]["bath"], states[1]["bath"])
    assert np.array_equal(states[0]["bath"], states[2]["bath"])


def test_the_bath_is_part_of_the_state(idle: SimulatedRefrigerator) -> None:
    idle.bath.losing = True
    idle.step(100.0)
    saved = idle.state()
    idle.step(100.0)
    lower = moles(idle)
    idle.restore(saved)
    idle.step(100.0)
    assert moles(idle) == lower
    del saved["bath"]
    idle.restore(saved)
    assert idle.bath.level == 1.0
    with pytest.raises(Refused, match="nodes"):
        idle.restore({**saved, "nodes": np.zeros(3)})


def test_a_transfer_ends_when_the_bath_is_full(idle: SimulatedRefrigerator) -> None:
    idle.bath.filling = True
    assert not idle.bath.filling, "it is full"
    idle.bath.losing = True
    idle.step(10 * PERIOD_S)
    idle.bath.losing = False
    assert idle.bath.level < 0.8
    idle.bath.filling = True
    assert idle.busy
    idle.step(20 * PERIOD_S)
    assert idle.bath.level > 0.999
    assert not idle.busy


def test_a_dry_pot_does_not_cool_and_helium_brings_the_stage_back(
    idle: SimulatedRefrigerator,
) -> None:
    saved = idle.state()
    saved["bath"][bath.MOLES] = 0.5 * idle.parameters.stage.helium_kg / helium.MOLAR_MASS_4HE_KG
    idle.restore(saved)
    idle.step(600.0)
    assert idle.bath.level == 0.0
    assert idle.stage.temperature_k == pytest.approx(1.6, abs=0.01), "the pot is not dry yet"
    idle.step(4 * 3600.0)
    assert idle.bath.dry
    warm_k = idle.stage.temperature_k
    assert warm_k > 1.62
    idle.bath.filling = True
    idle.step(3600.0)
    assert idle.stage.temperature_k < warm_k


def dry(machine: SimulatedRefrigerator, stage_k: float) -> None:
    """Empty the pot, with the stage at this temperature."""
    saved = machine.state()
    saved["bath"][bath.MOLES] = 0.0
    saved["machine"][kernel.STAGE] = stage_k
    machine.restore(saved)


def test_a_dry_pot_has_no_helium_that_keeps_it_cold(idle: SimulatedRefrigerator) -> None:
    # 50 g of helium would take 9.5 h from 1.75 to 3.03 K; plate, coils and beds take a third.
    dry(idle, 1.75)
    idle.step(3600.0)
    assert idle.stage.temperature_k > 2.2
    idle.step(3 * 3600.0)
    assert idle.stage.temperature_k > 3.0


def test_the_stages_heat_capacity_follows_the_level() -> None:
    p = RefrigeratorParameters()
    tables = stage.Tables(p)
    full, half, none = (tables.at(filled)[0] for filled in (1.0, 0.5, 0.0))
    at = round((1.6 - stage.FIRST_K) / stage.STEP_K)
    assert full[at] - half[at] == pytest.approx(half[at] - none[at])
    assert full[at] == pytest.approx(79.0, rel=0.03), "50 g at 1.59 J/(g K)"
    assert none[at] == pytest.approx(COPPER.heat_capacity(1.6) * p.stage.metal_kg)
    assert (tables.at(0.0)[1] == -p.stage.heat_leak_w).all()


def test_a_dry_stage_follows_strong_links_in_long_steps_without_swinging() -> None:
    p = RefrigeratorParameters(dt_s=1.0)
    strong = replace(p, exchangers=replace(p.exchangers, hot_link_w_per_k=100.0))
    machine = SimulatedRefrigerator(strong)
    dry(machine, 1.7)
    machine.stage.closed_loop = False
    readings = []
    for _ in range(200):
        machine.advance(1)
        readings.append(machine.stage.temperature_k)
    assert np.abs(np.diff(readings[20:], 2)).max() < 1e-4
    assert 1.6 < min(readings) <= max(readings) < 1.9
