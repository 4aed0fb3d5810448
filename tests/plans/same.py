"""Holds a device over PVs and its simulated form to the same signals, kinds, units, limits."""

from __future__ import annotations

from typing import Any

import pytest


def assert_same_signals(real: Any, simulated: Any) -> None:
    """Compare two devices signal by signal; all differences are told at once."""
    ours, theirs = _signals(simulated), _signals(real)
    assert list(ours) == list(theirs)
    differences = [
        f"{name}.{what}: {ours[name][what]!r} simulated, {theirs[name][what]!r} over PVs"
        for name in ours
        for what in ours[name]
        if not _equal(ours[name][what], theirs[name][what])
    ]
    assert not differences, "\n".join(differences)


def _signals(device: Any) -> dict[str, dict[str, Any]]:
    return {walk.item.name: _facts(walk.item) for walk in device.walk_signals()}


def _facts(signal: Any) -> dict[str, Any]:
    signal.get()
    metadata = signal.metadata
    low, high = signal.limits
    bounded = low is not None and high is not None and low < high
    writable = metadata.get("write_access", True)
    description = signal.describe()[signal.name]
    return {
        "kind": signal.kind,
        "units": metadata.get("units") or "",
        "limits": (low, high) if bounded and writable else None,
        "enum": tuple(metadata.get("enum_strs") or ()),
        "dtype": description["dtype"],
        "rank": len(description["shape"]),
        "writable": bool(writable),
    }


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and one and isinstance(one[0], float | int):
        return other is not None and one == pytest.approx(other, rel=1e-6)
    return one == other
