"""Where the refrigerator's machine code is kept, and how it is loaded.

It is kept beside the sources, or in the user's cache folder where those cannot be written, under a
name with a digest of all that it comes from (the sources of this room and of the shared
instruments, numba's version, the processor) and one of its content. Code is loaded only from where
nobody but its owner may write (``trusted``).
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
import os
import platform
import stat
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import instruments
from instruments.whole_files import replacing

log = logging.getLogger("cryohalo.amrr")

#: A shared library, and what it would be linked of.
LINKED: Final = ".so"
UNLINKED: Final = ".o"


@cache
def source_digest() -> str:
    """Digest of all sources that go into compiled code."""
    rooms = (Path(__file__).parent, Path(instruments.__path__[0]))
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(p for room in rooms for p in room.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _processor() -> str:
    """What the code is made for: it uses all that this processor can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "CPU part", "Features")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


@cache
def name() -> str:
    """How the name of a file of the present code begins."""
    try:
        compiler = version("numba")
    except PackageNotFoundError:
        compiler = "none"
    of = "\n".join((source_digest(), compiler, sys.platform, platform.machine(), _processor()))
    return f"refrigerator-{hashlib.blake2b(of.encode(), digest_size=12).hexdigest()}"


def folders() -> tuple[Path, ...]:
    """Where it may be kept: beside the sources, and in the user's cache folder if there is one."""
    beside = Path(__file__).parent / "__pycache__" / "compiled"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    # An account without a home would have it in whatever folder it is started in.
    return (beside, Path(base, "cryohalo", "compiled")) if os.path.isabs(base) else (beside,)


def trusted(path: Path) -> bool:
    """Whether only its owner may write there: this user, root, or whoever owns the sources.

    Raises:
        OSError: It cannot be looked at.
    """
    found = path.stat()
    owners = {0, os.geteuid(), Path(__file__).stat().st_uid}
    return found.st_uid in owners and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def usable(folder: Path) -> bool:
    """Whether this process may keep code there; the folder is made if there is none."""
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return trusted(folder) and os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return False


class Library:
    """Loaded machine code.

    Args:
        path: A shared library is loaded as any; what could not be linked is by LLVM, in this
            process, which takes 45 MB more.

    Raises:
        OSError: It cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._address = _of_system(path) if path.suffix == LINKED else _of_llvm(path)

    def function(self, symbol: str) -> Callable[..., int]:
        """What ``amrr.compiling`` has put there under a name; TypeError if it has not."""
        address = self._address(symbol)
        if not address:
            raise TypeError(f"the refrigerator was not compiled for such arguments: {symbol}")
        return ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5)(address)


def _of_system(path: Path) -> Callable[[str], int]:
    library = ctypes.CDLL(str(path))

    def address(symbol: str) -> int:
        try:
            return ctypes.cast(library[symbol], ctypes.c_void_p).value or 0
        except AttributeError:
            return 0

    return address


def _of_llvm(path: Path) -> Callable[[str], int]:
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    try:
        engine.add_object_file(llvm.ObjectFileRef.from_data(path.read_bytes()))
    except RuntimeError as error:
        raise OSError(f"{path}: {error}") from error
    engine.finalize_object()
    return lambda symbol: int(engine.get_function_address(symbol))


def keep(content: bytes, folder: Path, suffix: str) -> Path:
    """Write a file of the present code under its name; OSError where it cannot be."""
    path = folder / f"{name()}-{_digest(content)}{suffix}"
    with replacing(path, mode=0o644) as part:  # else nobody would trust it
        part.write_bytes(content)
    return path


def find(places: Iterable[Path]) -> Library | None:
    """The present code, loaded from the first of these folders that holds it; None if none does.

    A file that cannot be loaded is told of and removed. That it is whole is seen before: LLVM and
    the system's loader may end the process over one that is cut off.
    """
    for path in (path for folder in places for path in kept(folder)):
        try:
            if not path.stem.endswith(_digest(path.read_bytes())):
                raise OSError(f"{path}: not whole")
            return Library(path)
        except OSError as error:
            log.warning("compiled code cannot be loaded, it is made anew: %s", error)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    return None


def kept(folder: Path) -> list[Path]:
    """Files of the present code in a folder that others cannot change, the linked one first."""
    try:
        found = [path for end in (LINKED, UNLINKED) for path in folder.glob(f"{name()}-*{end}")]
        whose = {path: trusted(path) and trusted(folder) for path in found}
    except OSError:  # it may not be looked at
        return []
    for path in (path for path in found if not whose[path]):
        log.warning("compiled code is not loaded, others than its owner could change it: %s", path)
    return [path for path in found if whose[path]]


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
