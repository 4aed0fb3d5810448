"""What Python calls of the refrigerator, as machine code: ``advance`` and ``settle``.

Who finds no code (``amrr.machine_code``) has another process make it (``amrr.compiling``), so that
none which runs a refrigerator needs the compiler: numba and LLVM would take 110 MB of it. It waits
for it, or lets Python run the same functions meanwhile (``Code.meanwhile``). Those need some
400 times as long, and round a product and its sum twice where a processor rounds once.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from amrr import kernel
from amrr.machine_code import Library, find, folders, usable

__all__ = [
    "Code",
    "Entry",
    "NotCompiledError",
    "advance",
    "code",
    "kind",
    "leaves",
    "settle",
    "symbol",
]

log = logging.getLogger("cryohalo.amrr")

_COMPILES: Final = "the refrigerator's loop is compiled, once for each version, in some 20 s"
#: Calls that are kept prepared: of as many machines, each with a block of noise.
_MOST_PREPARED: Final = 4
#: Letters of what is handed over: arrays of floats and of integers.
KINDS: Final = {"d": np.dtype(np.float64), "l": np.dtype(np.int64)}


class NotCompiledError(RuntimeError):
    """The refrigerator's loop could not be compiled; the message ends as the compiler's did."""


class Code:
    """The machine code of this process: found, or made by another.

    Attributes:
        interpreted: Let Python run everything: for who makes the code.
        meanwhile: Let Python run it while the code is made, and where it cannot be.
    """

    def __init__(self) -> None:
        self.interpreted = False
        self.meanwhile = False
        self._lock = threading.Lock()
        self._library: Library | None = None
        self._compiler: _Compiler | None = None
        self._failed = ""

    def library(self, *, wait: bool = False) -> Library | None:
        """The library, or None while Python shall run the functions.

        Args:
            wait: Until there is one, also where Python may run them.

        Raises:
            NotCompiledError: It is waited for and cannot be made.
        """
        if self._library is None and not self.interpreted:
            with self._lock:
                if self._library is None:
                    self._library = self._obtained(wait or not self.meanwhile)
        return self._library

    def _obtained(self, wait: bool) -> Library | None:
        if self._compiler is None:
            found = None if self._failed and not wait else find(folders())
            if found is not None or (self._failed and not wait):
                return found
            # Who waits is told why; a script shows no more of what is logged than that.
            log.log(logging.WARNING if wait else logging.INFO, "%s", _COMPILES)
            try:
                self._compiler = _Compiler()
            except (OSError, ImportError) as error:
                self._give_up(str(error), wait)
                return None
        if not wait and self._compiler.works:
            return None
        compiler, self._compiler = self._compiler, None
        found, said = compiler.result()
        if found is None:
            self._give_up(said, wait)
        elif not wait:
            log.info("the refrigerator's loop is compiled: Python no longer runs it")
        return found

    def _give_up(self, why: str, wait: bool) -> None:
        self._failed = why
        log.error("the refrigerator's loop cannot be compiled: %s", why)
        if wait:
            raise NotCompiledError(f"refrigerator: cannot be compiled: {why}")


class _Compiler:
    """A process that makes the code.

    It is in a process group of its own: Ctrl-C at the terminal is for who waits for it.

    Raises:
        ImportError: There is no compiler.
        OSError: It cannot be started.
    """

    def __init__(self) -> None:
        if find_spec("numba") is None:
            raise ImportError("numba is not installed: pip install 'cryohalo[amrr]'")
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._folder = next(filter(usable, folders()), None) or self._own()
        self._said: IO[str] = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "amrr.compiling", str(self._folder)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                process_group=0,
            )
        except OSError:
            self._close()
            raise
        atexit.register(self._process.kill)

    def _own(self) -> Path:
        self._temporary = tempfile.TemporaryDirectory(
            prefix="cryohalo-", ignore_cleanup_errors=True
        )
        return Path(self._temporary.name)

    @property
    def works(self) -> bool:
        """Whether it is still at it."""
        return self._process.poll() is None

    def result(self) -> tuple[Library | None, str]:
        """Wait for it; the library, or what it said last."""
        failed = self._process.wait()
        atexit.unregister(self._process.kill)
        found = None if failed else find([self._folder])
        self._said.seek(0)
        said = self._said.read()[-500:].strip()
        self._close()
        return found, "" if found is not None else said or f"exit code {failed}"

    def _close(self) -> None:
        self._said.close()
        if self._temporary is not None:
            self._temporary.cleanup()  # what is loaded stays


#: Of this process.
code = Code()


def leaves(arguments: tuple[Any, ...]) -> Iterator[Any]:
    """Numbers and arrays of a call, those of a tuple in its place."""
    for argument in arguments:
        if isinstance(argument, tuple):
            yield from argument
        else:
            yield argument


class _Prepared:
    """Arguments of a call as the compiled code takes them; addresses, so it holds the arrays."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments
        found = list(leaves(arguments))
        self.numbers = sum(not isinstance(leaf, np.ndarray) for leaf in found)
        arrays = [leaf for leaf in found if isinstance(leaf, np.ndarray)]
        sizes = [0] * self.numbers + [size for array in arrays for size in array.shape]
        self.sizes = (ctypes.c_int64 * len(sizes))(*sizes)
        self._tables = [_addresses(arrays, dtype) for dtype in KINDS.values()]
        self._returned, self._error = ctypes.c_int64(), ctypes.c_void_p()
        handed = (self._returned, self._error, *self._tables, self.sizes)
        self.pointers = [ctypes.addressof(one) for one in handed]

    def of(self, arguments: tuple[Any, ...]) -> bool:
        """Whether these are its arrays."""
        mine = self.arguments[self.numbers :]
        return all(a is b for a, b in zip(arguments[self.numbers :], mine, strict=True))


def kind(leaf: Any) -> str:
    """One word for what a number or array is; TypeError where compiled code cannot take it."""
    if not isinstance(leaf, np.ndarray):
        return "n"
    for letter, dtype in KINDS.items():
        if leaf.dtype == dtype and leaf.flags.c_contiguous and leaf.flags.aligned:
            return f"{letter}{leaf.ndim}"
    raise TypeError(f"no plain array of floats or integers: {leaf.dtype}, {leaf.strides}")


def symbol(function: Callable[..., None], arguments: tuple[Any, ...]) -> str:
    """Name of a function's machine code for such arguments; TypeError as of ``kind``."""
    return "_".join([function.__name__, *(kind(leaf) for leaf in leaves(arguments))])


def _addresses(arrays: list[NDArray[Any]], dtype: np.dtype[Any]) -> Any:
    found = [array.ctypes.data for array in arrays if array.dtype == dtype]
    return (ctypes.c_void_p * max(len(found), 1))(*found)


class Entry:
    """A function of ``amrr.kernel``, run by its machine code once there is one.

    Numbers come first in a call, then arrays and tuples of arrays, which it changes in place.

    Args:
        function: To be compiled with all that it calls; returns nothing.
        of: The code that it is in.
    """

    def __init__(self, function: Callable[..., None], of: Code = code) -> None:
        self.function = function
        self._code = of
        self.noted: tuple[Any, ...] = ()
        self._prepared: list[tuple[_Prepared, Callable[..., int]]] = []

    def __call__(self, *arguments: Any) -> None:
        """Call it.

        Raises:
            NotCompiledError: It is not compiled and cannot be.
            TypeError: An argument is not what it was compiled for.
        """
        library = self._code.library()
        if library is None:
            self._interpret(arguments)
            return
        known = (found for found in self._prepared if found[0].of(arguments))
        prepared, function = next(known, None) or self._prepare(arguments, library)
        for k in range(prepared.numbers):
            prepared.sizes[k] = arguments[k]
        if function(*prepared.pointers) != 0:
            raise RuntimeError(f"compiled code failed: {self.function.__name__}")

    def _prepare(
        self, arguments: tuple[Any, ...], library: Library
    ) -> tuple[_Prepared, Callable[..., int]]:
        prepared = _Prepared(arguments)
        found = prepared, library.function(symbol(self.function, arguments))
        self._prepared = [found, *self._prepared[: _MOST_PREPARED - 1]]
        return found

    def _interpret(self, arguments: tuple[Any, ...]) -> None:
        """Let Python run it; where it fails by a number, the call is begun again as compiled code.

        Python makes an error of what is an infinite number to a processor.
        """
        self.noted = arguments
        arrays = [leaf for leaf in leaves(arguments) if isinstance(leaf, np.ndarray)]
        before = [array.copy() for array in arrays]
        try:
            with np.errstate(all="ignore"):
                self.function(*arguments)
        except (ArithmeticError, ValueError):
            for array, kept in zip(arrays, before, strict=True):
                array[...] = kept
            if self._code.library(wait=True) is None:
                raise
            self(*arguments)


#: ``amrr.kernel.advance``.
advance: Final = Entry(kernel.advance)
#: ``amrr.kernel.settle``.
settle: Final = Entry(kernel.settle)
