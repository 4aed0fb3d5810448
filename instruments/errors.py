"""The one error that a simulated instrument raises when it refuses a command."""

from __future__ import annotations

from typing import Final

#: Why an IOC refuses every put from the moment on at which it is asked to end.
ENDING: Final = "the IOC is ending"


class Refused(ValueError):  # noqa: N818  (the field's word: the instrument refused the command)
    """A command was refused; nothing has moved.

    The message names the thing, the value with its unit, and the limit or state that forbids it.
    """


class Unsound(RuntimeError):  # noqa: N818  (says what a machine has become)
    """A machine holds a number that is none; it takes no more steps.

    The message names where the first such number is, and when it came.
    """
