"""``cryohalo session``: a prompt or a script with both instruments at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryohalo.commands.options import EXIT_FAILED, plain_console
from cryohalo.commands.session_options import (
    AmrrPrefix,
    HaloPrefix,
    HardwareFile,
    Mode,
    ModeOption,
    Simulated,
    WrittenCatalog,
)

__all__ = ["app"]

app = typer.Typer()


def python_file(path: Path | None) -> Path | None:
    """Check of a file that is read and run."""
    if path is not None and not path.is_file():
        raise typer.BadParameter(f"{path} is no file")
    return path


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
def run(
    context: typer.Context,
    plan: Annotated[str | None, typer.Argument(help="Name of the plan.")] = None,
) -> None:
    """Run a plan. Without one, all are listed; PLAN --help says what one takes.

    Exit codes: 0 done; 1 it failed; 2 an argument or a value that is refused; 130 interrupted.
    """
    from cryohalo.commands.site import find_instruments

    find_instruments()
    from cryohalo.running.command import list_plans, run_plan

    if plan is None or plan in ("--help", "-h"):
        list_plans(plain_console())
        return
    run_plan(plan, context.args)


@app.command()
def session(
    catalog: WrittenCatalog = None,
    amrr_prefix: AmrrPrefix = None,
    halo_prefix: HaloPrefix = None,
    hardware: HardwareFile = None,
    script: Annotated[
        Path | None,
        typer.Option(help="Run this file of Python and end.", callback=python_file),
    ] = None,
    code: Annotated[
        str | None, typer.Option("-c", "--code", help="Run this Python and end.")
    ] = None,
    startup: Annotated[
        Path | None,
        typer.Option(
            help="Run this file of Python first.",
            envvar="CRYOHALO_STARTUP",
            callback=python_file,
        ),
    ] = None,
    show: ModeOption = Mode.live,
    simulated: Simulated = False,
) -> None:
    """A prompt (IPython) with RE, catalog, devices and plans at hand; or a script with them.

    Exit code of a script: 0, and 1 where it failed.
    """
    from cryohalo.commands.site import find_instruments, site

    if script is not None and code is not None:
        raise typer.BadParameter("give a script or code, not both", param_hint="--script")
    where = site(catalog, amrr_prefix, halo_prefix, hardware)
    find_instruments()
    # After the environment is what Channel Access finds when it is imported.
    from cryohalo.interactive import displayed, prompt, run_code
    from cryohalo.session import Session

    with (
        Session.open(
            where.catalog,
            amrr_prefix=where.amrr_prefix,
            halo_prefix=where.halo_prefix,
            simulated=simulated,
            hardware=where.hardware,
        ) as opened,
        displayed(opened, show.value),
    ):
        if script is None and code is None:
            prompt(opened, startup)
        elif not run_code(opened, code=code or "", script=script, startup=startup):
            raise typer.Exit(EXIT_FAILED)
