"""Tables and texts of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["code", "table", "text"]

#: What would begin emphasis, a formula, a cell or an element.
_SPECIAL = re.compile(r"([*$|<\[\]])")
_QUOTED = re.compile(r"(`+[^`]+`+)")


def text(words: object) -> str:
    """A text of a docstring on one line: what is between backquotes is code, the rest is plain."""
    parts = _QUOTED.split(" ".join(str(words).split()))
    return "".join(
        code(part.strip("`")) if number % 2 else _SPECIAL.sub(r"\\\1", part)
        for number, part in enumerate(parts)
    )


def code(words: object) -> str:
    """Code within a cell of a table."""
    quoted = str(words).replace("|", r"\|")
    return f"`{quoted}`" if quoted else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; "" where it would have no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]) + "\n"
