"""A log whose every message is one line, whatever a client has called itself.

Names of users, hosts and channels come from clients, which may send anything. Whatever writes such
text to a log, a refusal or a screen passes it through ``escaped``; ``EscapingFormatter`` does it
for every line that a process logs.
"""

from __future__ import annotations

import logging

from instruments.printable import escaped

__all__ = ["EscapingFormatter", "escaped"]


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
