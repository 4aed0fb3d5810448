"""What a process does that holds a secret: its memory is for nobody else on this host.

Linux lets processes of the same user read each other's memory and environment, and writes both into
core files. Root can read them all the same.
"""

from __future__ import annotations

import ctypes
import logging
import resource
import sys
from typing import Final

#: ``prctl(2)``.
PR_SET_DUMPABLE: Final = 4

log = logging.getLogger("cryohalo.iocs")


def keep_secrets() -> None:
    """No core files, no debugger, no log of what arrives byte by byte; for the process's life."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    # caproto logs every message at DEBUG, and with it the key that a client puts.
    logging.getLogger("caproto").setLevel(logging.INFO)
    if not sys.platform.startswith("linux"):
        log.warning("on this system other processes of this user may read this one's memory")
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        log.warning("other processes of this user may read this one's memory")
