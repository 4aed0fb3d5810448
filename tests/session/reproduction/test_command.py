"""``cryohalo reproduce`` as a command, and all that it writes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.reproduction import report, running
from cryohalo.reproduction.finding import exact, measured
from cryohalo.reproduction.kept import Kept, Result
from cryohalo.reproduction.papers import all_claims, claim_named
from cryohalo.reproduction.report import write_all
from cryohalo.reproduction.rooms import Room
from cryohalo.reproduction.rows import Row, rows_of, sentence
from cryohalo.reproduction.tables import csv_text, latex_text
from cryohalo.reproduction.verdict import Verdict
from cryohalo.reproduction.work import Settings
from tests.session.reproduction.made import anything, everything, result_of


@pytest.fixture
def reproduce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command with rooms that find 1.0 everywhere, or fail."""

    def command(*arguments: str, failing: str = "") -> Any:
        def run(rooms: list[Room], kept: Kept, **_: Any) -> dict[str, Result]:
            told = {failing: "RuntimeError: broken"}
            return {r.name: result_of(r, kept, told.get(r.name, "")) for r in rooms}

        monkeypatch.setattr(running, "run", run)
        return CliRunner().invoke(cli.app, ["reproduce", "--folder", str(tmp_path), *arguments])

    return command


def test_the_command_tells_all_and_writes_all(
    reproduce: Callable[..., Any], tmp_path: Path
) -> None:
    done = reproduce()
    assert done.exit_code == 0, done.output
    for claim in all_claims():
        assert claim.name in done.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "index.html", "claims.csv", "claims.json", "claims.tex", "claims.md", "claims.pdf",
        "ro-crate-metadata.json",
    }  # fmt: skip
    assert (tmp_path / "claims.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("arguments", "failing", "code"),
    [((), "", 0), (("--strict",), "", 3), ((), "cavity", 1), (("--strict",), "cavity", 1)],
)
def test_the_exit_code_tells_how_it_went(
    reproduce: Callable[..., Any],
    arguments: tuple[str, ...],
    failing: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "write_all", lambda folder, *_: folder / "index.html")
    done = reproduce(*arguments, failing=failing)
    assert done.exit_code == code, done.output
    assert ("RuntimeError: broken" in done.output) == bool(failing)


def test_a_claim_is_computed_alone(reproduce: Callable[..., Any], tmp_path: Path) -> None:
    done = reproduce("signal-power")
    assert done.exit_code == 0
    assert "signal-power" in done.output
    assert "signal-window" not in done.output
    assert not (tmp_path / "index.html").exists()
    assert "chain-gain" in reproduce("receiver").output
    unknown = reproduce("signal-powers")
    assert unknown.exit_code == 2
    assert "signal-powers" in unknown.output


def test_the_list_tells_every_claim(reproduce: Callable[..., Any], tmp_path: Path) -> None:
    done = reproduce("--list")
    for claim in all_claims():
        assert claim.name in done.output
    assert not list(tmp_path.iterdir())


def written(tmp_path: Path, **change: Any) -> list[Row]:
    kept = Kept(tmp_path, Settings())
    results = everything(kept)
    results["cavity"] = replace(results["cavity"], **change) if change else results["cavity"]
    rows = rows_of(all_claims(), results)
    write_all(tmp_path, rows, results, kept.settings)
    return rows


def test_the_crate_is_what_the_specification_asks_for(tmp_path: Path) -> None:
    written(tmp_path)
    crate = json.loads((tmp_path / "ro-crate-metadata.json").read_text())
    assert crate["@context"] == "https://w3id.org/ro/crate/1.2/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"])
    assert all(entity["@type"] for entity in entities.values())
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert descriptor["about"] == {"@id": "./"}
    root = entities["./"]
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"]
    datetime.fromisoformat(root["datePublished"])
    assert "name" in entities[root["license"]["@id"]]
    parts = {part["@id"] for part in root["hasPart"]}
    assert parts == {i for i, entity in entities.items() if entity["@type"] == "File"}
    for part in parts:
        assert (tmp_path / part).stat().st_size == int(entities[part]["contentSize"])
    for reference in references(crate["@graph"]):
        assert reference in entities or reference.startswith(("http://schema.org/", "https://w3id"))
    action = entities["#reproduce"]
    assert datetime.fromisoformat(action["startTime"]) <= datetime.fromisoformat(action["endTime"])
    assert entities[action["instrument"]["@id"]]["version"]


def references(value: Any) -> list[str]:
    """All that is referred to, and not described, somewhere in there."""
    if isinstance(value, list):
        return [one for item in value for one in references(item)]
    if isinstance(value, dict):
        own = [value["@id"]] if set(value) == {"@id"} else []
        return own + [one for item in value.values() for one in references(item)]
    return []


def test_the_page_needs_nothing_else_and_shows_every_row(tmp_path: Path) -> None:
    rows = written(tmp_path, error="RuntimeError: <b>broken</b>", findings={})
    page = (tmp_path / "index.html").read_text()
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=", page)
    assert not re.findall(r"url\(|@import", page)
    for row in rows:
        assert f'id="{row.claim.name}"' in page
    assert "RuntimeError: &lt;b&gt;broken&lt;/b&gt;" in page
    table = list(csv.DictReader(io.StringIO((tmp_path / "claims.csv").read_text())))
    assert [line["name"] for line in table] == [claim.name for claim in all_claims()]
    told = json.loads((tmp_path / "claims.json").read_text())
    assert told["summary"] == sentence(rows)
    assert told["provenance"]["package_versions"]["numpy"]


def test_what_agrees_by_our_own_error_alone_is_marked_on_page_and_in_tables(tmp_path: Path) -> None:
    leaning = {"source-noise": measured(35.0, 1.0, "x")}
    written(tmp_path, findings={**anything("cavity"), **leaning})
    page = (tmp_path / "index.html").read_text()
    assert page.count("only by our own error</span>") == 1
    table = csv.DictReader(io.StringIO((tmp_path / "claims.csv").read_text()))
    assert [line["name"] for line in table if line["only_by_error"] == "True"] == ["source-noise"]
    assert "error is counted: source-noise. Made by" in (tmp_path / "claims.tex").read_text()


def test_tables_hold_what_their_languages_take_for_commands(tmp_path: Path) -> None:
    claim = replace(claim_named("noise-sum"), says='50 % of a_b & {c} #1 $, "quoted"')
    row = Row(claim, exact(1.0), Verdict.AGREES)
    assert r"50 \% of a\_b \& \{c\} \#1 \$" in latex_text([row], "made")
    assert next(csv.DictReader(io.StringIO(csv_text([row]))))["claim"] == claim.says
