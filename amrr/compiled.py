"""What of the refrigerator is compiled, and how.

``jit`` marks small functions that are compiled as part of whoever calls them. The two that Python
calls are in ``amrr.native``: a process of its own makes their machine code, once, and all others
load it.

To Python a marked function stays what it is, and runs as it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., object])

#: A product and its sum with another number may be one instruction, which rounds once.
FUSED: Final = frozenset({"contract"})

#: Of all that is compiled. It may make no array (``_nrt``): so numba need not count who holds those
#: that it is given, which it does atomically for each lump, and which costs as much as the lump's
#: thermodynamics.
SETTINGS: Final[Mapping[str, Any]] = {"error_model": "numpy", "_nrt": False}

_marked: dict[Callable[..., object], dict[str, Any]] = {}
_known: set[Callable[..., object]] = set()


def jit(function: F) -> F:
    """Compile as part of the caller: in its very place, since LLVM's own choice costs a third."""
    return _mark(function, forceinline=True, fastmath=set(FUSED))


def jit_apart(function: F) -> F:
    """As ``jit``, but a function of its own: what is hardly ever called need not be in its callers.

    numba hands a caller's settings on, so that it has to be said.
    """
    return _mark(function, forceinline=False, fastmath=set(FUSED))


def jit_sums(function: F) -> F:
    """``jit`` of a function whose sums may be added up in any order, so several at a time."""
    return _mark(function, forceinline=True, fastmath={"reassoc"})


def _mark(function: F, **options: Any) -> F:
    _marked.setdefault(function, {**SETTINGS, **options})
    return function


def make_known() -> None:
    """Tell numba of all that is marked, so that what it compiles from now on may call it."""
    from numba.extending import register_jitable

    for function in [function for function in _marked if function not in _known]:
        register_jitable(**_marked[function])(function)
        _known.add(function)
