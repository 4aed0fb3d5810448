"""How a service of ours ends: by a signal, or when the launcher that holds its input is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

__all__ = ["ended"]

#: Set by a launcher that holds our standard input open.
END_WITH_STDIN = "CRYOHALO_END_WITH_STDIN"


def ended() -> asyncio.Event:
    """An event of the running loop that is set when this process should end."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        with contextlib.suppress(ValueError):  # not the main thread
            loop.add_signal_handler(number, event.set)

    def look() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            event.set()

    if os.environ.get(END_WITH_STDIN):
        loop.add_reader(0, look)
    return event
