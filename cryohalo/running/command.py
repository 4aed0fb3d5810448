"""``cryohalo run PLAN``: the plan's own command, and what it does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from bluesky.utils import FailedStatus, MsgGenerator, RunEngineInterrupted
from rich.console import Console

from cryohalo.commands.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    errors,
    plain_console,
    tell,
)
from cryohalo.commands.session_options import (
    AmrrPrefix,
    HaloPrefix,
    HardwareFile,
    Mode,
    ModeOption,
    Simulated,
    WrittenCatalog,
)
from cryohalo.commands.site import site
from cryohalo.interactive import displayed
from cryohalo.live.json_lines import JsonLines, plain_json
from cryohalo.live.refusals import log_no_failures, refusal
from cryohalo.live.value_lines import value_lines
from cryohalo.outcome import Outcome
from cryohalo.running.arguments import arguments_of, instruments_of, summary_of
from cryohalo.running.rehearsed import Rehearsed, rehearsed
from cryohalo.session import Session
from instruments.printable import escaped
from plans.offered import offered

__all__ = ["RECOVERING", "command_of", "list_plans", "run_plan"]

#: Plans that end a quench or a fault: they run while it stands, the suspenders lifted.
RECOVERING: Final = frozenset(
    {"clear_interlocks", "recover_from_quench", "make_safe", "safe_shutdown"}
)

Plan = Callable[..., Any]


def _common(
    *,
    catalog: WrittenCatalog = None,
    amrr_prefix: AmrrPrefix = None,
    halo_prefix: HaloPrefix = None,
    hardware: HardwareFile = None,
    show: ModeOption = Mode.live,
    simulated: Simulated = False,
    dry_run: Annotated[
        bool, typer.Option(help="Rehearse alone: duration, values and limits; nothing moves.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it runs.")] = False,
) -> None:
    """What every plan's command takes beside the plan's own arguments."""


def list_plans(console: Console) -> None:
    """A line for each plan."""
    for plan in sorted(offered(), key=lambda plan: (instruments_of(plan), plan.__name__)):
        of = " or ".join(instruments_of(plan))
        console.print(f"{plan.__name__:<22}  {of:<27}  {summary_of(plan)}")


def run_plan(name: str, given: list[str]) -> None:
    """Run a plan by the words that a shell gives.

    Raises:
        typer.BadParameter: There is no such plan, or a word cannot be used.
    """
    plans = {plan.__name__: plan for plan in offered()}
    name = name.replace("-", "_")
    if name not in plans:
        raise typer.BadParameter(
            f"there is no plan {escaped(name, 60)}; `cryohalo run` lists them", param_hint="PLAN"
        )
    app = typer.Typer(
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,  # its tables cut the names of options at 80 columns
    )
    app.command()(command_of(plans[name]))
    code = app(args=given, prog_name=f"cryohalo run {name}", standalone_mode=False)
    if code:
        raise typer.Exit(code)


def command_of(plan: Plan) -> Callable[..., None]:
    """A function that typer makes a command of: the plan's arguments and the common ones."""
    names = instruments_of(plan)
    arguments = arguments_of(plan)
    own = [argument.option for argument in arguments]
    spread = [argument.name for argument in arguments if argument.spread]
    if len(names) > 1:
        which = typer.Option(help=f"Which instrument: {' or '.join(names)}.")
        kind = inspect.Parameter.KEYWORD_ONLY
        own.insert(0, inspect.Parameter("instrument", kind, annotation=Annotated[str, which]))
    common = list(inspect.signature(_common, eval_str=True).parameters.values())

    def command(**given: Any) -> None:
        options = {one.name: given.pop(one.name) for one in common}
        name = given.pop("instrument", names[0])
        if name not in names:
            raise typer.BadParameter(f"{escaped(name, 40)}: {' or '.join(names)}")
        given = {key: value for key, value in given.items() if value is not None}
        for key in spread:
            given |= given.pop(key, {})
        _run(plan, name, given, **options)

    both = [*own, *common]
    command.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in both}
    command.__doc__ = summary_of(plan)
    return command


def _run(
    plan: Plan,
    name: str,
    given: Mapping[str, Any],
    *,
    catalog: Path | None,
    amrr_prefix: str | None,
    halo_prefix: str | None,
    hardware: Path | None,
    show: Mode,
    simulated: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    where = site(catalog, amrr_prefix, halo_prefix, hardware)
    parameters = inspect.signature(plan).parameters
    prefixes = {"refrigerator": where.amrr_prefix, "haloscope": where.halo_prefix}
    if not prefixes[name]:
        raise typer.BadParameter(f"{plan.__name__} needs the {name}'s prefix")
    log_no_failures()
    with Session.open(
        where.catalog,
        amrr_prefix=where.amrr_prefix if name == "refrigerator" else None,
        halo_prefix=where.halo_prefix if name == "haloscope" else None,
        simulated=simulated,
        hardware=where.hardware,
        suspenders=plan.__name__ not in RECOVERING,
    ) as session:

        def made(**more: Any) -> MsgGenerator[Any]:
            if "documents" in parameters:
                more["documents"] = (pair for run in session.catalog for pair in run.documents())
            return plan(session.instruments()[name], **given, **more)

        told = plain_console(stderr=show is Mode.json)
        expected_s = None
        if dry_run or not yes:
            expected_s = _rehearse(made, session.instruments()[name], told, alone=dry_run)
        if dry_run:
            return
        if not yes:
            _ask(plan.__name__)
        with displayed(session, show.value, expected_s=expected_s) as shows:
            apart = {"analysing": session.analysis} if "analysing" in parameters else {}
            outcome = _ran(session, made(**apart), goes_on="documents" in parameters)
            _show(outcome, shows, told)


def _rehearse(
    made: Callable[[], Any], instrument: Any, console: Console, *, alone: bool
) -> float | None:
    """Tell what the plan would do; the wall seconds that it takes, None where nobody knows."""
    try:
        found = rehearsed(made(), instrument)
    except ValueError as error:  # a limit or an argument: it would be refused, too
        raise typer.BadParameter(escaped(error, 1000), param_hint="plan") from None
    except Exception as error:
        # A rehearsal answers as if all went well; a plan that decides by what it measures may stop.
        if alone:
            raise ValueError(f"cannot be rehearsed: {type(error).__name__}: {error}") from error
        found = Rehearsed([f"not rehearsed: {escaped(error, 200)}"])
    for line in found.lines:
        console.print(line)
    return found.wall_s


def _interactive() -> bool:
    return sys.stdin.isatty()


def _ask(name: str) -> None:
    if not _interactive():
        raise typer.BadParameter("nobody can be asked here: give --yes, or --dry-run")
    if not typer.confirm(f"run {name}?", err=True):
        raise typer.Abort


def _ran(session: Session, plan: MsgGenerator[Any], *, goes_on: bool) -> Outcome:
    """Run it; what ends it is one line and an exit code.

    Args:
        session: Runs it.
        plan: What to run.
        goes_on: Called again, the plan finds in the catalog what it has done and goes on.
    """
    try:
        return session.run(plan)
    except RunEngineInterrupted:
        session.run_engine.abort("interrupted at the terminal")
        how = "the same command goes on from there" if goes_on else "its runs so far are kept"
        tell(f"interrupted: {how}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except Exception as error:
        lines = refusal(error, error.__traceback__)
        if not lines:
            raise
        tell(lines[0])
        for line in lines[1:]:
            errors.print(line)
        wrong = isinstance(error, ValueError) and not isinstance(error, FailedStatus)
        raise typer.Exit(EXIT_USAGE if wrong else EXIT_FAILED) from None


def _show(outcome: Outcome, shows: Any, console: Console) -> None:
    if isinstance(shows, JsonLines):
        runs = [run.uid for run in outcome.runs]
        shows.tell("value", value=plain_json(outcome.value), runs=runs)
        return
    for run in outcome.runs:
        console.print(f"run {run.uid}")
    if outcome.value is not None:
        bare = isinstance(outcome.value, int | float | list | tuple)  # has neither names nor words
        for line in value_lines({"returned": outcome.value} if bare else outcome.value):
            console.print(line)
