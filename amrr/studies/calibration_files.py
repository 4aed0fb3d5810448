"""A calibration as files, as a figure, and as a table on a terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from amrr.studies.calibration import UNDETERMINED, Calibration
from instruments.drawing import styled

__all__ = ["as_json", "figure", "residuals_csv", "table"]


def as_json(found: Calibration, provenance: Mapping[str, Any]) -> str:
    """The fit as text of JSON; null where there is no number."""
    rows = zip(
        found.names, found.start, found.values, found.errors, found.parts, found.determined,
        found.at_bound, strict=True,
    )  # fmt: skip
    keys = ("name", "start", "value", "error", "part_of_range", "determined", "at_bound")
    document = {
        **provenance,
        "parameters": [dict(zip(keys, map(_plain, row), strict=True)) for row in rows],
        "correlation": [[_plain(v) for v in row] for row in found.correlation],
        "directions": [{"part_of_range": d.error, "weights": d.weights} for d in found.directions],
        "chi_square": _plain(found.chi_square),
        "degrees": found.degrees,
        "probability": _plain(found.probability),
        "converged": found.converged,
        "message": found.message,
        "evaluations": found.evaluations,
        "failures": list(found.failures),
        "doubts": list(found.doubts),
        "hash": found.parameters.digest(),
    }
    return json.dumps(document, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def residuals_csv(found: Calibration) -> str:
    """A line for each measured value."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["point", "load_w", "value", "measured", "error", "model", "pull"])
    for r in found.residuals:
        model, pull = ("", "") if math.isnan(r.model) else (f"{r.model:.7g}", f"{r.pull:.4f}")
        lines.writerow(
            [r.label, f"{r.load_w:.7g}", r.name, f"{r.measured:.7g}", r.error, model, pull]
        )
    return text.getvalue()


def table(found: Calibration) -> Iterator[str]:
    """Lines for a terminal."""
    yield f"{'parameter':<46}{'start':>12}{'fitted':>13}{'error':>12}  of its range"
    rows = zip(found.names, found.start, found.values, found.errors, found.parts, strict=True)
    for name, start, value, error, part in rows:
        yield f"{name:<46}{start:>12.5g}{value:>13.6g}{error:>12.2g}  {100 * part:.2g} %"
    for k, name in enumerate(found.names):
        pairs = (f"{found.correlation[k, j]:+.2f}" for j in range(k + 1))
        yield f"  correlation {name:<44}{' '.join(pairs)}"
    worst = found.directions[-1]
    if worst.error > UNDETERMINED:
        mixed = ", ".join(f"{w:+.2f} {name}" for name, w in worst.weights.items() if abs(w) > 0.1)
        yield f"  these data do not determine: {mixed}"
    yield (
        f"  chi-square {found.chi_square:.1f} of {found.degrees} degrees of freedom, probability "
        f"{found.probability:.2g}; {found.evaluations} machines asked"
    )


@styled
def figure(found: Calibration) -> Figure:
    """Pulls against load, and the correlations."""
    drawn = Figure(figsize=(11.0, 4.2), layout="constrained")
    left, right = drawn.subplots(1, 2, width_ratios=(1.6, 1.0))
    for name in dict.fromkeys(r.name for r in found.residuals):
        own = [r for r in found.residuals if r.name == name]
        left.plot([1e6 * r.load_w for r in own], [r.pull for r in own], "o", label=name, alpha=0.8)
    left.axhspan(-1.0, 1.0, color="0.9")
    left.axhline(0.0, color="0.4", linewidth=0.8)
    left.set(xlabel="load (µW)", ylabel="(measured - model) / error")
    left.legend()
    image = right.imshow(found.correlation, vmin=-1.0, vmax=1.0, cmap="RdBu")
    right.set_xticks(range(len(found.names)), found.names, rotation=30, ha="right", fontsize=7)
    right.set_yticks(range(len(found.names)), found.names, fontsize=7)
    drawn.colorbar(image, ax=right, label="correlation")
    return drawn
