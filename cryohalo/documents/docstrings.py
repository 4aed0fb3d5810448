"""Docstrings taken apart: their text, and what they say of each argument or attribute."""

from __future__ import annotations

import inspect
import re
from typing import Any

__all__ = ["attributes_of", "prose_of", "section_of"]

#: The first section of Google's or of numpy's form.
_SECTION = re.compile(r"^(?:\w[\w ]*\n-{3,}|(?:Args|Attributes|Returns|Raises|Yields):)$", re.M)


def prose_of(what: Any) -> list[str]:
    """The paragraphs before the first section."""
    whole = inspect.getdoc(what) or ""
    found = _SECTION.search(whole)
    return [
        part for part in whole[: found.start() if found else None].split("\n\n") if part.strip()
    ]


def section_of(what: Any, name: str) -> str:
    """A section of numpy's form as one line; "" where there is none."""
    found = re.search(
        rf"^{name}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", inspect.getdoc(what) or "", re.M | re.S
    )
    return " ".join(found[1].split()) if found else ""


def attributes_of(what: Any) -> dict[str, str]:
    """What the section ``Attributes:`` of Google's form says of each."""
    whole = inspect.getdoc(what) or ""
    _, _, section = whole.partition("\nAttributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.M)
    return {name: " ".join(body.split()) for name, body in found}
