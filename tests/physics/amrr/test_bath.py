"""The bath: conservation, the pot's own evaporation, identical bits, and a stage without helium."""

import numpy as np
import pytest

from amrr.cryostat import bath, stage
from amrr.fluid import helium
from amrr.fluid.helium_flow import latent_heat_4he
from amrr.refrigerator import SimulatedRefrigerator
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
