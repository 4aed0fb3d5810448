"""The successor: GdLiF4 (GLF) in the regenerators, and how far its verdict can be trusted.

The paper announces 0.35 K. No heat capacity of GLF below 1 K is published, so the machine is asked
over the range of its two numbers, the internal field b and the molecular field lambda
(``amrr.solids.garnet``):

- b = 0.320 T is what the dipoles of the lattice alone give at high temperature, and they are known
  (``amrr.solids.dipoles``). For GGG the same sum, with its exchange, is 15 % above the one b that
  fits its heat capacity over 1 to 4 K; exchange makes b larger. So 0.25 to 0.40 T.
- lambda = -0.2 to 0 T: exchange and dipoles nearly cancel in the Curie-Weiss temperature
  (S. S. Sosin et al., arXiv:2210.09725; anisotropic, here a powder).
- b = 0.15 to 0.20 T, which had been assumed before the sum was done, is shown beside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from amrr.design import space
from amrr.design.evaluation import evaluated, power_at, state_at
from amrr.design.points import Effort, Point
from amrr.design.store import Outcome, Store
from amrr.parameter_files import shipped
from amrr.parameters import RefrigeratorParameters
from amrr.solids.dipoles import SCHEELITE_GDLIF4, internal_field, second_moment

__all__ = ["GOAL_K", "QUICK", "SCAN", "Scan", "Successor", "csv_text", "scan", "text"]

#: What the paper announces.
GOAL_K: Final = 0.35
_EFFORT: Final = Effort(tolerance_k=1e-4, most_cycles=120, near_k=5e-3)
_NODES, _DT_S = 20, 0.2
#: First load on the way to the cooling power, W.
_FIRST_W: Final = 150e-6


@dataclass(frozen=True)
class Scan:
    """Materials that are tried: all combinations.

    Attributes:
        internal_t: b.
        molecular_t: lambda.
        range_t: Least and largest b that count for the error bar.
    """

    internal_t: tuple[float, ...]
    molecular_t: tuple[float, ...]
    range_t: tuple[float, float] = (0.25, 0.40)

    @property
    def total(self) -> int:
        """Points to evaluate: two of each material."""
        return 2 * len(self.internal_t) * len(self.molecular_t)


#: The b of the dipoles, T.
DIPOLES_T: Final = round(internal_field(second_moment(SCHEELITE_GDLIF4)), 3)
SCAN: Final = Scan((0.15, 0.20, 0.25, DIPOLES_T, 0.40), (-0.2, -0.1, 0.0))
QUICK: Final = Scan((DIPOLES_T,), (-0.1,), (DIPOLES_T, DIPOLES_T))


@dataclass(frozen=True)
class Successor:
    """The machine with one material.

    Attributes:
        internal_t: b.
        molecular_t: lambda.
        unloaded: Its periodic state without heater power.
        powered: The same at ``GOAL_K``.
    """

    internal_t: float
    molecular_t: float
    unloaded: Outcome
    powered: Outcome

    @property
    def lowest(self) -> Point | None:
        """The state without load."""
        return self.unloaded.point


def scan(
    which: Scan,
    store: Store,
    base: RefrigeratorParameters | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Successor, ...]:
    """The machine with each material of a scan.

    Args:
        which: Materials.
        store: Of points that are known.
        base: The machine; the shipped one for GLF.
        workers: Evaluations at a time.
        progress: Told how many are done, of how many.
    """
    p = space.coarse(base or shipped("glf").parameters, _NODES, _DT_S)
    machines = {
        (b, m): replace(p, refrigerant=f"GLF b={b:g} lambda={m:g}")
        for b in which.internal_t
        for m in which.molecular_t
    }
    found: dict[str, dict[tuple[float, float], Outcome]] = {"unloaded": {}, "powered": {}}
    questions: dict[str, tuple[Callable[[RefrigeratorParameters], Outcome], str]] = {
        "unloaded": (lambda p: state_at(p, 0.0, _EFFORT), f"state at 0 W, {_EFFORT}"),
        "powered": (
            lambda p: power_at(p, GOAL_K, _FIRST_W, _EFFORT),
            f"power at {GOAL_K:g} K from {_FIRST_W:g} W, {_EFFORT}",
        ),
    }
    for kind, (ask, question) in questions.items():
        for name, outcome in evaluated(machines, ask, question, store, workers):
            found[kind][name] = outcome
            if progress is not None:
                progress(sum(map(len, found.values())), which.total)
    return tuple(
        Successor(b, m, found["unloaded"][b, m], found["powered"][b, m]) for b, m in machines
    )


def csv_text(found: Sequence[Successor]) -> str:
    """One line for each material, SI units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["b_t", "lambda_t", "unloaded_k", "unloaded_objections", f"power_w_at_{GOAL_K:g}_k",
         "work_j", "carnot_fraction", "power_objections"]
    )  # fmt: skip
    for s in found:
        writer.writerow([f"{s.internal_t:g}", f"{s.molecular_t:g}", *_cells(s)])
    return out.getvalue()


def _cells(s: Successor) -> list[str]:
    low, high = s.unloaded, s.powered
    cells = [low.message] if low.point is None else [f"{low.point.chx_k:.5g}"]
    cells.append("" if low.point is None else "; ".join(low.point.objections))
    if high.point is None:
        return [*cells, high.message, "", "", ""]
    numbers = (high.power_w, high.point.work_j, high.point.carnot_fraction)
    return [*cells, *(f"{x:.5g}" for x in numbers), "; ".join(high.point.objections)]


def text(found: Sequence[Successor], which: Scan) -> str:
    """The verdict on 0.35 K with its error bar, and the models that it leaves."""
    lines = [f"b (T)   lambda (T)  without load (K)  power at {GOAL_K:g} K (uW)"]
    for s in found:
        low = "none" if s.lowest is None else f"{s.lowest.chx_k:.3f}"
        power = "none" if s.powered.point is None else f"{1e6 * s.powered.power_w:.0f}"
        lines.append(
            f"{s.internal_t:5.3f}   {s.molecular_t:+5.2f}       {low:>8s}     {power:>12s}"
        )
    low_t, high_t = which.range_t
    counted = [s for s in found if low_t <= s.internal_t <= high_t]
    lines.append(_verdict(counted, which))
    said = {o for s in found for p in (s.lowest, s.powered.point) if p for o in p.objections}
    kinds = sorted({"".join(c for c in o if not c.isdigit()) for o in said})
    lines += ["models that are left somewhere in the machine:", *(f"  {k}" for k in kinds)]
    failed = [s for s in found if s.lowest is None or s.powered.point is None]
    if failed:
        lines.append(f"{len(failed)} of {len(found)} materials without one of the two points")
    return "\n".join(lines)


def _verdict(counted: Sequence[Successor], which: Scan) -> str:
    temperatures = [s.lowest.chx_k for s in counted if s.lowest is not None]
    powers = [1e6 * s.powered.power_w for s in counted if s.powered.point is not None]
    if not temperatures or not powers:
        return "no verdict: no material of the range has both points"
    middle = [s for s in counted if (s.internal_t, s.molecular_t) == (DIPOLES_T, -0.1)]
    central = f"{middle[0].lowest.chx_k:.3f}" if middle and middle[0].lowest else "none"
    power = f"{1e6 * middle[0].powered.power_w:.0f}" if middle else "none"
    low_t, high_t = which.range_t
    return (
        f"b {low_t:g} to {high_t:g} T: without load {central} K, from {min(temperatures):.3f} to "
        f"{max(temperatures):.3f} K; at {GOAL_K:g} K {power} uW, from {min(powers):.0f} to "
        f"{max(powers):.0f} uW"
    )
