"""Commands of README and pages that no test can run are held against the command line.

All other blocks are run by ``tests/live/documents``. Here each command exists, each option is one
of its own, each plan takes what it is given.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.exceptions import TyperException
from typer.main import get_command

from cryohalo import cli
from cryohalo.configuration import ConfigurationError
from cryohalo.configuration import read as configuration
from cryohalo.running.command import command_of
from plans.offered import offered
from tests.house.pages import ROOT, Block, blocks_of, every_block

#: Programs that are none of ours: their words are not held against anything.
FOREIGN = {"export", "jupyter", "pip"}

BLOCKS = list(every_block())
SHELL = [block for block in BLOCKS if block.kind == "sh" and block.not_run]
#: Of these programs nothing is known here.
OTHERS = "needs another program"


def test_every_block_has_its_fence_and_a_reason_if_it_is_not_run() -> None:
    assert SHELL
    assert not [str(block) for block in BLOCKS if block.kind == "indented"]


def test_a_block_that_is_not_run_has_one_of_the_reasons() -> None:
    (block,) = blocks_of("<!-- block: not run, it fails -->\n```sh\nls\n```\n", "p")
    with pytest.raises(ValueError, match=r"p:2: 'it fails' is none of \['as root', "):
        _ = block.not_run


@pytest.mark.parametrize("block", [b for b in SHELL if b.not_run != OTHERS], ids=str)
def test_commands_are_those_of_the_command_line(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"[\w./]+\.(?:py|toml|h5|csv|s1p|s2p|key)\b", block.text):
        if not Path(name).is_absolute():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()  # some options ask for a file that is there
    for words in commands(block.text):
        tried(words)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cryohalo ups", "ups"),
        ("cryohalo runs show", "(?i)missing"),
        ("cryohalo runs --lasts 3", "--lasts"),
        ("cryohalo run scan --starts-mhz 1", "--starts-mhz"),
        ("cryohalo run scans --yes", "scans"),
        ("cryohalo queue submit campaigns name=x", "campaigns"),
        ("cryohalo queue submit campaign named=x", "named"),
        ("caget AMRR:CHX:Temp_RBV", "caget"),
        ("make demos", "demos"),
        ("python -m benchmarks.none", "benchmarks.none"),
        ("CRYOHALO_AMRR__SPEEDS=3 cryohalo up", "amrr.speeds"),
        ("export CRYOHALO_AMRR__SPEED=fast", "amrr.speed"),
    ],
)
def test_a_mistake_in_a_command_is_found(line: str, told: str) -> None:
    (words,) = commands(line)
    with pytest.raises((AssertionError, TyperException, ConfigurationError), match=told):
        tried(words)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a block, without remarks."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def tried(words: list[str]) -> None:
    """Hold one command against what there is."""
    assigned = [word for word in words if re.match(r"CRYOHALO_\w+__\w+=", word)]
    configured(assigned)
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    program, *rest = words
    if program == "cryohalo":
        ours(rest)
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in rest:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"
    elif program == "python":
        of_python(rest)
    else:
        assert program in FOREIGN, f"{program} is no command that is tried"


def of_python(words: list[str]) -> None:
    if words[0] != "-m":
        assert (ROOT / words[0]).is_file(), words[0]
        return
    assert importlib.util.find_spec(words[1]), words[1]


def configured(assigned: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for word in assigned:
            patch.setenv(*word.split("=", 1))
        configuration()


def ours(words: list[str]) -> None:
    """Parse a command of ours, to its end; nothing is run."""
    command: Any = get_command(cli.app)
    context = command.make_context("cryohalo", list(words), resilient_parsing=not words)
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return None
        name, command, rest = command.resolve_command(context, rest)
        if name == "run" and rest:
            return of_a_plan(rest)
        if "--help" in rest:
            return None
        context = command.make_context(name, rest, parent=context)
    if words[:2] == ["queue", "submit"]:
        queued(words[2], words[3:])
    return None


def of_a_plan(words: list[str]) -> None:
    name, *rest = words
    app = typer.Typer(add_completion=False)
    app.command()(command_of(plan_named(name)))
    if "--help" not in rest:
        get_command(app).make_context(name, rest)


def queued(name: str, given: list[str]) -> None:
    takes = inspect.signature(plan_named(name)).parameters
    for word in given:
        key = word.partition("=")[0]
        assert key in takes, f"{name} takes no {key}"


def plan_named(name: str) -> Any:
    found = {plan.__name__: plan for plan in offered()}
    assert name in found, f"there is no plan {name}"
    return found[name]
