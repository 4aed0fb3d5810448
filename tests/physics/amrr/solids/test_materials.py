"""Metals, Kevlar and the pot: orders of magnitude from the handbooks, and refusals."""

import pytest

from amrr.cryostat import stage
from amrr.parameters import StageParameters
from amrr.solids.materials import ALUMINIUM_6061, COPPER, KEVLAR, STAINLESS_304
from amrr.solids.superconductor import SuperconductingWire


def test_handbook_values_at_1_k() -> None:
    assert COPPER.heat_capacity(1.0) == pytest.approx(0.0117, rel=0.02)
    assert STAINLESS_304.conductivity(1.0) == pytest.approx(0.06, rel=0.2)
    # Wiedemann-Franz: k rho = L T.
    for metal in (COPPER, ALUMINIUM_6061):
        lorenz = metal.conductivity(1.0) * metal.resistivity_ohm_m
        assert lorenz == pytest.approx(2.44e-8, rel=0.05)


def test_kevlar_isolates_the_canister() -> None:
    # Twelve strands of 0.1 mm2, 20 mm long, from 1.6 K to 0.9 K: well below the parasitic load.
    assert KEVLAR.conducted_w(12 * 0.1e-6, 20e-3, 1.6, 0.9) < 1e-6


def test_the_steel_wall_conducts_some_tens_of_microwatts() -> None:
    area = 3.14 * 25.9e-3 * 0.5e-3
    assert STAINLESS_304.conducted_w(area, 80.6e-3, 1.6, 0.85) == pytest.approx(30e-6, rel=0.3)


def test_outside_its_range_a_law_refuses() -> None:
    with pytest.raises(ValueError, match="copper: temperature = 300 K"):
        COPPER.conductivity(300.0)


def test_the_wire_refuses_a_state_or_a_current_that_it_cannot_have() -> None:
    wire = SuperconductingWire()
    with pytest.raises(ValueError, match="NbTi: temperature = -1 K is outside"):
        wire.critical_current_a(1.0, -1.0)
    with pytest.raises(ValueError, match="NbTi: field = nan T"):
        wire.critical_current_a(float("nan"), 4.2)
    with pytest.raises(ValueError, match=r"500 A at 1\.5 T is beyond the critical current"):
        wire.sharing_temperature_k(1.5, 500.0)


def test_the_pot_cools_54_mw_at_1_6_k() -> None:
    p = StageParameters()
    assert stage.cooling_power(1.6, p.pumping_speed_m3_per_s) == pytest.approx(54e-3, rel=0.02)
    assert stage.cooling_power(1.2, p.pumping_speed_m3_per_s) == pytest.approx(5.5e-3, rel=0.03)
