"""How the refrigerator's inner loop is compiled.

``jit`` marks small functions that are compiled as part of whoever calls them. ``jit_entry`` marks
the few that Python calls: those are cached on disk, under a key that contains a digest of every
source file of this room and of the shared instruments, because numba alone would not notice a
change in a callee.

numba writes the index of its cache before the code that it points to. A process that ends between
the two, or reads between them, leaves the new key with the code of an older version; numba does not
notice. So an entry returns the digest of the sources that it was compiled of, and ``Entry`` looks.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

import instruments

log = logging.getLogger("cryohalo.amrr")

F = TypeVar("F", bound=Callable[..., object])

#: A product and its sum with another number may be one instruction, which rounds once.
_FUSED = {"contract"}


def jit(function: F) -> F:
    """Compile as part of the caller: in its very place, since LLVM's own choice costs a third.

    It may make no array (``_nrt``): so numba need not count who holds those that it is given, which
    it does atomically for each lump, and which costs as much as the lump's thermodynamics.
    """
    inline = numba.njit(error_model="numpy", forceinline=True, fastmath=_FUSED, _nrt=False)
    return cast(F, inline(function))


def jit_apart(function: F) -> F:
    """As ``jit``, but a function of its own: what is hardly ever called need not be in its callers.

    numba hands a caller's settings on, so that it has to be said.
    """
    apart = numba.njit(error_model="numpy", forceinline=False, fastmath=_FUSED, _nrt=False)
    return cast(F, apart(function))


def jit_sums(function: F) -> F:
    """``jit`` of a function whose sums may be added up in any order, so several at a time."""
    fast = numba.njit(error_model="numpy", forceinline=True, fastmath={"reassoc"})
    return cast(F, fast(function))


def interpreted(function: F) -> F:
    """What ``jit`` made, as Python runs it.

    For a call from outside compiled code: that would compile it by itself, in each process anew.
    """
    return cast(F, function.py_func)  # type: ignore[attr-defined]


def jit_entry(function: F) -> F:
    """Compile once for all sessions; it runs without the interpreter's lock, so in threads."""
    entry = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FUSED)
    return cast(F, entry(function))


@cache
def source_digest() -> str:
    """Digest of all sources that go into compiled code."""
    rooms = (Path(__file__).parent, Path(instruments.__path__[0]))
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(p for room in rooms for p in room.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Entry:
    """A compiled entry point that is of the present sources.

    Args:
        function: Made by ``jit_entry``; returns ``source_digest`` as it was when it was compiled.
        nothing: Makes of the arguments of a call those of one that does nothing.
    """

    def __init__(
        self, function: Callable[..., object], nothing: Callable[..., tuple[Any, ...]]
    ) -> None:
        self._function: Any = function
        self._nothing = nothing
        self._looked = False

    @property
    def cache_folder(self) -> Path:
        """Where numba keeps the code."""
        return Path(self._function.stats.cache_path)

    def __call__(self, *arguments: Any) -> None:
        """Call it; what numba has loaded of other sources is compiled anew before."""
        if not self._looked:
            self._looked = True
            if self._function(*self._nothing(*arguments)) != source_digest():
                log.warning("numba's cache holds code of an older version: compiled anew")
                self._function.recompile()
        self._function(*arguments)
