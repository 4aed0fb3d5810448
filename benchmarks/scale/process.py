"""Peak memory and processor time of processes. Linux alone."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["cpu_s", "forget_peak", "peak_mb"]


def peak_mb(pid: int | str = "self") -> float:
    """Most resident memory that a process has had since its start, or since ``forget_peak``."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has ended")


def forget_peak() -> None:
    """Begin the peak of this process anew."""
    Path("/proc/self/clear_refs").write_text("5")


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, finely."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes a clock's number
