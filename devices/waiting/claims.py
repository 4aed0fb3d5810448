"""What a thread of a device uses for a while: who else begins something with it ends that use.

The cavity tunes with the rod and the analyzer, on a thread of its own. A plan that is aborted
meanwhile and brings the rod home, or an operator who stops it, must not find it moved again.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ophyd import OphydObject

__all__ = ["Claim", "begins", "begun"]


@dataclass(frozen=True, eq=False)
class Claim:
    """The use of some devices by one thread.

    Attributes:
        thread: Whose use it is.
        lost: Called, on another thread, with the device that somebody else begins to use.
    """

    thread: threading.Thread
    lost: Callable[[OphydObject], None]

    def lay(self, devices: Iterable[OphydObject]) -> None:
        """Claim devices; who had claimed them before has lost them already."""
        with _lock:
            _claims.update((device, self) for device in devices)

    def give_up(self) -> None:
        """Claim nothing any more."""
        with _lock:
            for device in [device for device, claim in _claims.items() if claim is self]:
                del _claims[device]


_claims: weakref.WeakKeyDictionary[OphydObject, Claim] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


_actions = itertools.count(1)
_begun = 0


def begun() -> int:
    """How many actions this session has begun: another number, and what was read may be old."""
    return _begun


def begins(*devices: OphydObject) -> None:
    """Say that this thread begins something with devices; a claim of another thread is lost."""
    global _begun
    _begun = next(_actions)
    with _lock:
        lost = [(device, claim) for device in devices if (claim := _claims.get(device))]
    for device, claim in lost:
        if claim.thread is not threading.current_thread():
            claim.lost(device)
