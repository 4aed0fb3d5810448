"""Ctrl-C while an IOC still starts; it imports nothing, so that it can come first."""

from __future__ import annotations

import signal

__all__ = ["end_at_once"]


def end_at_once() -> None:
    """Let Ctrl-C end the process as SIGTERM does, without a traceback from wherever it is.

    Nothing is at stake until the server runs, which hears the signal itself from then on. Where the
    shell has let the signal be ignored, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
