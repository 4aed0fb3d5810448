"""Text from outside as it may stand in a log: on one line, of bounded length, harmless to read.

Names of users, hosts and channels come from clients, which may send anything: a newline would forge
a line of the log, an escape sequence would drive the terminal of whoever reads it. Everything that
writes such text to a log, a refusal or a screen passes it through `escaped`; `EscapingFormatter`
does it for every line that a process logs.
"""

from __future__ import annotations

import logging
from typing import Final

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


class EscapingFormatter(logging.Formatter):
    """One line for each message; lines of a traceback are indented, so that none looks like one.

    Attributes:
        most: Characters of a message that are kept.
    """

    most = 4000

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line of a message."""
        record.message = escaped(record.message, self.most)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        """The traceback."""
        return self._indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:
        """The stack that was asked for."""
        return self._indented(super().formatStack(stack_info))

    def _indented(self, text: str) -> str:
        return "\n".join(f"    {escaped(line, self.most)}" for line in text.splitlines())
