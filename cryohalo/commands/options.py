"""What the commands share: checked values of options, and mistakes reported in one line.

What their exit codes say is in ``EXIT_CODES``.
"""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from typer.exceptions import TyperException

from cryohalo.places import is_address
from instruments import options
from instruments.printable import escaped

__all__ = [
    "DEFAULT_CATALOG",
    "EXIT_CODES",
    "EXIT_FAILED",
    "EXIT_INTERRUPTED",
    "EXIT_NOT_BELIEVED",
    "EXIT_USAGE",
    "MAX_SEED",
    "WRITABLE",
    "CatalogOption",
    "between",
    "catalog_place",
    "errors",
    "folder",
    "given_prefix",
    "plain_console",
    "prefix",
    "run_app",
    "tell",
    "writable_folder",
]

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_BELIEVED: Final = 3
EXIT_INTERRUPTED: Final = 130
#: What an exit code of any command says; the page of the command line has it from here.
EXIT_CODES: Final[Mapping[int, str]] = {
    os.EX_OK: "done; `cryohalo runs` also where files were left out",
    EXIT_FAILED: "it could not be done: no such run or folder, a file that cannot be used, an IOC "
    "that did not start, a measurement that is missing; `status`: not all is ready; `doctor`: "
    "something is in the way",
    EXIT_USAGE: "an option or an argument that cannot be used",
    EXIT_NOT_BELIEVED: "done, but what was found is not to be believed: it says why",
    EXIT_INTERRUPTED: "interrupted",
}
MAX_SEED: Final = 2**31 - 1
_LONGEST_MESSAGE: Final = 1000


def plain_console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given as it is, a line as one line.

    rich's own takes ``[x]`` for a style and ``:x:`` for a picture, also in a path or in a name that
    a file brings, and breaks a line that is to be copied, or read by a program.
    """
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=stderr)


errors = plain_console(stderr=True)


def run_app(app: typer.Typer) -> NoReturn:
    """Run a command and end the process; what is known to go wrong is one line on standard error.

    A fault of the program itself is a traceback.
    """
    from cryohalo.errors import CatalogError
    from cryohalo.processes.launcher import IocFailedError

    _let_every_character_out()
    try:
        raise SystemExit(app(standalone_mode=False) or 0)
    except TyperException as error:
        if error.format_message():  # help was asked for by giving nothing
            tell(error.format_message())
        raise SystemExit(error.exit_code) from None
    except (typer.Abort, KeyboardInterrupt):
        raise SystemExit(EXIT_INTERRUPTED) from None
    except IocFailedError as error:  # with the last lines of its log
        errors.print(f"cryohalo: {error}")
        raise SystemExit(EXIT_FAILED) from None
    except ArithmeticError as error:
        tell(f"this cannot be calculated, a value is out of all proportion: {error}")
        raise SystemExit(EXIT_FAILED) from None
    except (CatalogError, ValueError, OSError) as error:
        tell(error)
        raise SystemExit(EXIT_FAILED) from None


def _let_every_character_out() -> None:
    """Let a terminal that has no such character show its code, instead of ending what is told."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it was closed
            stream.reconfigure(errors="backslashreplace")


def tell(what: object) -> None:
    """One line on standard error; of an error that holds several mistakes (``mistakes``), each."""
    for one in getattr(what, "mistakes", None) or (what,):
        errors.print(f"cryohalo: {escaped(one, _LONGEST_MESSAGE)}")


def between(low: float, high: float, unit: str = "") -> Callable[[Any], Any]:
    """Check of a number that is between ``low`` and ``high``, both included, where it is given."""

    def check(value: Any) -> Any:
        if value is not None and not low <= value <= high:
            raise typer.BadParameter(f"{value:.12g}: {low:.12g} to {high:.12g} {unit}".rstrip())
        return value

    return check


def folder(text: str | Path) -> Path:
    """A folder by its name; an empty one, as of a variable that is not set, is none."""
    if not str(text).strip():
        raise typer.BadParameter(f"{text!r} is no name of a folder")
    return Path(text)


def catalog_place(text: str | Path) -> Path | str:
    """Where runs are read: a folder by its name, or a server by its address."""
    return str(text) if is_address(text) else folder(text)


def writable_folder(text: str | Path) -> Path:
    """A folder that is written to: it is one, or could be made."""
    try:
        return options.writable_folder(str(folder(text)))
    except ArgumentTypeError as error:
        raise typer.BadParameter(str(error)) from None


def prefix(text: str) -> str:
    """Check of a prefix; an empty one stands for no instrument."""
    from pvdb.names import check_prefix

    try:
        return check_prefix(text) if text else text
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def given_prefix(text: str | None) -> str | None:
    """Check of a prefix that there must be; None is one that is not given."""
    if text is None:
        return None
    if not text:
        raise typer.BadParameter("a prefix is needed")
    return prefix(text)


#: What an option of a folder that is written to is made with.
WRITABLE: Final[dict[str, Any]] = {"parser": writable_folder, "metavar": "PATH"}
DEFAULT_CATALOG: Final = Path("data/runs")
CatalogOption = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        help="Folder of the catalog, or http://HOST:PORT of a Tiled that has the runs; the site's "
        "unless told, or data/runs.",
        parser=catalog_place,
        metavar="PLACE",
    ),
]
