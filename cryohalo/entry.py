"""The program ``cryohalo``, which is there also where its extra was not installed."""

from __future__ import annotations

import sys

__all__ = ["main"]

#: What the command line itself imports, all of the extra ``session``.
_WANTED = ("typer", "rich")


def main() -> None:
    """Run the command line; where it cannot be, say in a line what it wants."""
    try:
        from cryohalo.cli import main as run
    except ModuleNotFoundError as error:
        if error.name not in _WANTED:
            raise
        told = f"cryohalo: the command line wants {error.name}: pip install 'cryohalo[session]'"
        print(told, file=sys.stderr)
        raise SystemExit(1) from None
    run()
