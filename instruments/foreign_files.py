"""Files that somebody else made: opened without waiting, regular ones only, of a bounded size.

A path may lead to a FIFO that nobody writes to, a device without end, a folder, a link to itself.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["open_regular", "read_bounded", "reason"]

# A FIFO without a writer would block a plain open forever; a terminal must not become ours.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file for reading, unbuffered.

    Raises:
        OSError: It cannot be opened, or is no regular file; see ``reason``.
    """
    # Looked at before it is opened: to open some devices is an act, and a socket cannot be opened.
    _demand_regular(os.stat(path).st_mode, path)
    handle = os.open(path, _FLAGS)
    try:
        _demand_regular(os.fstat(handle).st_mode, path)
        return open(handle, "rb", buffering=0)
    except BaseException:
        os.close(handle)
        raise


def read_bounded(path: Path | str, limit_bytes: int) -> bytes:
    """All bytes of a regular file.

    Raises:
        OSError: As ``open_regular``, or it is longer than ``limit_bytes``.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > limit_bytes else _read(file, limit_bytes + 1)
    if max(size, len(data)) > limit_bytes:
        raise OSError(errno.EFBIG, f"it has more than {limit_bytes} bytes", str(path))
    return data


def _read(file: BinaryIO, count: int) -> bytes:
    pieces = []
    while count > 0 and (piece := file.read(min(count, 1 << 20))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def reason(error: OSError) -> str:
    """What went wrong, without the path and the number that an ``OSError`` carries."""
    return error.strerror or str(error)


def _demand_regular(mode: int, path: Path | str) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
