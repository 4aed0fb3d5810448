"""Small runs for the tests of the catalog, as a RunEngine would write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cryohalo.catalog import DocumentWriter

UNITS = {"halo_frequency": "MHz", "halo_power": "W"}


def write_run(
    root: Path,
    uid: str,
    *,
    time: float = 1000.0,
    events: int = 3,
    size: int = 5,
    stop: bool = True,
    plan: str = "scan",
    status: str = "success",
    **start: Any,
) -> Path:
    """One run with single values and an array; a second stream with one event."""
    writer = DocumentWriter(root)
    writer("start", {"uid": uid, "time": time, "plan_name": plan, **start})
    keys = {
        "halo_frequency": {"dtype": "number", "shape": [], "source": "PV", "units": "MHz"},
        "halo_path": {"dtype": "string", "shape": [], "source": "PV"},
        "halo_count": {"dtype": "integer", "shape": [], "source": "PV"},
        "halo_power": {"dtype": "array", "shape": [size], "source": "PV", "units": "W"},
    }
    of = {"run_start": uid, "time": time}
    writer("descriptor", {"uid": f"{uid}d", "name": "primary", "data_keys": keys, **of})
    writer("descriptor", {"uid": f"{uid}b", "name": "baseline", "data_keys": {}, **of})
    for number in range(1, events + 1):
        writer("event", event(f"{uid}d", number, size, time))
    base = {"halo_field": 12.0}
    writer("event", {"uid": "b", "descriptor": f"{uid}b", "seq_num": 1, "data": base, "time": time})
    if stop:
        counts = {"primary": events, "baseline": 1}
        ended = {"exit_status": status, "time": time + 9.5, "num_events": counts}
        writer("stop", {"uid": f"{uid}s", "run_start": uid, **ended})
    writer.close()
    return root / f"{uid}.msgpack"


def event(descriptor: str, number: int, size: int, time: float) -> dict[str, Any]:
    """An event whose values are known by its number."""
    data = {
        "halo_frequency": 1100.0 + 0.01 * number,
        "halo_path": "=Weak" if number == 1 else "Strong",
        "halo_count": np.int64(number),
        "halo_power": np.arange(size, dtype=float) * number,
    }
    uid = f"{descriptor}{number}"
    return {
        "uid": uid,
        "descriptor": descriptor,
        "seq_num": number,
        "data": data,
        "time": time + number,
    }
