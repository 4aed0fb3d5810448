"""When a process began, told so that its number can be told from the same number of another."""

from __future__ import annotations

import psutil

__all__ = ["since_boot"]


def since_boot(process: psutil.Process) -> float:
    """When a process began, seconds after the host did.

    What psutil says of the epoch moves with the clock on the wall when that is set; this does not.
    """
    booted = psutil.boot_time()  # before the other: psutil 6 goes by what it has seen here last
    return float(process.create_time() - booted)
