"""What is measured on: date, version, processor, and how fast it is now by two small kernels.

Times of benchmarks mean little without: a shared machine is two times slower than an hour before.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["described", "loop_ns", "normals_ns", "version"]

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 7


def described() -> dict[str, Any]:
    """Date, version, processor and its speed now."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "version": version(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "loop_ns": round(loop_ns(), 1),
        "normals_ns": round(normals_ns(), 2),
    }


def version() -> str:
    """Of the sources, by git; ``unknown`` without it. ``-dirty`` where files were changed."""
    line = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor() -> str:
    """Its model, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def loop_ns() -> float:
    """Nanoseconds of a turn of a plain Python loop that multiplies and adds."""

    def loop() -> None:
        total = 0
        for number in range(100_000):
            total += number * number

    return _best_s(loop) * 1e9 / 100_000


def normals_ns() -> float:
    """Nanoseconds of a normal number of NumPy's generator."""
    generator = np.random.default_rng(0)
    out = np.empty(200_000)
    return _best_s(lambda: generator.standard_normal(out=out)) * 1e9 / out.size


def _best_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)
