"""One IOC at a time keeps its state in a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["FolderTakenError", "take"]


class FolderTakenError(OSError):
    """Another process keeps its state there; the message says which."""


def take(folder: Path) -> int | None:
    """Make the folder ours until this process ends, however it ends.

    Returns:
        What holds the lock; None where nothing can be written: such a folder is nobody's, and the
        IOC says later what it cannot keep.

    Raises:
        FolderTakenError: It is another process's.
        OSError: There is no such folder, and it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(handle, 20, 0).decode(errors="replace").strip()
        os.close(handle)
        raise FolderTakenError(f"{folder}: process {owner} keeps its state there") from error
    _say_who(handle)
    return handle


def _say_who(handle: int) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError:  # a full disk: the lock is held nevertheless
        return
