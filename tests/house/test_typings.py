"""The types that `typings/` gives to a library without any are of what the library has."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest

TYPINGS = Path(__file__).parents[2] / "typings"
STUBS = sorted(TYPINGS.rglob("*.pyi"))


def module_of(stub: Path) -> str:
    return ".".join(stub.relative_to(TYPINGS).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("stub", STUBS, ids=module_of)
def test_what_is_typed_is_there(stub: Path) -> None:
    importlib.import_module("ophyd")  # it completes its modules when it chooses a control layer
    module = importlib.import_module(module_of(stub))
    missing = list(_missing(module, ast.parse(stub.read_text()).body, module_of(stub)))
    assert missing == []


def _missing(owner: Any, body: list[ast.stmt], where: str) -> Any:
    for item in body:
        if isinstance(item, (ast.ClassDef, ast.FunctionDef)):
            if not hasattr(owner, item.name):
                yield f"{where}.{item.name}"
            elif isinstance(item, ast.ClassDef):
                found = getattr(owner, item.name)
                yield from _missing(found, item.body, f"{where}.{item.name}")
        elif isinstance(item, ast.ImportFrom):
            names = [alias.asname or alias.name for alias in item.names]
            yield from (f"{where}.{n}" for n in names if _shown(item, n) and not hasattr(owner, n))


def _shown(item: ast.ImportFrom, name: str) -> bool:
    """Whether an import of a stub is one of its names: `import X as X`."""
    return any(alias.asname == name for alias in item.names)
