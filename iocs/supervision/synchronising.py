"""Waits for the disk in a thread of its own, which costs the event loop as little as can be.

``asyncio.to_thread`` spends twice the processor's time on each call: a context, a task, a future of
its own kind and a pool that is asked whether it has to grow. Here calls follow each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue

__all__ = ["in_turn"]

_Call = Callable[[], None]


def in_turn(act: _Call, told: Callable[[BaseException | None], None]) -> None:
    """Have ``act`` called by the thread that waits for the disk, after those asked for before.

    Args:
        act: Is called in the thread.
        told: Is called on this event loop when it has returned, with what it raised, else None;
            with an ``OSError`` where no thread can be begun.
    """
    loop = asyncio.get_running_loop()

    def call() -> None:
        error: BaseException | None = None
        try:
            act()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(told, error)

    try:
        calls = _calls()
    except RuntimeError as error:
        loop.call_soon(told, OSError(f"no thread to wait for the disk: {error}"))
    else:
        calls.put(call)


@cache
def _calls() -> SimpleQueue[_Call]:
    """What the thread is to call; it is begun with the first, and ends with the process."""
    calls: SimpleQueue[_Call] = SimpleQueue()

    def work() -> None:
        while True:
            calls.get()()

    threading.Thread(target=work, name="disk", daemon=True).start()
    return calls
