"""The successor: its scan, and a verdict with an error bar."""

import math
from dataclasses import replace

import pytest

from amrr.design import successor as module
from amrr.design.figures import successor_figure
from amrr.design.points import Failure
from amrr.design.store import Outcome, Store
from amrr.design.successor import DIPOLES_T, QUICK, SCAN, csv_text, scan, text
from amrr.parameters import RefrigeratorParameters
from tests.physics.amrr.design.test_store import POINT

NONE = Outcome(math.nan, None, Failure.NOT_CONVERGED, "still changing")


def _b(p: RefrigeratorParameters) -> float:
    return float(p.refrigerant.split()[1].removeprefix("b="))


@pytest.fixture
def law(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is as cold as its b, and lifts less the larger it is; 0.4 T has none."""

    def state(p: RefrigeratorParameters, load_w: float, effort: object) -> Outcome:
        cold = Outcome(load_w, replace(POINT, chx_k=0.7 * _b(p), warnings=("0.2 K is below",)))
        return NONE if _b(p) == 0.4 else cold

    def power(p: RefrigeratorParameters, *_: object) -> Outcome:
        return Outcome(1e-4 / _b(p), replace(POINT, warnings=()))

    monkeypatch.setattr(module, "state_at", state)
    monkeypatch.setattr(module, "power_at", power)


def test_the_verdict_is_over_the_range_alone(law: None) -> None:
    told: list[int] = []
    found = scan(SCAN, Store(None), progress=lambda done, total: told.append(done))
    assert len(found) == 15
    assert told == list(range(1, 31))
    said = text(found, SCAN)
    # 0.15 and 0.20 T are shown, but do not count.
    assert "without load 0.224 K, from 0.175 to 0.224 K" in said
    assert "at 0.35 K 312 uW, from 250 to 400 uW" in said
    assert "3 of 15 materials without one of the two points" in said
    assert " K is below" in said
    assert len(csv_text(found).splitlines()) == 16
    assert "still changing" in csv_text(found)
    assert len(successor_figure(found, SCAN).axes) == 2


def test_without_a_point_there_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "state_at", lambda *_: NONE)
    monkeypatch.setattr(module, "power_at", lambda *_: NONE)
    assert "no verdict" in text(scan(QUICK, Store(None)), QUICK)


def test_the_shipped_machine_is_colder_than_350_mk_and_says_what_it_leaves() -> None:
    (found,) = scan(QUICK, Store(None))
    assert found.internal_t == DIPOLES_T
    assert found.lowest is not None
    assert found.lowest.chx_k < 0.35
    assert any("below the refrigerant model" in w for w in found.lowest.warnings)
    assert 100e-6 < found.powered.power_w < 400e-6
    assert found.powered.point is not None
    assert found.powered.point.chx_k == pytest.approx(0.35, abs=5e-3)
