"""``cryohalo design``: what its studies write and say, their machines made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from tests.session.commands import run


def test_a_design_study_writes_what_it_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from amrr.design import search, verification
    from amrr.design.store import Outcome
    from tests.physics.amrr.design.test_store import POINT

    lifted = replace(POINT, warnings=())
    monkeypatch.setattr(search, "evaluate", lambda p, k: Outcome(1e-2 * p.concentration, lifted))
    monkeypatch.setattr(verification, "at_temperature", lambda m, k, effort: (1e-3, lifted))
    monkeypatch.setattr(verification, "plain_cycling", lambda p, w, n: 0.9)
    output = tmp_path / "study"
    said = run("design", "search", "--quick", "--output", str(output))
    assert "16 of 16, done at about" in said
    assert "nothing" in said.split("speaks against it")[1]
    assert {f.name for f in output.iterdir()} == {
        "evaluations.jsonl", "machines.csv", "front.csv", "front.png", "front.pdf", "best.txt",
        "best.toml",
    }  # fmt: skip
    assert "concentration = " in (output / "best.toml").read_text()


def test_a_design_study_without_a_machine_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from amrr.design import search
    from amrr.design.points import Failure
    from amrr.design.store import Outcome

    none = Outcome(float("nan"), None, Failure.BLOCKED, "a supply is latched")
    monkeypatch.setattr(search, "evaluate", lambda p, k: none)
    arguments = ["design", "search", "--quick", "--output", str(tmp_path / "study")]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 3
    assert "no point: blocked" in done.output
    assert "no machine is feasible" in done.output


def test_the_other_design_studies_write_what_they_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from amrr.design import conservatism, successor, two_stages
    from amrr.design.store import Outcome
    from tests.physics.amrr.design.test_store import POINT

    done = Outcome(1e-4, replace(POINT, warnings=()))
    monkeypatch.setattr(conservatism, "state_at", lambda *_: done)
    monkeypatch.setattr(successor, "state_at", lambda *_: done)
    monkeypatch.setattr(successor, "power_at", lambda *_: done)
    pair = two_stages.Pair(0.0, 0.9, 6e-4, POINT, POINT)
    monkeypatch.setattr(two_stages, "coupled", lambda *_, **__: pair)
    for name in ("model", "successor", "stages"):
        output = tmp_path / name
        run("design", name, "--quick", "--output", str(output))
        assert (output / f"{name}.txt").stat().st_size > 50
    assert (tmp_path / "model" / "model.png").exists()
    assert (tmp_path / "successor" / "successor.csv").exists()


def test_two_stages_that_agree_at_one_load_alone_tell_that_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from amrr.design import two_stages
    from amrr.design.points import Failure, FailureError
    from tests.physics.amrr.design.test_store import POINT

    def coupled(first: object, second: object, load_w: float, **_: object) -> two_stages.Pair:
        if load_w == 0.0:
            raise ValueError("they agree nowhere")
        if load_w > 60e-6:
            raise FailureError(Failure.BLOCKED, "a supply is latched")
        return two_stages.Pair(load_w, 0.912, 6e-4, POINT, POINT)

    monkeypatch.setattr(two_stages, "coupled", coupled)
    said = run("design", "stages", "--output", str(tmp_path / "stages"))
    assert "at 0 uW: they agree nowhere" in said
    assert "at 100 uW: blocked: a supply is latched" in said
    assert "0.912" in (tmp_path / "stages" / "stages.txt").read_text()
    monkeypatch.setattr(two_stages, "LOADS_W", (0.0,))
    done = CliRunner().invoke(cli.app, ["design", "stages", "--output", str(tmp_path / "none")])
    assert done.exit_code == 3
