"""The uncertainty of a machine: what is varied, what is kept, what fails."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from amrr.design.points import Effort
from amrr.parameters import RefrigeratorParameters
from amrr.studies import figures, files
from amrr.studies.answers import Answer, Band
from amrr.studies.ranges import with_values
from amrr.studies.uncertainty import FLUSH, Outcome, Study, run
from cryohalo import cli

GARNET, DIODE = "molecular_field_scale", "regenerator_magnet.diode_cold_v"
LINE = "cold_line.length_m"
SMALL = with_values(RefrigeratorParameters(), {"regenerator.nodes": 8, "dt_s": 0.5})
ROUGH = Effort(tolerance_k=6e-3, most_cycles=60, near_k=0.1)
STUDY = Study(SMALL, samples=3, seed=4, effort=ROUGH, only=(GARNET, FLUSH, LINE))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def outcome(kept: Path) -> Outcome:
    return run(STUDY, folder=kept, workers=2)


def plain(outcome: Outcome) -> str:
    return files.as_json(outcome, {})


def test_every_band_varies_what_it_says_at_the_same_points() -> None:
    study = Study(samples=8, seed=1)
    bands = {name: [c for c in study.cases if c.group == name] for name in study.bands}
    assert all(len(cases) == 8 for cases in bands.values())
    for case, fewer, least in zip(*bands.values(), strict=True):
        assert set(case.values) == set(study.ranges)
        assert set(fewer.values) == set(study.ranges) - {FLUSH}
        assert LINE in fewer.values
        assert LINE not in least.values
        assert GARNET in least.values
        assert fewer.values.items() <= case.values.items()
        assert least.values.items() <= fewer.values.items()


def test_the_hypercube_has_one_machine_in_each_part_of_every_range() -> None:
    study = Study(samples=16, seed=3)
    cases = [c for c in study.cases if c.group == "all"]
    for name, found in study.ranges.items():
        parts = sorted(int(16 * found.part(c.values[name]) - 1e-9) for c in cases)
        assert parts == list(range(16)), name


def test_what_is_held_takes_no_part() -> None:
    study = Study(samples=2, hold=(DIODE, GARNET))
    assert set(Study().ranges) - set(study.ranges) == {DIODE, GARNET}
    assert all(not {DIODE, GARNET} & set(case.values) for case in study.cases)
    assert study.fingerprint() != Study(samples=2).fingerprint()


def test_another_seed_draws_other_machines_and_the_ends_stay() -> None:
    one, two = Study(samples=4, seed=1), Study(samples=4, seed=2)
    ends = 1 + 2 * len(one.ranges)
    assert one.cases[:ends] == two.cases[:ends]
    assert one.cases[ends:] != two.cases[ends:]
    assert Study(samples=4, seed=1).cases == one.cases
    assert len({s.fingerprint() for s in (one, two, replace(one, load_w=1e-3))}) == 3


def test_a_sensitivity_has_the_sign_of_its_cause(outcome: Outcome) -> None:
    found = {s.name: s for s in outcome.sensitivities}
    low, high = found[GARNET].change_k(outcome.default)
    # A weaker molecular field lets the magnets take more entropy out.
    assert low < -0.03 < 0.03 < high
    more, less = found[GARNET].change_w(outcome.default)
    assert less < -50e-6 < 50e-6 < more
    assert found[FLUSH].change_k(outcome.default)[1] < -0.03
    largest = [max(map(abs, s.change_k(outcome.default))) for s in outcome.sensitivities]
    assert largest == sorted(largest, reverse=True)
    assert not outcome.failures


def test_the_answers_do_not_depend_on_workers_and_survive_an_interruption(
    outcome: Outcome, kept: Path
) -> None:
    seen: list[int] = []
    again = run(STUDY, folder=kept, workers=1, progress=lambda done, _: seen.append(done))
    assert seen == []
    assert plain(again) == plain(outcome)
    (kept / "batch_00007.npz").unlink()
    resumed = run(STUDY, folder=kept, workers=1, progress=lambda done, _: seen.append(done))
    assert seen == [STUDY.batches]
    assert plain(resumed) == plain(outcome)
    with pytest.raises(ValueError, match=r"uncertainty: .* holds batches of another plan"):
        run(replace(STUDY, seed=5), folder=kept)


def test_the_files_have_every_machine_with_its_values(outcome: Outcome) -> None:
    document = json.loads(files.as_json(outcome, {"software_version": "1"}))
    machines = document["bands"]["all"]["machines"]
    assert [m["chx_k"] for m in machines] == [a.chx_k for a in outcome.bands["all"].answers]
    assert all(set(m["values"]) == set(STUDY.only) for m in machines)
    lines = files.as_csv(outcome).splitlines()
    assert len(lines) == 1 + len(STUDY.only)
    assert lines[1].startswith(outcome.sensitivities[0].name)


def test_a_machine_without_a_periodic_state_is_counted_and_named(tmp_path: Path) -> None:
    study = replace(STUDY, only=(DIODE,), samples=4, bands=("properties",))
    found = run(study, workers=1)
    assert found.sensitivities[0].low.failure.startswith("blocked")
    assert "quench" in found.sensitivities[0].low.failure
    band = found.bands["properties"]
    # The lowest quarter of 1.5 to 3 V quenches, the highest does not.
    assert 1 <= len(band.failures) <= 2
    assert len(band.values("chx_k")) == 4 - len(band.failures)
    assert len(found.failures) == 1 + len(band.failures)
    assert any(f"of 4 machines {len(band.failures)} have no" in x for x in files.table(found))
    document = json.loads(files.as_json(found, {}))
    assert document["sensitivities"][0]["at_low"]["chx_k"] is None
    figures.tornado(found).savefig(tmp_path / "tornado.png")
    assert (tmp_path / "tornado.png").stat().st_size > 10_000


def numbered(values: Iterator[float]) -> Band:
    return Band("all", (), tuple(Answer(chx_k=v) for v in values))


def test_the_error_of_a_median_is_that_of_chance() -> None:
    rng = np.random.default_rng(2)
    medians, errors = [], []
    for _ in range(400):
        band = numbered(iter(rng.normal(0.9, 0.1, 64)))
        medians.append(band.quantiles("chx_k")[2])
        errors.append(band.standard_error("chx_k"))
    assert np.mean(errors) == pytest.approx(np.std(medians), rel=0.12)


@pytest.mark.parametrize(
    ("bad", "said"),
    [({"hold": ("dt_s",)}, "'dt_s' is no assumed parameter"), ({"samples": 0}, "samples = 0"),
     ({"chx_k": 5.0}, "temperature = 5"),
     ({"load_w": -1.0}, "load = -1"), ({"bands": ("most",)}, "band 'most' is not one of"),
     ({"only": ("dt_s",)}, "'dt_s' is no assumed parameter"),
     ({"only": (GARNET,), "hold": (GARNET,)}, "none is left to vary")],
)  # fmt: skip
def test_a_study_that_cannot_be_is_refused(bad: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(STUDY, **bad)  # type: ignore[arg-type]


def test_the_command_writes_table_and_figure(tmp_path: Path) -> None:
    arguments = ["uncertainty", "--quick", "--only", GARNET, "--only", FLUSH, "--output"]
    done = CliRunner().invoke(cli.app, [*arguments, str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "T_CHX at 600 uW: 0.9" in done.output
    assert "band 'no flush'" in done.output
    assert {p.name for p in tmp_path.iterdir()} == {
        "machines", "uncertainty.csv", "uncertainty.json", "uncertainty.pdf", "uncertainty.png",
    }  # fmt: skip


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    arguments = ["uncertainty", "--quick", "--fine", "--output", str(tmp_path)]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 2
    assert "exclude each other" in done.output
