"""``cryohalo reproduce``: claims, verdicts, resumption, failing rows, what is written."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.reproduction import kept as keeping
from cryohalo.reproduction import report, running
from cryohalo.reproduction.claim import BadClaimError, Check, Role, claim_from
from cryohalo.reproduction.computations.campaign import lines, masses
from cryohalo.reproduction.finding import Finding, exact, measured, spread
from cryohalo.reproduction.kept import Kept, Result, fingerprint
from cryohalo.reproduction.papers import all_claims, claim_named, papers
from cryohalo.reproduction.report import write_all
from cryohalo.reproduction.room_process import run_room
from cryohalo.reproduction.rooms import ROOMS, Room, room_named
from cryohalo.reproduction.rows import Row, rows_of, sentence
from cryohalo.reproduction.strip import strip_of
from cryohalo.reproduction.tables import csv_text, latex_text
from cryohalo.reproduction.verdict import Verdict, judge
from cryohalo.reproduction.work import Settings, Work
from plans.haloscope.outcome import Campaign

#: Parts of the two papers, of each of which something is claimed.
SECTIONS = {
    "refrigerator": (
        "Abstract", "Introduction", "GGG and the magnetocaloric effect",
        "3He-4He mixture properties", "AMRR system operation", "Regenerator design model",
        "Eq. (3)", "Eq. (4)", "Eqs. (1), (2)", "Final component designs", "Table 1",
        "Component construction", "Regenerator magnets", "AMRR assembly", "Conclusion",
    ),
    "haloscope": (
        "Abstract", "Title", "Introduction", "CAPP-12TB", "Eq. (1)", "Tuning", "Receiver",
        "Noise", "Eq. (2)", "Data", "Analysis", "Figure 3(a)", "Figure 3(b)", "Figure 3(c)",
        "Figure 4", "Figure 5", "Reference [35]", "Conclusion",
    ),
}  # fmt: skip
CHEAP = ("axion", "cavity", "refrigerator-design")
EQUAL = {
    "name": "a", "where": "x", "says": "y", "check": "equal", "role": "predicted", "number": 10,
    "unit": "K", "tolerance": 1, "because": "z", "room": "axion",
}  # fmt: skip


def test_the_claims_cover_both_papers_and_each_has_its_computation() -> None:
    claims = all_claims()
    assert len(claims) > 120
    rooms = {room.name for room in ROOMS}
    for claim in claims:
        assert not claim.computed or claim.room in rooms, claim.name
        assert claim.computed or not claim.tested, claim.name
    assert {claim.room for claim in claims} == {*rooms, ""}
    for paper in papers():
        said = " ".join(claim.where for claim in paper.claims).replace("(b), (c)", "(b), 3(c)")
        for section in SECTIONS[paper.name]:
            short = section.replace("Figure 3(c)", "3(c)")
            assert short in said, section


def test_no_name_is_that_of_a_room_and_of_a_claim_of_another() -> None:
    rooms = {room.name for room in ROOMS}
    assert not rooms & {claim.name for claim in all_claims()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "Not a name"}, "no name of a claim"),
        ({"name": ""}, "no name of a claim"),
        ({"number": math.nan}, "needs number"),
        ({"number": None}, "needs number"),
        ({"check": "range"}, "needs low"),
        ({"check": "perhaps"}, "perhaps"),
        ({"role": "guessed"}, "guessed"),
        ({"says": " "}, "says is missing"),
        ({"because": ""}, "because is missing"),
        ({"room": ""}, "a tolerance, a role and a room"),
        ({"role": "none"}, "a tolerance, a role and a room"),
        ({"tolerance": -1}, "no range"),
        ({"colour": "red"}, "colour is nothing"),
    ],
)
def test_a_claim_that_is_not_well_formed_is_refused(change: dict[str, Any], told: str) -> None:
    claim_from("paper", EQUAL)
    with pytest.raises(BadClaimError, match=told):
        claim_from("paper", {**EQUAL, **change})


@pytest.mark.parametrize(
    ("change", "finding", "verdict"),
    [
        ({}, exact(11.0), Verdict.AGREES),
        ({}, exact(11.001), Verdict.DIFFERS),
        ({}, exact(8.999), Verdict.DIFFERS),
        ({}, measured(11.5, 0.6, "x"), Verdict.AGREES),
        ({}, measured(11.5, 0.5, "x"), Verdict.DIFFERS),
        ({"tolerance": 0}, exact(10.0), Verdict.AGREES),
        ({"tolerance": 0}, exact(10.0001), Verdict.DIFFERS),
        ({}, spread(10.0, 9.5, 11.5, "x"), Verdict.DIFFERS),
        ({"check": "range", "low": 5, "high": 9}, spread(6, 4.5, 9.5, "x"), Verdict.AGREES),
        ({"check": "range", "low": 5, "high": 9}, spread(6, 3.5, 9.0, "x"), Verdict.DIFFERS),
        ({"check": "at least", "low": 5}, exact(4.0), Verdict.AGREES),
        ({"check": "at least", "low": 5}, exact(3.9), Verdict.DIFFERS),
        ({"check": "at most", "high": 5}, exact(-1e9), Verdict.AGREES),
        ({"check": "at most", "high": 5}, exact(6.1), Verdict.DIFFERS),
        ({"check": "stated"}, None, Verdict.STATED),
        ({"check": "untestable"}, exact(1e9), Verdict.UNTESTABLE),
        ({}, None, Verdict.MISSING),
    ],
)
def test_a_verdict_follows_from_tolerance_and_chance(
    change: dict[str, Any], finding: Finding | None, verdict: Verdict
) -> None:
    assert judge(claim_from("paper", {**EQUAL, **change}), finding) is verdict


def ended(again: int, vetoed: int, fresh: int) -> Campaign:
    return Campaign("a", [], [1100.0] * again, [], None, [], [1100.1] * fresh, [1100.2] * vetoed)


@pytest.mark.parametrize(
    ("over", "verdict"), [(0, Verdict.AGREES), (1, Verdict.DIFFERS), (7, Verdict.DIFFERS)]
)
def test_a_line_above_the_threshold_after_the_rescan_counts_whatever_is_thought_of_it(
    over: int, verdict: Verdict
) -> None:
    found = lines(ended(again=2, vetoed=1, fresh=over), over, 3.9)
    assert judge(claim_named("after-rescan"), found["after-rescan"]) is verdict
    assert found["lines-above"].value == 3.0


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (4.508, 4.591, Verdict.AGREES),
        (4.55, 4.55, Verdict.DIFFERS),
        (4.51, 4.55, Verdict.DIFFERS),
        (4.50, 4.60, Verdict.DIFFERS),
    ],
)
def test_the_excluded_masses_are_as_many_as_the_letter_says(
    low: float, high: float, verdict: Verdict
) -> None:
    assert judge(claim_named("mass-range"), masses(np.array([low, high]))) is verdict


def test_diodes_that_carry_nothing_are_no_agreement() -> None:
    assert judge(claim_named("quench-diodes"), exact(0.0)) is Verdict.DIFFERS


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_no_finding(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        exact(value)


@pytest.mark.parametrize("name", CHEAP)
def test_a_cheap_room_answers_all_its_claims(name: str, tmp_path: Path) -> None:
    kept = Kept(tmp_path, Settings(quick=True))
    out = io.StringIO()
    result = run_room(room_named(name), kept, out)
    assert result.error == ""
    shares = [float(line) for line in out.getvalue().splitlines()]
    assert shares == sorted(shares)
    assert kept.find(room_named(name)) == result
    assert not kept.work_folder(room_named(name)).exists()
    rows = rows_of(all_claims(), {name: result})
    for row in rows:
        if row.claim.room == name and row.claim.role in (Role.INPUT, Role.FITTED):
            assert row.verdict is Verdict.AGREES, row.claim.name
    for drawn in result.drawn:
        svg = (tmp_path / "figures" / f"{drawn.name}.svg").read_text()
        assert svg.startswith("<svg")
        assert "#000000" not in svg
        assert {claim_named(claim).room for claim in drawn.claims} == {name}


@pytest.mark.parametrize("room", [r for r in ROOMS if r.name not in CHEAP], ids=lambda r: r.name)
def test_a_costly_room_names_all_its_claims(room: Room) -> None:
    path = Path(sys.modules["cryohalo.reproduction"].__path__[0]) / "computations"
    text = (path / f"{room.name.replace('-', '_')}.py").read_text()
    assert "\ndef compute(work: Work) -> Answers:" in text
    for claim in all_claims():
        if claim.room == room.name:
            assert f'"{claim.name}"' in text, claim.name


class Made(Room):
    """A room that computes what a test says."""

    def compute(self, work: Work) -> Mapping[str, Finding]:
        return MADE[self.name](work)


MADE: dict[str, Callable[[Work], Mapping[str, Finding]]] = {}


def made(name: str, function: Callable[[Work], Mapping[str, Finding]]) -> Made:
    MADE[name] = function
    room = room_named(name)
    return Made(room.name, room.title, room.rests_on, room.seconds)


def anything(name: str) -> dict[str, Finding]:
    """Some finding for each claim of a room."""
    return {claim.name: exact(1.0) for claim in all_claims() if claim.room == name}


def test_a_room_that_fails_says_why_and_is_not_kept(tmp_path: Path) -> None:
    def fail(work: Work) -> dict[str, Finding]:
        raise RuntimeError("the magnet is warm")

    kept = Kept(tmp_path, Settings())
    result = run_room(made("axion", fail), kept, io.StringIO())
    assert result.error == "RuntimeError: the magnet is warm"
    assert kept.find(room_named("axion")) is None
    row = next(r for r in rows_of(all_claims(), {"axion": result}) if r.claim.room == "axion")
    assert row.verdict is Verdict.MISSING
    assert row.error == result.error


@pytest.mark.parametrize(("change", "told"), [(-1, "finds nothing for"), (1, "no claim asks")])
def test_a_room_finds_what_is_claimed_and_nothing_else(
    change: int, told: str, tmp_path: Path
) -> None:
    found = anything("axion")
    if change < 0:
        found.popitem()
    else:
        found["invented"] = exact(1.0)
    result = run_room(made("axion", lambda _: found), Kept(tmp_path, Settings()), io.StringIO())
    assert told in result.error


def result_of(room: Room, kept: Kept, error: str = "") -> Result:
    values = anything(room.name)
    return Result(
        room.name, fingerprint(room, kept.settings), kept.settings.recorded(),
        {} if error else values, (), 1.0, "2026-01-01T00:00:00+00:00", "0.1.0", error,
    )  # fmt: skip


def test_a_result_holds_until_something_that_decides_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, kept = room_named("axion"), Kept(tmp_path, Settings())
    assert kept.find(room) is None
    kept.keep(room, result_of(room, kept))
    assert kept.find(room) == result_of(room, kept)
    assert Kept(tmp_path, Settings(seed=2)).find(room) is None
    assert Kept(tmp_path, Settings(quick=True)).find(room) is None
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "version", lambda name: "0")
        assert kept.find(room) is None
    with monkeypatch.context() as patch:  # another line somewhere in the physics
        patch.setattr(keeping, "_hash_of", lambda path: path.name)
        assert kept.find(room) is None
    assert kept.find(room) is not None
    kept.path(room).write_text(kept.path(room).read_text()[:-40])
    assert kept.find(room) is None


def test_a_change_of_a_source_changes_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    source = tmp_path / "room" / "law.py"
    source.write_text("x = 1\n")
    before = keeping._hash_of.__wrapped__(tmp_path / "room")
    source.write_text("x = 2\n")
    assert keeping._hash_of.__wrapped__(tmp_path / "room") != before


def test_a_room_that_fails_stops_no_other_and_what_is_kept_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [room_named(name) for name in ("axion", "cavity", "receiver")]
    kept = Kept(tmp_path, Settings())
    kept.keep(rooms[0], result_of(rooms[0], kept))
    whole = json.dumps(result_of(rooms[1], kept).recorded())
    path = kept.path(rooms[1])
    scripts = {
        "cavity": f"from pathlib import Path; print('0.5'); "
        f"Path({str(path)!r}).write_text({whole!r})",
        "receiver": "import sys; sys.exit('no receiver here')",
    }
    monkeypatch.setattr(running, "_command", lambda r, k: [sys.executable, "-c", scripts[r.name]])
    told: list[str] = []
    shares: list[int] = []
    found = running.run(
        rooms, kept, progress=lambda done, total: shares.append(done), tell=told.append
    )
    assert found["axion"] == result_of(rooms[0], kept)
    assert found["cavity"].error == ""
    assert found["receiver"].error == "ended with code 1: no receiver here"
    assert any(line.startswith("axion: kept from") for line in told)
    assert any(line.startswith("receiver: failed") for line in told)
    assert shares == sorted(shares)
    assert shares[-1] == 100


def test_what_another_command_makes_meanwhile_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = room_named("campaign"), room_named("axion")
    kept = Kept(tmp_path, Settings())
    one, other = (json.dumps(result_of(room, kept).recorded()) for room in (first, second))
    kept.path(first).parent.mkdir(parents=True)
    script = (
        f"from pathlib import Path; Path({str(kept.path(first))!r}).write_text({one!r}); "
        f"Path({str(kept.path(second))!r}).write_text({other!r})"
    )
    begun: list[str] = []

    def command(room: Room, kept: Kept) -> list[str]:
        begun.append(room.name)
        return [sys.executable, "-c", script]

    monkeypatch.setattr(running, "_command", command)
    found = running.run([first, second], kept, workers=1)
    assert begun == ["campaign"]
    assert [result.error for result in found.values()] == ["", ""]


def everything(kept: Kept) -> dict[str, Result]:
    return {room.name: result_of(room, kept) for room in ROOMS}


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


def test_tables_hold_what_their_languages_take_for_commands(tmp_path: Path) -> None:
    claim = replace(claim_named("noise-sum"), says='50 % of a_b & {c} #1 $, "quoted"')
    row = Row(claim, exact(1.0), Verdict.AGREES)
    assert r"50 \% of a\_b \& \{c\} \#1 \$" in latex_text([row], "made")
    assert next(csv.DictReader(io.StringIO(csv_text([row]))))["claim"] == claim.says


@pytest.mark.parametrize(
    "finding", [exact(10.0), exact(1e6), measured(9.0, 3.0, "x"), spread(10, 2, 12, "x")]
)
@pytest.mark.parametrize("change", [{}, {"tolerance": 0}, {"check": "at most", "high": 5}])
def test_a_strip_holds_all_that_it_shows(finding: Finding, change: dict[str, Any]) -> None:
    claim = claim_from("paper", {**EQUAL, **change})
    strip = strip_of(Row(claim, finding, judge(claim, finding)))
    assert strip is not None
    for place in (*strip.band, *strip.paper, strip.ours, *strip.span):
        assert 0.0 <= place <= 100.0
    assert strip.span[0] <= strip.ours <= strip.span[1]
    if claim.check is Check.EQUAL and judge(claim, finding) is Verdict.AGREES:
        assert strip.band[0] <= strip.paper[0] <= strip.band[1]
