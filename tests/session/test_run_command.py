"""``cryohalo run``: every plan from the shell, by its own signature."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted
from ophyd.status import Status
from typer.testing import CliRunner, Result

from cryohalo import cli
from cryohalo.catalog import Catalog
from cryohalo.running import command
from cryohalo.running.arguments import arguments_of, instruments_of
from cryohalo.session import Session
from plans.offered import offered
from tests.session.test_queue import ARGUMENTS, OBJECTS

PLANS = {plan.__name__: plan for plan in offered()}
DEVICES = {"haloscope", "refrigerator", "instrument"}


def run(*words: str, **more: Any) -> Result:
    return CliRunner().invoke(cli.app, ["run", *words], catch_exceptions=True, **more)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code, and the one line that is told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["cryohalo", "run", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert isinstance(ended.value.code, int)
    return ended.value.code, line


def test_all_plans_are_listed() -> None:
    listed = {line.split()[0] for line in run().stdout.splitlines()}
    assert listed == set(PLANS)
    assert run("--help").stdout == run().stdout


@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_plan_takes_from_a_shell_what_it_takes_from_a_queue(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All arguments but the objects of a session, each as the plan's own type."""
    seen: dict[str, Any] = {}

    def note(plan: Any, instrument: str, given: Mapping[str, Any], **_: Any) -> None:
        seen.update(plan=plan, instrument=instrument, given=given)

    monkeypatch.setattr(command, "_run", note)
    needed, more = ARGUMENTS[name]
    wanted = {k: v for k, v in {**needed, **more}.items() if k not in DEVICES - {"instrument"}}
    arguments = {argument.name: argument for argument in arguments_of(PLANS[name])}
    further = {k: v for k, v in wanted.items() if k not in arguments and k != "instrument"}
    given_by = {k: v for k, v in wanted.items() if k not in further}
    given_by |= {one.name: further for one in arguments.values() if one.spread}
    words = [word for key, value in given_by.items() for word in _words(key, value)]
    done = run(name, *words)
    assert done.exit_code == 0, done.output + str(done.exception)
    assert seen["plan"] is PLANS[name]
    given = dict(seen["given"])
    assert json.loads(json.dumps(given)) == {k: v for k, v in wanted.items() if k not in DEVICES}
    inspect.signature(PLANS[name]).bind("device", **given)
    # What is left is no argument for a shell.
    every = set(inspect.signature(PLANS[name]).parameters)
    assert every - set(arguments) <= OBJECTS | DEVICES | {"documents"}
    assert all(argument.help for argument in arguments.values())


def _words(key: str, value: Any) -> list[str]:
    option = f"--{key.replace('_', '-')}"
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    return [option, value if isinstance(value, str) else json.dumps(value)]


def test_no_plan_has_an_argument_by_the_name_of_a_common_option() -> None:
    common = set(inspect.signature(command._common).parameters)
    for plan in PLANS.values():
        assert not common & set(inspect.signature(plan).parameters)
        assert instruments_of(plan)
        assert isinstance(typer.main.get_command(_app(plan)), object)


def _app(plan: Any) -> typer.Typer:
    app = typer.Typer()
    app.command()(command.command_of(plan))
    return app


def test_a_plan_runs_and_tells_its_value_and_its_run(tmp_path: Path) -> None:
    words = ("--frequencies-mhz", "[1100.0]", "--averages", "20", "--md", '{"sample": "none"}')
    done = run("scan", *words, "--simulated", "--yes", "--catalog", str(tmp_path))
    assert done.exit_code == 0, done.output
    (recorded,) = Catalog(tmp_path)
    assert recorded.start["sample"] == "none"
    assert done.stdout.splitlines()[-2:] == [f"run {recorded.uid}", "returned: 1100"]
    assert "cavity_frequency" in done.stdout


def test_json_has_the_value_too(tmp_path: Path) -> None:
    words = ("--frequency-mhz", "1100", "--simulated", "--yes", "--catalog", str(tmp_path))
    done = run("tune_to", *words, "--show", "json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    (value,) = [one["value"] for one in told if one["what"] == "value"]
    assert value["frequency_mhz"] == pytest.approx(1100.0, abs=0.002)


def test_a_rehearsal_moves_nothing_and_tells_duration_and_limits(tmp_path: Path) -> None:
    words = ("--start-mhz", "1100", "--stop-mhz", "1100.1", "--simulated", "--catalog")
    done = run("scan", *words, str(tmp_path), "--dry-run")
    assert done.exit_code == 0, done.output
    first, rod, last = done.stdout.splitlines()
    assert first.startswith("rehearsed: 1 h 31 min of the instrument's time, 11 events; ")
    assert rod.startswith("  haloscope_rod 34.")
    assert last == "every value is within its device's limits"
    assert not list(Catalog(tmp_path))


SIMULATED = ("--simulated", "--catalog")
CAMPAIGN = ("campaign", "--name", "a", *SIMULATED, "runs", "--yes")
REFUSED = [
    (("nothing",), 2, "there is no plan nothing"),
    (("scan", "--nonsense", "1"), 2, "No such option"),
    (("scan", "--start-mhz", "many"), 2, "--start-mhz"),
    (("scan", "--frequencies-mhz", "1100,1101"), 2, "1100,1101 is no JSON"),
    (("scan", "--frequencies-mhz", "1100"), 2, "1100: must be a list, such as '[1100.0, 1100.1]'"),
    (("scan", "--frequencies-mhz", "[1100, [2]]"), 2, "1: Input should be a valid number"),
    (("scan", "--tolerances", '{"gain_db": "high"}'), 2, "gain_db: Input should be a valid"),
    (("scan", "--skip-mhz", "[[1, 2, 3]]"), 2, "--skip-mhz"),
    (("scan", "--frequencies-mhz", "[" * 100_000), 2, "--frequencies-mhz"),
    (("cooldown", "--amrr-prefix", "", "--yes"), 2, "cooldown needs the refrigerator's prefix"),
    ((*CAMPAIGN, "--start-mhz", "1100"), 2, "needs start_mhz and stop_mhz"),
    (
        (*CAMPAIGN, "--start-mhz", "1.06e9", "--stop-mhz", "1.1e9"),
        2,
        "start_mhz = 1060000000 MHz is",
    ),
    (("load_curve",), 2, "Missing option '--powers-uw'"),
    (("clear_interlocks", "--instrument", "nobody", "--yes"), 2, "refrigerator or haloscope"),
]


@pytest.mark.parametrize(("words", "code", "told"), REFUSED, ids=lambda given: str(given)[:40])
def test_what_cannot_be_used_is_one_line(
    words: tuple[str, ...],
    code: int,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, line = refused(capsys, *words)
    assert found == code
    assert told in line


def test_a_value_that_a_plan_refuses_is_refused_by_its_rehearsal_and_by_its_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("scan", "--frequencies-mhz", "[-3]", *SIMULATED, str(tmp_path))
    for how in ("--dry-run", "--yes"):
        code, line = refused(capsys, *words, how)
        assert (code, "frequency = -3 MHz is outside" in line) == (2, True)


def test_without_a_terminal_nobody_is_asked_and_nothing_runs(tmp_path: Path) -> None:
    words = ("scan", "--frequencies-mhz", "[1100]", *SIMULATED, str(tmp_path))
    done = run(*words, input="y\n")
    assert done.exit_code == 2
    assert not list(Catalog(tmp_path))


@pytest.mark.parametrize(("answer", "runs"), [("y", 1), ("n", 0)])
def test_at_a_terminal_it_is_asked(
    tmp_path: Path, answer: str, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.typer, "confirm", lambda *_, **__: answer == "y")
    monkeypatch.setattr(command, "_interactive", lambda: True)
    words = ("--frequencies-mhz", "[1100]", "--averages", "20", *SIMULATED, str(tmp_path))
    done = run("scan", *words)
    assert len(list(Catalog(tmp_path))) == runs
    assert "rehearsed: " in done.stdout
    assert done.exit_code == (0 if runs else 1)


ENDS = [
    (RunEngineInterrupted("paused"), 130),
    (RuntimeError("of nobody's"), None),
    (ValueError("a plan's own"), None),
]


@pytest.mark.parametrize(("error", "code"), ENDS, ids=repr)
def test_how_a_plan_ends_is_in_the_exit_code(
    tmp_path: Path, error: Exception, code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    aborted: list[str] = []

    def fail(session: Session, *_: Any) -> None:
        session.run_engine.abort = aborted.append  # type: ignore[assignment,method-assign]
        raise error

    monkeypatch.setattr(Session, "run", fail)
    done = run("make_safe", "--yes", *SIMULATED, str(tmp_path))
    if code is None:  # a fault: its traceback is wanted
        assert done.exception is error
    else:
        assert done.exit_code == code
        assert aborted == ["interrupted at the terminal"]


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (("campaign", "--name", "a"), "interrupted: the same command goes on from there"),
        (("scan", "--frequencies-mhz", "[1100]"), "interrupted: its runs so far are kept"),
    ],
)
def test_who_interrupts_a_plan_is_told_whether_it_can_go_on(
    tmp_path: Path,
    plan: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> None:
        raise RunEngineInterrupted("paused")

    monkeypatch.setattr(Session, "run", interrupted)
    monkeypatch.setattr(RunEngine, "abort", lambda *_: ())
    done = run(*plan, "--yes", *SIMULATED, str(tmp_path))
    assert told in done.output + capsys.readouterr().err


def test_a_status_that_fails_is_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from devices.haloscope import Haloscope
    from devices.parts.base import Instrument
    from devices.waiting.status import Action, NotReachedError

    def refuse(self: Any, value: Any) -> Status:
        status = Action(self)
        status.set_exception(NotReachedError("haloscope_magnet_field: another client holds it"))
        return status

    monkeypatch.setattr("devices.parts.base.Positioner.set", refuse)
    assert issubclass(Haloscope, Instrument)
    words = ("cool_and_ramp", "--field-t", "11", "--yes", *SIMULATED, str(tmp_path))
    code, line = refused(capsys, *words)
    assert (code, "another client holds it" in line) == (1, True)


def test_plans_that_end_a_fault_run_unsuspended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    ran = Session.run

    def note(session: Session, plan: Any, **more: Any) -> Any:
        held.append(bool(session.run_engine.suspenders))
        return ran(session, plan, **more)

    monkeypatch.setattr(Session, "run", note)
    for name in ("make_safe", "set_jpa"):
        given = ["--target-mhz", "1100"] if name == "set_jpa" else []
        run(name, *given, "--yes", *SIMULATED, str(tmp_path))
    assert held == [False, True]
    assert set(PLANS) >= command.RECOVERING


def test_help_names_every_option_in_full_at_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command.run_plan("campaign", ["--help"])
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    for option in ("--frequencies-mhz", "--rescan-averages", "--calibration-spacing-mhz"):
        assert option in told
