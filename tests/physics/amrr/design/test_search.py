"""The search: seeded, resumable, parallel; what failed is counted; the front is one."""

import math
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amrr.design import search as module
from amrr.design import space, verification
from amrr.design.points import Failure, at_temperature, running
from amrr.design.search import STRONG, StudyOptions, evaluate, search, violation
from amrr.design.store import Outcome, Store
from amrr.design.tables import machines_csv, machines_read, study_text, verification_text
from amrr.design.verification import Verification, doubts, verify
from amrr.parameters import RefrigeratorParameters
from tests.physics.amrr.design.test_store import POINT

SMALL = StudyOptions(population=12, generations=3, seed=3)


class Law:
    """Stands for the machine: a cooling power with a known best, failures where beds are long."""

    def __init__(self) -> None:
        self.calls = 0
        self.lock = threading.Lock()

    def __call__(self, p: RefrigeratorParameters, chx_k: float) -> Outcome:
        with self.lock:
            self.calls += 1
        if p.regenerator.length_m > 0.13:
            return Outcome(math.nan, None, Failure.NOT_CONVERGED, "too long")
        power_w = 2e-3 - 20.0 * (p.concentration - 0.12) ** 2 - 1e-2 * p.cycle.regen_cold_end_t**2
        work_j = 0.2 + 0.3 * p.cycle.pump_high_t
        warned = ("it is 0.5 K too cold",) if p.cycle.pump_high_t < 1.0 else ()
        return Outcome(power_w, replace(POINT, work_j=work_j, chx_k=chx_k, warnings=warned))


@pytest.fixture
def law(monkeypatch: pytest.MonkeyPatch) -> Law:
    found = Law()
    monkeypatch.setattr(module, "evaluate", found)
    return found


def test_the_same_seed_asks_the_same_machines(law: Law) -> None:
    first, again = search(SMALL, Store(None)), search(SMALL, Store(None))
    assert [c.values for c in first.candidates] == [c.values for c in again.candidates]
    other = search(replace(SMALL, seed=4), Store(None))
    assert [c.values for c in other.candidates] != [c.values for c in first.candidates]


def test_the_first_generation_holds_the_known_machines(law: Law) -> None:
    study = search(replace(SMALL, generations=1), Store(None))
    base = SMALL.base
    for known in (base, replace(base, cycle=STRONG)):
        values = space.values(space.vector(space.values_of(known)))
        assert values in [c.values for c in study.candidates]
    lengths = [c.values["length_m"] for c in study.candidates]
    assert max(lengths) - min(lengths) > 0.06  # and looks at all of the space


def test_a_study_may_begin_with_the_machines_of_another(law: Law, tmp_path: Path) -> None:
    front = search(SMALL, Store(None)).front
    path = tmp_path / "front.csv"
    path.write_text(machines_csv(front))
    starts = machines_read(path)
    assert starts == tuple(c.values for c in front)
    again = search(replace(SMALL, seed=9, generations=1, starts=starts[:5]), Store(None))
    asked = [c.values for c in again.candidates]
    assert all(values in asked for values in starts[:5])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b\n1,2\n", "line 2: not a machine"),
        ("length_m\n0.1\n", "line 2: not a machine"),
        ("HEAD\n" + ",".join(["9.0"] * 11) + "\n", "length_m = 9 m is outside 0.04 to 0.16 m"),
    ],
)
def test_a_table_that_holds_no_machines_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "front.csv"
    path.write_text(text.replace("HEAD", ",".join(v.name for v in space.VARIABLES)))
    with pytest.raises(ValueError, match=why):
        machines_read(path)


def test_an_interrupted_study_goes_on_where_it_was(law: Law, tmp_path: Path) -> None:
    whole = search(SMALL, Store(None))
    law.calls = 0

    def interrupt(done: int, total: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    path = tmp_path / "points.jsonl"
    with pytest.raises(KeyboardInterrupt):
        search(SMALL, Store(path), interrupt)
    before, law.calls = law.calls, 0
    told: list[tuple[int, int]] = []
    resumed = search(SMALL, Store(path), lambda done, total: told.append((done, total)))
    assert 0 < law.calls <= len(whole.candidates) - before + 1
    assert [c.objectives for c in resumed.front] == [c.objectives for c in whole.front]
    assert told[-1][0] <= told[-1][1] == 36
    law.calls = 0
    search(SMALL, Store(path))
    assert law.calls == 0


def test_two_workers_find_what_one_finds(law: Law) -> None:
    one, two = search(SMALL, Store(None)), search(replace(SMALL, workers=2), Store(None))
    assert [c.values for c in one.front] == [c.values for c in two.front]


def test_it_gets_better_and_what_failed_is_counted(law: Law) -> None:
    study = search(replace(SMALL, generations=12), Store(None))
    assert study.best.outcome.power_w > 1.95e-3
    first = [c.outcome.power_w for c in study.feasible if c.generation == 1]
    assert study.best.outcome.power_w > max(first)
    failed = [c for c in study.candidates if c.outcome.failure is not None]
    assert failed
    assert study.failures["no point: not converged"] == len(failed)
    warned = [c for c in study.candidates if c.outcome.point and c.outcome.point.warnings]
    assert study.failures["it is  K too cold"] == len(warned) > 0
    assert all(not c.feasible for c in failed + warned)
    text = study_text(study)
    assert f"{len(failed):5d}  no point: not converged" in text
    assert f"{len(study.feasible)} of them feasible" in text


def test_the_front_is_what_no_other_beats(law: Law) -> None:
    study = search(SMALL, Store(None))
    rows = [np.array(c.objectives) for c in study.front]
    assert rows
    for row in rows:
        assert not any((other <= row).all() and (other < row).any() for other in rows)
    for c in study.feasible:
        if c not in study.front:
            other = np.array(c.objectives)
            assert any((r <= other).all() and (r < other).any() for r in rows)
    powers = [c.outcome.power_w for c in study.front]
    assert powers == sorted(powers, reverse=True)


def test_a_study_without_a_feasible_machine_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    none = Outcome(math.nan, None, Failure.UNSOUND, "nan")
    monkeypatch.setattr(module, "evaluate", lambda p, k: none)
    study = search(replace(SMALL, generations=2), Store(None))
    assert study.front == ()
    with pytest.raises(ValueError, match="none of 24 machines is feasible"):
        _ = study.best
    assert study.failures == {"no point: unsound": len(study.candidates)}


def test_a_machine_that_lifts_too_little_is_no_candidate() -> None:
    assert violation(Outcome(5e-4, replace(POINT, warnings=()))) <= 0.0
    assert violation(Outcome(1e-4, replace(POINT, warnings=()))) > 0.0
    assert violation(Outcome(5e-4, POINT)) > 0.0


def test_a_machine_that_cannot_be_is_an_outcome() -> None:
    found = evaluate(replace(RefrigeratorParameters(), concentration=0.3), 0.9)
    assert found.failure is Failure.NOT_DESCRIBED
    assert math.isnan(found.power_w)


@pytest.mark.parametrize(
    ("name", "value"), [("population", 3), ("generations", 0), ("workers", 0), ("seed", -1)]
)
def test_a_study_that_cannot_be_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"study: {name} = {value} is outside"):
        StudyOptions(**{name: value})  # type: ignore[arg-type]


def test_the_table_has_a_line_for_each_machine(law: Law) -> None:
    study = search(SMALL, Store(None))
    lines = machines_csv(study.candidates).splitlines()
    assert len(lines) == 1 + len(study.candidates)
    assert lines[0].startswith("generation,length_m,concentration")
    assert any("too long" in line for line in lines)


@pytest.fixture(scope="module")
def found() -> Verification:
    """The strong programme against the default, with few lumps."""
    base = RefrigeratorParameters(dt_s=0.25)
    values = space.values_of(replace(base, cycle=STRONG))
    return verify(values, base, 0.9, resolutions=(12, 16), plain_cycles=5)


def test_the_strong_programme_lifts_more(found: Verification) -> None:
    assert found.best.finest_w > 1.5 * found.default.finest_w
    text = verification_text(found)
    assert "times as much as the default" in text
    assert "358.5" in text.split("GGG in both")[1].split("\n")[0]


def test_what_is_not_confirmed_is_said(found: Verification) -> None:
    searched_w = found.best.finest_w
    settled = replace(found, plain_k=found.chx_k)
    assert doubts(settled, searched_w) == ()
    assert "plain cycling" in doubts(replace(found, plain_k=0.91), searched_w)[0]
    assert "not within 5%" in doubts(settled, 1.1 * searched_w)[0]
    off = replace(found.best, power_w={12: 1.02e-3, 16: 1e-3})
    assert "with 12 lumps" in doubts(replace(settled, best=off), 1e-3)[0]


def test_plain_cycling_ends_where_the_search_does() -> None:
    p = space.coarse(RefrigeratorParameters(), nodes=12, dt_s=0.25)
    power_w, _ = at_temperature(running(p), 0.9)
    assert verification.plain_cycling(p, power_w, 120) == pytest.approx(0.9, abs=5e-3)
