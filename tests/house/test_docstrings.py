"""The conventions of CONTRIBUTING for docstrings and comments that ruff has no rule for."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("instruments", "amrr", "haloscope", "pvdb", "iocs", "devices", "plans", "cryohalo")
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ROLE = re.compile(r":(?:func|meth|class|mod|attr|data|exc):`")
SINGLE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
SECTION = re.compile(r"^( *)(Args|Attributes):$")
SMALL = re.compile(r"^[\w*, .]+: [a-z]+ ")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Every comment and docstring, with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and (doc := ast.get_docstring(node)):
            yield node.body[0].lineno, doc


def small_entries(doc: str) -> Iterator[str]:
    """Entries of Google sections that begin with a small letter."""
    inside: int | None = None
    for line in doc.splitlines():
        indent = len(line) - len(line.lstrip())
        if section := SECTION.match(line):
            inside = len(section[1])
        elif inside is not None and line.strip() and indent <= inside:
            inside = None
        elif inside is not None and indent == inside + 4 and SMALL.match(line.strip()):
            yield line.strip()


def below_constants(text: str) -> Iterator[int]:
    """Lines of texts that stand below the constant which they describe."""
    for node in ast.walk(ast.parse(text)):
        body = node.body if isinstance(node, (ast.Module, ast.ClassDef)) else []
        for before, item in pairwise(body):
            value = item.value if isinstance(item, ast.Expr) else None
            described = isinstance(before, (ast.Assign, ast.AnnAssign))
            if described and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield item.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_conventions_of_docstrings_are_kept(path: Path) -> None:
    text = path.read_text()
    wrong = [f"{line}: a text below a constant, not #: above it" for line in below_constants(text)]
    for line, words in prose(text):
        if ROLE.search(words) or SINGLE.search(words):
            wrong.append(f"{line}: names stand in double backticks, without roles")
        wrong += [f"{line}: small letter in {entry!r}" for entry in small_entries(words)]
    assert wrong == []
