"""Time streams in the documents of a run: what plan ``high_resolution`` recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from haloscope.analysis.exchange.keys import value_in
from haloscope.analysis.reuse.streams import Stream

__all__ = ["stream_in_events"]

_FIELDS: Final = ("real", "imaginary", "sample_rate", "stream_center")
_HZ_PER_MHZ: Final = 1e6


def stream_in_events(events: Iterable[Mapping[str, Any]], name: str = "events") -> Stream:
    """The time stream of a run.

    Its start is left open, 0: what an event knows is the instrument's own time, not the date.

    Args:
        events: Event documents of the run.
        name: What they are called in messages.

    Raises:
        ValueError: None of them holds a stream, or several do, or it is no stream.
    """
    found = []
    for event in events:
        parts = [value_in(event["data"], f"high_resolution_{field}") for field in _FIELDS]
        if all(part is not None for part in parts):
            found.append(parts)
    if len(found) != 1:
        raise ValueError(
            f"{name}: {len(found) or 'no'} time streams, needed one: plan high_resolution takes it"
        )
    real, imaginary, rate_hz, centre_mhz = found[0]
    try:
        i, q = np.asarray(real, dtype=np.float64), np.asarray(imaginary, dtype=np.float64)
        if i.shape != q.shape:
            raise ValueError(f"real part of shape {i.shape}, imaginary part of {q.shape}")
        return Stream(i + 1j * q, float(rate_hz), float(centre_mhz) * _HZ_PER_MHZ)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
