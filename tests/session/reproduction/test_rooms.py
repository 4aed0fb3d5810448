"""Rooms: cheap ones computed, running, failing, resuming, what is kept and how long it holds."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from cryohalo.reproduction import kept as keeping
from cryohalo.reproduction import running
from cryohalo.reproduction.claim import Role
from cryohalo.reproduction.finding import Finding, exact
from cryohalo.reproduction.kept import Kept
from cryohalo.reproduction.papers import all_claims, claim_named
from cryohalo.reproduction.room_process import run_room
from cryohalo.reproduction.rooms import Room, room_named
from cryohalo.reproduction.rows import rows_of
from cryohalo.reproduction.verdict import Verdict
from cryohalo.reproduction.work import Settings, Work
from tests.session.reproduction.made import CHEAP, anything, made, result_of


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
