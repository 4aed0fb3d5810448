"""Two stages: the plate between them, where both agree, and machines that do not."""

from dataclasses import replace

import pytest

from amrr.design import two_stages as module
from amrr.design.points import Effort, at_load, running
from amrr.design.space import coarse
from amrr.design.two_stages import TOLERANCE_K, Pair, coupled, pair_text
from amrr.parameter_files import shipped
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused
from tests.physics.amrr.design.test_store import POINT

FIRST = coarse(RefrigeratorParameters(), 12, 0.25)
SECOND = coarse(shipped("glf_second").parameters, 12, 0.25)
EFFORT = Effort(tolerance_k=2e-4, most_cycles=120)


def test_a_stage_below_what_a_pot_reaches_is_held_exactly() -> None:
    machine = running(SECOND)
    assert machine.stage.temperature_k == 0.9
    machine.advance(2000)
    assert machine.stage.temperature_k == 0.9
    assert not any("vapour pressure" in w for w in machine.warnings)
    other = SimulatedRefrigerator(SECOND)
    other.restore(machine.state())
    assert other.stage.temperature_k == 0.9
    with pytest.raises(Refused):  # and nobody sets it: it belongs to the other machine
        other.stage.setpoint_k = 0.8


def test_a_pot_is_a_pot() -> None:
    machine = running(FIRST)
    machine.stage.closed_loop = False
    machine.advance(2000)
    assert machine.stage.temperature_k != FIRST.stage.setpoint_k
    assert not FIRST.stage.held


def test_heat_that_the_second_gives_is_the_load_of_the_first_at_one_temperature() -> None:
    pair = coupled(FIRST, SECOND, 50e-6, effort=EFFORT)
    assert abs(pair.error_k) <= TOLERANCE_K
    assert pair.first.load_w == pytest.approx(pair.carried_w)
    # First law of the second machine: what it gives is its load and its magnets' work.
    second = pair.second
    given = second.work_j + second.total_load_w * second.period_s
    assert pair.carried_w * second.period_s == pytest.approx(given, rel=0.01)
    assert second.chx_k < 0.45 < 0.7 < pair.plate_k < 1.1
    # Both again, each alone, at what was found.
    alone = at_load(running(FIRST), pair.carried_w, EFFORT)
    assert alone.chx_k == pytest.approx(pair.first.chx_k, abs=1e-3)
    said = pair_text([pair])
    assert f"{pair.plate_k:.3f}" in said
    assert "second machine: " in said


@pytest.mark.parametrize("slope", [-0.2, -3.0, -30.0])
@pytest.mark.parametrize("meets_k", [0.5, 0.88, 1.1])
def test_the_plate_is_found_wherever_they_agree(
    monkeypatch: pytest.MonkeyPatch, slope: float, meets_k: float
) -> None:
    def law(first: object, second: object, load_w: float, plate_k: float, effort: object) -> Pair:
        off = slope * (plate_k - meets_k) * (1.0 + plate_k)
        return Pair(load_w, plate_k, 1e-4, replace(POINT, chx_k=plate_k + off), POINT)

    monkeypatch.setattr(module, "_at", law)
    found = coupled(FIRST, SECOND, 0.0)
    assert abs(found.error_k) <= TOLERANCE_K
    assert found.plate_k == pytest.approx(meets_k, abs=0.02)


def test_machines_that_agree_nowhere_are_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def law(first: object, second: object, load_w: float, plate_k: float, effort: object) -> Pair:
        return Pair(load_w, plate_k, 3e-3, replace(POINT, chx_k=1.4), POINT)

    monkeypatch.setattr(module, "_at", law)
    with pytest.raises(ValueError, match=r"3000 uW, which hold the first one at 1\.400 K"):
        coupled(FIRST, SECOND, 0.0)


def test_more_heat_than_the_first_can_be_given_is_refused() -> None:
    weak = replace(FIRST, exchangers=replace(FIRST.exchangers, highest_heater_w=1e-4))
    with pytest.raises(ValueError, match="more than the first one's exchanger can be given, 100"):
        coupled(weak, SECOND, 0.0, effort=EFFORT)
