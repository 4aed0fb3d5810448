"""The page of the command line: typer's own description of it, and the exit codes."""

from __future__ import annotations

import html
import re
import subprocess
import sys

from cryohalo.commands.options import EXIT_CODES
from cryohalo.documents.markdown import code, table

__all__ = ["page"]

_HEAD = """# Command line

Made from the commands themselves. `--help` after any of them says the same; `cryohalo run PLAN
--help` has [the plan's arguments](plans.md). What goes wrong is one line on standard error.

"""
#: Lists of subcommands that typer cuts short: each has its own heading below.
_CUT_SHORT = re.compile(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n?")
_HELP = re.compile(r"^\* `--help`:.*\n", re.M)
_EMPTY = re.compile(r"\*\*Options\*\*:\n\n(?=#|\Z)")


def page() -> str:
    """Every command with its options; raises ``CalledProcessError`` where typer cannot say."""
    codes = table(("exit code", "meaning"), ((str(one), text) for one, text in EXIT_CODES.items()))
    told = _told().replace("```console\n$ ", "```text\n")
    for cut in (_CUT_SHORT, _HELP, _EMPTY):
        told = cut.sub("", told)
    told = told[told.index("## ") :]
    return f"{_HEAD}{codes}\n{_index(told)}\n{_plain(told)}".rstrip() + "\n"


def _told() -> str:
    command = (sys.executable, "-m", "typer", "cryohalo.cli", "utils", "docs", "--name", "cryohalo")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _index(told: str) -> str:
    found = re.findall(r"^##+ `(.+)`\n\n(.+)", told, re.M)
    rows = ((code(name), _plain(first).replace("|", r"\|")) for name, first in found)
    return table(("command", "what it does"), rows)


def _plain(told: str) -> str:
    """Without HTML's entities; what is no code stays as it is written."""
    return html.unescape(told).replace("$(", r"\$(")
