"""A number that is none stops the machine, and is told by the place where it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr.circuit import rows
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Unsound

PAPER = RefrigeratorParameters()


def running(parameters: RefrigeratorParameters = PAPER) -> SimulatedRefrigerator:
    machine = SimulatedRefrigerator(parameters)
    machine.cycle.run()
    return machine


@pytest.mark.parametrize(
    ("group", "index", "words"),
    [
        ("nodes", (rows.TEMPERATURE, 12), "temperature of regenerator B, lump 8 of 40 is nan at 5"),
        ("nodes", (rows.C3, -2), "3He density of pump bed A is nan"),
        (
            "nodes",
            (rows.WALL, 50),
            "temperature of the metal of the cold heat exchanger, lump 2 of 4",
        ),
        ("coils", (2, 3), "coils[RegenA].temperature"),
        ("supplies", (1, 0), "supplies[PumpB].output"),
        ("machine", 2, "machine.stage"),
        ("pids", (1, 0), "pids[Stage].integral"),
        ("ledger", 3, "ledger"),
        ("cycle", 5, "cycle"),
    ],
)
def test_a_nan_is_named_and_nothing_goes_on(group: str, index: Any, words: str) -> None:
    machine = running()
    machine.step(5.0)
    machine._arrays()[group][index] = np.nan
    for _ in range(2):
        with pytest.raises(Unsound, match=r"^refrigerator: ") as error:
            machine.step(30.0)
        assert words in str(error.value)
        assert machine.time_s == pytest.approx(5.0)
    with pytest.raises(Unsound):
        machine.state()


def test_a_good_state_mends_it() -> None:
    machine = running()
    saved = machine.state()
    machine._arrays()["nodes"][0, 3] = np.nan
    with pytest.raises(Unsound):
        machine.step(1.0)
    machine.restore(saved)
    machine.step(1.0)
    assert np.isfinite(machine.chx_temperature_k)


@pytest.mark.parametrize(
    ("nodes", "dt_s", "kappa"),
    [(400, 0.2, 0.03), (160, 1.0, 0.03), (160, 1.0, 0.0), (400, 2.0, 0.03), (40, 0.1, 10.0)],
)
def test_no_step_is_too_long_for_a_fine_bed(nodes: int, dt_s: float, kappa: float) -> None:
    # All but the last were NaN after 78 to 488 s.
    bed = replace(PAPER.regenerator, nodes=nodes, fluid_conductivity_w_per_m_k=kappa)
    machine = running(replace(PAPER, dt_s=dt_s, regenerator=bed))
    machine.step(600.0)
    assert machine.flow_rate_m3_per_s != 0.0
    assert machine.warnings == ()
    assert 0.7 < machine.chx_temperature_k < 1.7


@pytest.mark.parametrize("x", [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25])
@pytest.mark.parametrize("closure", ["bulk", "osmotic"])
def test_both_closures_run_at_every_concentration(closure: str, x: float) -> None:
    machine = running(replace(PAPER, fluid_closure=closure, concentration=x))
    filling = machine.helium3_mol
    machine.chx_heater.power_setpoint_w = 600e-6
    for _ in range(4):
        machine.step(180.0)
        assert machine.state()["nodes"][rows.C3].min() > 0.0
    assert machine.helium3_mol == pytest.approx(filling, rel=1e-12)
    assert 0.3 < machine.chx_temperature_k < 3.0


def test_a_step_that_no_lump_can_take_is_refused() -> None:
    tiny = replace(PAPER.cold_line, length_m=1e-3, bore_m=1e-4, nodes=100)
    none = replace(PAPER.detector1, fitted=False)
    bare = {f"detector{k}": none for k in (1, 2, 3, 4)}  # they would hang beyond its end
    with pytest.raises(ValueError, match=r"dt_s = 0\.1 s is outside .* swept \d+ times in a step"):
        SimulatedRefrigerator(replace(PAPER, cold_line=tiny, **bare))


machines = st.builds(
    lambda closure, x, dt_s, nodes, length, grain, kappa, slip, bed, tube, waypoints: replace(
        PAPER,
        fluid_closure=closure,
        concentration=x,
        dt_s=dt_s,
        slip_diffusivity_m2_per_s=slip,
        regenerator=replace(
            PAPER.regenerator,
            nodes=nodes,
            length_m=length,
            particle_diameter_m=grain,
            fluid_conductivity_w_per_m_k=kappa,
        ),
        pump=replace(PAPER.pump, bed_volume_m3=bed),
        exchangers=replace(PAPER.exchangers, cold_tube_length_m=tube),
        cycle=replace(
            PAPER.cycle,
            **dict(zip(("pump_low_t", "pump_high_t", "regen_hot_end_t"), waypoints, strict=True)),
        ),
    ),
    closure=st.sampled_from(["bulk", "osmotic"]),
    x=st.floats(0.01, 0.25),
    dt_s=st.sampled_from([0.05, 0.1, 0.5, 2.0]),
    nodes=st.integers(4, 120),
    length=st.floats(0.01, 0.3),
    grain=st.floats(1e-5, 5e-3),
    kappa=st.floats(0.0, 10.0),
    slip=st.floats(0.0, 1e-4),
    bed=st.floats(5e-6, 3e-4),
    tube=st.floats(0.1, 5.0),
    waypoints=st.tuples(st.floats(0.0, 1.5), st.floats(0.0, 1.5), st.floats(0.0, 1.5)),
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(parameters=machines, load_w=st.floats(0.0, 5e-3))
def test_any_admissible_machine_stays_finite_and_keeps_its_3he(
    parameters: RefrigeratorParameters, load_w: float
) -> None:
    machine = running(parameters)
    machine.chx_heater.power_setpoint_w = load_w
    filling = machine.helium3_mol
    machine.step(400.0)
    x = machine.state()["nodes"]
    assert x[rows.C3].min() > 0.0
    assert x[rows.TEMPERATURE].min() > 0.05
    assert machine.helium3_mol == pytest.approx(filling, rel=1e-10)
