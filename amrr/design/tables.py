"""Results of the design studies as text: CSV tables of machines, and what was found in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from amrr.design.search import Candidate, Study
from amrr.design.space import VARIABLES
from amrr.design.verification import Verification, Verified, hardware
from instruments.foreign_files import read_bounded
from instruments.ranges import within

_MAX_BYTES: Final = 50_000_000

_RESULTS = (
    "power_w", "work_j", "carnot_fraction", "chx_k", "lowest_k", "highest_k", "outlet_k",
    "blow_mol", "objections",
)  # fmt: skip


def machines_csv(candidates: Sequence[Candidate]) -> str:
    """One line for each machine, SI units: its variables, then what it does or why it does not."""
    out = io.StringIO()
    names = list(candidates[0].values) if candidates else []
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["generation", *names, *_RESULTS])
    for c in candidates:
        writer.writerow([c.generation, *(f"{v:g}" for v in c.values.values()), *_results(c)])
    return out.getvalue()


def machines_read(path: Path) -> tuple[dict[str, float], ...]:
    """Values of the machines of a table that ``machines_csv`` made.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such table, or a value is outside the study's space.
    """
    rows = list(csv.DictReader(read_bounded(path, _MAX_BYTES).decode().splitlines()))
    found = []
    for number, row in enumerate(rows, 2):
        try:
            values = {v.name: float(row[v.name]) for v in VARIABLES}
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path}, line {number}: not a machine of a design study") from None
        for v in VARIABLES:
            within(f"{path}, line {number}: {v.name}", values[v.name], v.low, v.high, v.unit)
        found.append(values)
    return tuple(found)


def _results(c: Candidate) -> list[str]:
    p = c.outcome.point
    if p is None:
        return [""] * (len(_RESULTS) - 1) + [c.outcome.message]
    numbers = (
        c.outcome.power_w, p.work_j, p.carnot_fraction, p.chx_k, p.lowest_k, p.highest_k,
        p.outlet_k, p.blow_mol,
    )  # fmt: skip
    return [*(f"{x:.6g}" for x in numbers), "; ".join(p.objections)]


def study_text(study: Study) -> str:
    """What a search found, in words."""
    asked, found = study.options.total, len(study.candidates)
    lines = [
        f"{found} different machines of {asked} asked for, {len(study.feasible)} of them feasible, "
        f"{len(study.front)} on the Pareto front"
    ]
    lines += [f"  {count:5d}  {what}" for what, count in study.failures.most_common()]
    return "\n".join(lines)


def verification_text(found: Verification) -> str:
    """The best machine beside the default, as a table."""
    nodes = sorted(found.default.power_w)
    rows = [("", "default", "best")]
    rows += [
        (f"cooling power at {found.chx_k:g} K, {n} lumps (uW)",
         f"{1e6 * found.default.power_w[n]:.1f}", f"{1e6 * found.best.power_w[n]:.1f}")
        for n in nodes
    ]  # fmt: skip
    rows += [(text, of(found.default, nodes[-1]), of(found.best, nodes[-1])) for text, of in _ROWS]
    widths = [max(len(r[k]) for r in rows) for k in range(3)]
    lines = [
        f"{a:<{widths[0]}s}  {b:>{widths[1]}s}  {c:>{widths[2]}s}".rstrip() for a, b, c in rows
    ]
    ratio = found.best.finest_w / found.default.finest_w
    lines.append(f"The best machine lifts {ratio:.2f} times as much as the default.")
    lines.append(
        f"Cycled plainly at this power it is at {found.plain_k:.4f} K, "
        f"{1e3 * (found.plain_k - found.chx_k):+.1f} mK off."
    )
    return "\n".join(lines)


_ROWS = (
    ("work per cycle (J)", lambda v, n: f"{v.points[n].work_j:.4f}"),
    ("fraction of Carnot", lambda v, n: f"{v.points[n].carnot_fraction:.3f}"),
    ("from least to most in a cycle (mK)", lambda v, n: f"{_ripple_mk(v, n):.0f}"),
    ("mean outlet of the regenerators (K)", lambda v, n: f"{v.points[n].outlet_k:.3f}"),
    ("mixture in a blow (mmol)", lambda v, n: f"{1e3 * v.points[n].blow_mol:.0f}"),
    ("GGG in both regenerators (g)", lambda v, n: f"{hardware(v.parameters).garnet_g:.1f}"),
    ("bed, length (mm)", lambda v, n: f"{1e3 * v.parameters.regenerator.length_m:.1f}"),
    ("bed, diameter (mm)", lambda v, n: f"{hardware(v.parameters).diameter_mm:.1f}"),
    ("3He mole fraction", lambda v, n: f"{v.parameters.concentration:g}"),
    ("flow, hold (s)",
     lambda v, n: f"{v.parameters.cycle.flow_time_s:g}, {v.parameters.cycle.hold_time_s:g}"),
    ("pump, from and to (T)",
     lambda v, n: f"{v.parameters.cycle.pump_low_t:g}, {v.parameters.cycle.pump_high_t:g}"),
    ("blow to the cold end, from and to (T)", lambda v, n: (
        f"{v.parameters.cycle.regen_cold_start_t:g}, {v.parameters.cycle.regen_cold_end_t:g}")),
    ("blow to the hot end, from and to (T)", lambda v, n: (
        f"{v.parameters.cycle.regen_hot_start_t:g}, {v.parameters.cycle.regen_hot_end_t:g}")),
    ("ramp linear in", lambda v, n: "B^2" if v.parameters.cycle.square_ramp else "B"),
    ("wire of a regenerator's magnet (km)", lambda v, n: f"{hardware(v.parameters).wire_km:.2f}"),
    ("voltage of its field step (V)", lambda v, n: f"{hardware(v.parameters).step_v:.2f}"),
    ("speaks against it", lambda v, n: "; ".join(v.points[n].objections) or "nothing"),
)  # fmt: skip


def _ripple_mk(v: Verified, nodes: int) -> float:
    return 1e3 * (v.points[nodes].highest_k - v.points[nodes].lowest_k)
