"""Compile the refrigerator's inner loop in a process of its own, once after an installation.

What the compiler takes it keeps until its process ends: 100 MB that an IOC which runs for months
would hold. With the loop compiled before, the IOC loads it from numba's cache.

At its first call numba imports whatever packages have registered with it; none is needed here, and
one that a session brings along takes as much memory as numba itself.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports below, which take seconds
    from iocs.interrupting import end_at_once

    end_at_once()

import logging
import os
import subprocess
import sys
from pathlib import Path

import numba
from numba.core import entrypoints

from amrr import kernel
from amrr.compiled import source_digest
from amrr.refrigerator import SimulatedRefrigerator

__all__ = ["compile_aside", "leave_out_extensions"]

log = logging.getLogger("cryohalo.iocs")


def leave_out_extensions() -> None:
    """Keep numba from importing what other packages have registered with it, in this process.

    numba has no setting for it, but the note that it has been done. For processes of an IOC alone:
    a session may need them.
    """
    entrypoints._already_initialized = True  # noqa: SLF001


def compile_aside() -> None:
    """Let another process fill numba's cache, unless it is filled or cannot be.

    Whatever goes wrong, the IOC then compiles by itself.
    """
    folder = kernel.build().cache_folder
    noted, wanted = folder / "compiled", _version()
    if _text(noted) == wanted or not os.access(folder, os.W_OK):
        return
    try:
        subprocess.run([sys.executable, "-m", __spec__.name], check=True, stdin=subprocess.DEVNULL)
        noted.write_text(wanted)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("compiling aside failed, the IOC compiles by itself: %s", error)


def _version() -> str:
    """What numba asks of the sources before it takes what it has kept."""
    kept = os.stat(kernel.__file__)  # another date is enough: it does not look at the contents
    return f"{source_digest()} {kept.st_mtime_ns} {kept.st_size} {numba.__version__}"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    leave_out_extensions()
    SimulatedRefrigerator().step(1.0)
