"""Every block of code of README and pages is tried.

They are run by ``tests/live/documents``; here is what needs no run, and holds also for those that
cannot be run by a test. Commands are held against the command line that there is: each exists, each option is one of its
own, each plan takes what it is given. Python is compiled; what it imports is there; names that it
does not make itself are those that a session has or that the block's page states (``GIVEN``); a
call has the keywords that its function takes.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import inspect
import re
import shlex
from collections.abc import Iterator, Sequence
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
from tests.house.pages import ROOT, Block, every_block

#: What a page's blocks take for given beside the names of a session: a scan, some places.
GIVEN = {"run", "targets", "uid"}
SESSION = {"RE", "session", "catalog", "haloscope", "refrigerator", "bp", "bps", "rehearse"}
#: Programs that are none of ours: their words are not held against anything.
FOREIGN = {".", "export", "eval", "caproto-get", "pip", "curl"}


BLOCKS = list(every_block())
SHELL = [block for block in BLOCKS if block.kind == "sh" and not block.hidden]
PYTHON = [block for block in BLOCKS if block.kind == "python"]


def test_there_are_blocks_of_both_kinds_and_each_has_its_fence() -> None:
    assert SHELL
    assert PYTHON
    assert not [str(block) for block in BLOCKS if block.kind == "indented"]


@pytest.mark.parametrize("block", SHELL, ids=str)
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


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_has_its_names_and_keywords(block: Block) -> None:
    of_page = [other for other in PYTHON if other.page == block.page]
    read(block, before=of_page[: of_page.index(block)])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("from cryohalo.catalog import Catalogue", "Catalogue"),
        ("import cryohalo.none", "cryohalo.none"),
        ("print(nobody)", "nobody"),
        ("RE(scan(haloscope, begin_mhz=1.0))", "begin_mhz"),
        ("run.tables()", "tables"),
        ("x = 1 +", "syntax"),
    ],
)
def test_a_mistake_in_python_is_found(code: str, told: str) -> None:
    with pytest.raises((AssertionError, ImportError, SyntaxError, TypeError), match=told):
        read(Block("x", 1, "python", code))


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


def read(block: Block, before: Sequence[Block] = ()) -> None:
    """Compile a block, import what it imports, and hold its names and calls against those.

    Blocks before it on its page have made names, too.
    """
    tree = ast.parse(block.text)
    known: dict[str, Any] = dict.fromkeys(SESSION | GIVEN | set(dir(builtins)))
    known |= {plan.__name__: plan for plan in offered()} | types_of_what_is_given()
    for other in before:
        made(ast.parse(other.text), known)
    made(tree, known)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            assert node.id in known, f"{block}: {node.id} is not made, imported or given"
        elif isinstance(node, ast.Call):
            called(node, known)


def made(tree: ast.Module, known: dict[str, Any]) -> None:
    """Add what a block imports, which must be there, and the names that it makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            for one in node.names:
                assert hasattr(module, one.name), f"{node.module} has no {one.name}"
                known[one.asname or one.name] = getattr(module, one.name)
        elif isinstance(node, ast.Import):
            for one in node.names:
                importlib.import_module(one.name)
                known[one.asname or one.name.partition(".")[0]] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.setdefault(node.id, None)


def types_of_what_is_given() -> dict[str, Any]:
    from cryohalo.catalog import Catalog, Run
    from cryohalo.session import Session
    from devices.simulated.haloscope import Haloscope

    return {"run": Run, "catalog": Catalog, "session": Session, "haloscope": Haloscope}


def called(node: ast.Call, known: dict[str, Any]) -> None:
    """A call of something known has keywords that it takes; a method is there."""
    function: Any = None
    if isinstance(node.func, ast.Name):
        function = known[node.func.id]
    elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        owner, name = known.get(node.func.value.id), node.func.attr
        if inspect.isclass(owner):
            assert hasattr(owner, name), f"{owner.__name__} has no {name}"
            function = getattr(owner, name)
    if function is None or not callable(function):
        return
    try:
        takes = inspect.signature(function).parameters.values()
    except ValueError:  # a builtin without one
        return
    if any(one.kind is one.VAR_KEYWORD for one in takes):
        return
    for keyword in node.keywords:
        names = [one.name for one in takes]
        assert keyword.arg in names, f"{ast.unparse(node.func)} takes no {keyword.arg}"
