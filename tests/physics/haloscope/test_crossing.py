"""The TM share beside a mode crossing, against the coupled modes of the simulated cavity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.apparatus.cavity import CavityState
from haloscope.crossing import tm_share

PULL_HZ = 20e3
TE_HZ, COUPLING_HZ = 1094.63e6, 63.3e3
TM = CavityState(
    tm_hz=1.1e9, wall_width_hz=10e3, strong_width_hz=20e3, weak_width_hz=1.0, rod_share=0.4,
    form_factor=0.6, te_hz=(TE_HZ,), te_width_hz=(9e3,), te_coupling_hz=(COUPLING_HZ,),
)  # fmt: skip
#: What a map finds: where the pull is its limit, g^2 / p to both sides.
INTERVAL = (TE_HZ - COUPLING_HZ**2 / PULL_HZ, TE_HZ + COUPLING_HZ**2 / PULL_HZ)


def hybrid(away_hz: float) -> tuple[CavityState, float, float]:
    """The cavity with its resonance this far from the TE mode; the resonance and its TM share."""
    cavity = replace(TM, tm_hz=TE_HZ + away_hz - COUPLING_HZ**2 / away_hz)
    at = int(np.argmax(cavity.tm_fractions()))
    return cavity, float(cavity.resonances_hz()[at]), float(cavity.tm_fractions()[at])


@pytest.mark.parametrize("away_hz", [-900e3, -400e3, -205e3, 205e3, 250e3, 600e3, 3e6])
def test_the_share_is_that_of_the_coupled_modes(away_hz: float) -> None:
    _, resonance_hz, share = hybrid(away_hz)
    assert resonance_hz == pytest.approx(TE_HZ + away_hz, abs=100)
    assert float(tm_share(resonance_hz, [INTERVAL], PULL_HZ)) == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("away_hz", [-400e3, -205e3, 205e3, 600e3])
def test_the_share_times_what_is_measured_is_the_axion_s_power(away_hz: float) -> None:
    """|chi|^2 kappa_e of the cavity against C Q_L beta/(1 + beta) of its measured resonance."""
    cavity, resonance_hz, share = hybrid(away_hz)
    loaded_hz = share * cavity.loaded_width_hz + (1 - share) * 9e3
    coupled_hz = share * cavity.strong_width_hz
    truth = cavity.strong_width_hz * np.abs(cavity.response(np.array([resonance_hz]))) ** 2
    measured = 4 * coupled_hz / loaded_hz**2
    assert float(truth[0] / measured) == pytest.approx(
        float(tm_share(resonance_hz, [INTERVAL], PULL_HZ)), rel=0.01
    )


def test_without_a_crossing_it_is_all_tm() -> None:
    assert tm_share(np.array([1.09e9, 1.1e9]), [], PULL_HZ).tolist() == [1.0, 1.0]
    assert float(tm_share(1.1e9, [INTERVAL], PULL_HZ)) > 0.9997


def test_an_interval_as_a_map_of_20_khz_steps_finds_it_is_good_enough() -> None:
    for wider_hz in (0.0, 20e3):
        found = (INTERVAL[0] - wider_hz, INTERVAL[1] + 0.5 * wider_hz)
        for away_hz in (-230e3, 230e3, 500e3):
            _, resonance_hz, share = hybrid(away_hz)
            assert float(tm_share(resonance_hz, [found], PULL_HZ)) == pytest.approx(
                share, abs=0.015
            )
