"""The prompt of ``cryohalo session``: a refusal in words is one line, a fault a traceback."""

from __future__ import annotations

import code
import contextlib
import sys
from collections.abc import Mapping
from typing import Any, Final

from instruments.printable import escaped

__all__ = ["Prompt"]

_OURS: Final = frozenset(
    {"instruments", "amrr", "haloscope", "pvdb", "devices", "plans", "cryohalo"}
)
_LONGEST: Final = 2000


class Prompt(code.InteractiveConsole):
    """A Python prompt.

    Errors that the product's own rooms define say in words what was refused. The sixty lines of how
    the RunEngine came there help nobody; ``import traceback; traceback.print_last()`` shows them.

    Args:
        names: What is at hand.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__(dict(names))
        with contextlib.suppress(ImportError):  # lines can be edited where the system can do it
            import readline  # noqa: F401

    def showtraceback(self) -> None:
        """Show the exception that is being handled."""
        kind, error, trace = sys.exc_info()
        if error is None or kind is None or kind.__module__.partition(".")[0] not in _OURS:
            super().showtraceback()
            return
        sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
        setattr(sys, "last_exc", error)  # noqa: B010  (where traceback looks from Python 3.12 on)
        for text in (f"{kind.__name__}: {error}", *getattr(error, "__notes__", ())):
            self.write(f"{escaped(text, _LONGEST)}\n")
