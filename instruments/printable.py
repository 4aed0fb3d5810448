"""Text that somebody else chose, as it may stand in a log, an error or on a terminal.

Names of users, hosts, channels, files and runs may hold anything: a newline would forge a line of
the log, an escape sequence would control the reader's terminal.
"""

from __future__ import annotations

from typing import Final

__all__ = ["escaped"]

#: Longest piece of foreign text in a line.
MOST_CHARACTERS: Final = 300


def escaped(text: object, most: int = MOST_CHARACTERS) -> str:
    r"""``text`` with everything that is not printable written as ``\n``, ``\x1b``, ``\u202e`` ...

    Printable is what Unicode calls so: no control or format character, no line or paragraph end,
    no lone surrogate. A backslash stays as it is.

    Args:
        text: Anything; its ``str``.
        most: Characters that are kept; how many were left out is said.
    """
    whole = str(text)
    kept = whole[:most]
    if not kept.isprintable():
        kept = "".join(one if one.isprintable() else _code(one) for one in kept)
    left_out = len(whole) - most
    return kept if left_out <= 0 else f"{kept}... ({left_out} more characters)"


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()
