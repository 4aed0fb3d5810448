"""Files that are there whole or not at all, whoever dies and whatever disk is full."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(file: Path, mode: int | None = None) -> Iterator[Path]:
    """An empty file beside ``file`` to write to, which takes its place at the end.

    Where anything fails before, it is removed, lest a full disk be filled with what is half
    written; ``file`` stays as it was. A process that is killed leaves a file ``.NAME.*.part``.

    Args:
        file: What is written; its folder must be there.
        mode: Who may read and write it; as of any new file if not given.

    Raises:
        OSError: It cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask() if mode is None else mode)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
