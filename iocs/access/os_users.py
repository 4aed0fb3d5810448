"""Users of this host: who runs this process, and whose process is at the other end of a circuit.

A client may call itself what it likes. For one on this host the system knows better: Linux knows
for each socket which user opened it (``/proc/net/tcp``, ``proc(5)``).
"""

from __future__ import annotations

import os
import socket
import sys
from functools import lru_cache
from pathlib import Path
from typing import Final

import psutil

from iocs.access.hosts import LOCALHOST, canonical

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_SUPERUSER: Final = 0
#: Columns of the tables.
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9
#: In place of the inode: the process has gone, and the user found is not its user.
_ORPHAN: Final = "0"


@lru_cache
def user_name(number: int) -> str:
    """Name of the user with this number, the number itself if there is none."""
    try:
        from pwd import getpwuid  # not on every system

        return getpwuid(number).pw_name
    except (ImportError, KeyError):
        return str(number)


def own_user() -> str:
    """Name of the user who runs this process."""
    try:
        return user_name(os.geteuid())
    except AttributeError:  # not on this system
        return psutil.Process().username()


def true_user(claimed: str, address: tuple[str, int], server_port: int) -> str:
    """The user of a client, as far as it can be known.

    The superuser and the user who runs this process may speak for others: they could do what they
    like to this process anyway.

    Args:
        claimed: What the client calls its user.
        address: Host and port that its circuit comes from.
        server_port: Port that it goes to.

    Returns:
        ``claimed`` of a client on another host, or where the system does not say; "" if the
        client's process has gone.
    """
    if canonical(address[0]) != LOCALHOST or not _TABLES[0].exists():
        return claimed
    number = _opened_by(address, server_port)
    if number is None:
        return ""
    return claimed if number in (_SUPERUSER, os.geteuid()) else user_name(number)


def _opened_by(address: tuple[str, int], server_port: int) -> int | None:
    """Number of the user who opened the socket at ``address``, None if there is none any more."""
    here, there = _written(address), f":{server_port:04X}"
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()
        except OSError:  # a system without IPv6
            continue
        for line in lines:
            if here not in line:  # most lines
                continue
            column = line.split()
            if column[_LOCAL] == here and column[_REMOTE].endswith(there):
                return None if column[_INODE] == _ORPHAN else int(column[_UID])
    return None


def _written(address: tuple[str, int]) -> str:
    """An address as the tables write it: in words of this machine's byte order."""
    host = address[0].strip("[]").partition("%")[0].removeprefix("::ffff:")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host)
    words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
    text = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"{text}:{address[1]:04X}"
