"""Installed size of each extra with all that it brings, from the packages installed here.

python -m benchmarks.extras_size
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
OWN = canonicalize_name(PROJECT["name"])


def asked_by(extra: str) -> list[str]:
    """Requirements of an extra of the project, "" for none."""
    return PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]


def closure(requirements: list[str], wanted: frozenset[str] = frozenset()) -> set[str]:
    """Names of all packages that these bring, those of the project's own extras included."""
    found: set[str] = set()
    waiting = [(text, wanted) for text in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        text, extras = waiting.pop()
        need = Requirement(text)
        names = extras or {""}
        if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in names):
            continue
        name = canonicalize_name(need.name)
        key = name, frozenset(need.extras)
        if key in seen:
            continue
        seen.add(key)
        if name == OWN:
            waiting += [(text, frozenset()) for extra in need.extras for text in asked_by(extra)]
            continue
        found.add(name)
        try:
            brought = distribution(name).requires or []
        except PackageNotFoundError:
            print(f"{name} is not installed: its size is left out")
            continue
        waiting += [(text, frozenset(need.extras)) for text in brought]
    return found


def size_mb(name: str) -> float:
    """Size of a package's files, compiled ones left out, MB."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0.0
    paths = {Path(str(file.locate())) for file in files if file.suffix != ".pyc"}
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def main() -> None:
    base = asked_by("")
    print("| extra | packages | MB installed |")
    print("|---|---|---|")
    for extra in ("", *PROJECT["optional-dependencies"]):
        names = closure(base + (asked_by(extra) if extra else []))
        total = sum(size_mb(name) for name in names)
        print(f"| {extra or 'none'} | {len(names)} | {total:.0f} |")


if __name__ == "__main__":
    main()
