"""Commands of ``cryohalo`` in this process, for the tests of the command line."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from cryohalo import cli

__all__ = ["invoke", "run"]


def invoke(*arguments: str) -> Result:
    """What comes of a command, however it ends."""
    return CliRunner().invoke(cli.app, arguments)


def run(*arguments: str) -> str:
    """What a command prints that must succeed; what it raises is raised here."""
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output
