"""A place apart for a page: a network and processes of its own, by namespaces of Linux.

In it every port is free, whatever runs beside it, and its first process ends all others with
itself. It ends with whoever has started it, however that ends. Nobody needs to be root.
"""

from __future__ import annotations

import subprocess
from functools import cache

__all__ = ["apart"]

#: Its first process is a shell, which takes in what daemons leave behind. Rights are given up once
#: the loopback interface is up: a page has those of its reader.
_FIRST = """
ip link set lo up || exit 125
setpriv --inh-caps=-all --ambient-caps=-all "$@"
exit $?
"""
_COMMAND = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--user", "--map-current-user", "--keep-caps", "--net"),
    *("--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
    *("bash", "-c", _FIRST, "apart"),
)


@cache
def apart() -> tuple[str, ...]:
    """What goes before a command to run it apart; nothing where this host does not allow it."""
    try:
        subprocess.run([*_COMMAND, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    return _COMMAND
