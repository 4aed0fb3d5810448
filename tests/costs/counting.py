"""What work costs in calls of this project's own functions: a number that no load changes.

A call costs some 0.1 us and what is done in it; twice the calls is about twice the time. What
libraries do in their own functions is not counted, so another version of them changes nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = str(Path(__file__).parents[2])
ROOMS = tuple(
    f"{ROOT}/{room}/"
    for room in ("amrr", "cryohalo", "devices", "haloscope", "instruments", "iocs", "plans", "pvdb")
)


#: What is counted where a library's functions are what is spared.
EVERYWHERE = ("",)


@contextmanager
def counted(rooms: tuple[str, ...] = ROOMS) -> Iterator[Counter[str]]:
    """Calls of the project's functions in this thread meanwhile, by ``file:function``."""
    found: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(rooms):
            code = frame.f_code
            found[f"{code.co_filename.removeprefix(ROOT)[1:]}:{code.co_qualname}"] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)


def calls(work: Callable[[], object], rooms: tuple[str, ...] = ROOMS) -> int:
    """How many calls of the project's functions ``work`` makes in this thread."""
    with counted(rooms) as found:
        work()
    return found.total()
