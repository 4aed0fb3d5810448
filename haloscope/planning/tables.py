"""A forecast as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from haloscope.axion import coupling_dfsz, coupling_ksvz
from haloscope.planning.forecast import Forecast

__all__ = ["as_dict", "duration", "text"]

#: Points of the sensitivity curve in a table and in JSON.
_ROWS: Final = 11
_POINTS: Final = 2000


def text(found: Forecast) -> str:
    """A table for a terminal: what to do, how long it takes, what comes of it."""
    request, curve = found.request, found.curve
    low, high = request.low_hz * 1e-6, request.high_hz * 1e-6
    first, last = found.targets_hz[0] * 1e-6, found.targets_hz[-1] * 1e-6
    worst = f"{curve.over_ksvz.max():.3g} KSVZ"
    overlap = f"{found.overlap:.3g} within a loaded width"
    lines = [
        f"{found.name}: {low:.10g} to {high:.10g} MHz",
        "",
        _row("coupling beta", f"{found.beta:.2f}", f"loaded Q {found.loaded_q:.0f}"),
        _row("step", f"{found.step_hz * 1e-3:.4g} kHz", overlap),
        _row("integration", f"{found.integration_s:.5g} s", f"{found.averages} spectra averaged"),
        _row("besides, each step", f"{found.overhead_s:.3g} s", "moves, sweeps"),
        _row("steps", f"{found.steps}", f"{first:.6f} to {last:.6f} MHz"),
        _row("scan", duration(found.scan_s), ""),
        _row("calibrations", duration(found.calibration_s), f"{found.calibrations} of them"),
        _row("in all", duration(found.total_s), ""),
        "",
        _row("system noise", f"{found.noise_k * 1e3:.4g} mK", "at the cavity"),
        _row("xi, eps", f"{found.xi:.3f}, {found.eps:.3f}", "width and efficiency of the chain"),
        _row("systematic", f"{found.systematic:.1%}", "of the expected power, taken off"),
        _row("excluded, worst", f"{found.worst_per_gev:.3e} /GeV", worst),
        _row("excluded, median", f"{found.typical_per_gev:.3e} /GeV", _models(found)),
        "",
        f"  {'MHz':>12}  {'1/GeV':>10}  {'KSVZ':>7}  {'SNR of DFSZ':>11}",
    ]  # fmt: skip
    for row in _some(len(curve.frequency_hz), _ROWS):
        lines.append(
            f"  {curve.frequency_hz[row] * 1e-6:12.6f}  {curve.coupling_per_gev[row]:10.3e}  "
            f"{curve.over_ksvz[row]:7.3f}  {curve.expected_snr[row]:11.3f}"
        )
    lines += ["", *(f"warning: {words}" for words in found.warnings)] if found.warnings else []
    return "\n".join(lines)


def as_dict(found: Forecast) -> dict[str, Any]:
    """Everything as plain values for JSON; of long curves some thousand points."""
    values = asdict(found)
    request = values.pop("request")
    rows = _some(len(found.curve.frequency_hz), _POINTS)
    values["curve"] = {name: [array[i] for i in rows] for name, array in _plain(found).items()}
    values["targets_mhz"] = [round(nu * 1e-6, 6) for nu in values.pop("targets_hz")]
    values["request"] = request
    values["total_s"], values["steps"] = found.total_s, found.steps
    values["warnings"] = list(found.warnings)
    return values


def duration(seconds: float) -> str:
    """A time in the largest unit that it fills, three digits and more."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.4g} {unit}"
    return f"{seconds:.4g} s"


def _row(name: str, value: str, more: str) -> str:
    return f"  {name:<20}{value:<18}{more}".rstrip()


def _models(found: Forecast) -> str:
    curve = found.curve
    ksvz = float(np.median(curve.over_ksvz))
    dfsz = ksvz * coupling_ksvz(1e9) / coupling_dfsz(1e9)
    return f"{ksvz:.3g} KSVZ, {dfsz:.3g} DFSZ"


def _some(count: int, most: int) -> list[int]:
    """Evenly spaced rows, the first and the last among them."""
    wanted = np.linspace(0, count - 1, min(count, most))
    return [math.floor(row + 0.5) for row in wanted.tolist()]


def _plain(found: Forecast) -> dict[str, list[float]]:
    curve = found.curve
    return {
        "frequency_hz": curve.frequency_hz.tolist(),
        "coupling_per_gev": curve.coupling_per_gev.tolist(),
        "over_ksvz": curve.over_ksvz.tolist(),
        "expected_snr": curve.expected_snr.tolist(),
    }
