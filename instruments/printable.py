"""Text that somebody else chose, made fit for one line of a terminal or of a log."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["shown"]

LONGEST: Final = 200


def shown(value: object, longest: int = LONGEST) -> str:
    """``value`` as text of one line.

    Control characters, line ends and what is no character are written as escapes.

    Args:
        value: A text, a path (whose name may be no UTF-8), an error, a number.
        longest: Most characters; a cut is marked by ``...``.
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if len(text) > longest:
        text = text[: max(longest - 3, 0)] + "..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
