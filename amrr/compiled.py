"""How the refrigerator's inner loop is compiled.

``jit`` marks small functions that are compiled as part of whoever calls them. ``jit_entry`` marks
the few that Python calls: those are cached on disk, under a key that contains a digest of every
source file of this room and of the shared instruments, because numba alone would not notice a
change in a callee.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import numba

import instruments

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile as part of the caller."""
    return cast(F, numba.njit(error_model="numpy")(function))


def jit_entry(function: F) -> F:
    """Compile once for all sessions."""
    return cast(F, numba.njit(cache=True, error_model="numpy")(function))


@cache
def source_digest() -> str:
    """Digest of all sources that go into compiled code."""
    rooms = (Path(__file__).parent, Path(instruments.__path__[0]))
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(p for room in rooms for p in room.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
