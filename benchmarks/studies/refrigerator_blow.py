"""The design model's margin against the blow: the table of docs/explanation/amrr_studies.md.

``cryohalo design model`` keeps the pump's waypoints. Here the pump's highest field is varied, so
that the default machine at 600 uW moves more or less mixture::

    python -m benchmarks.studies.refrigerator_blow

Some five seconds a row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from amrr.design import space
from amrr.design.conservatism import Comparison, compared
from amrr.design.points import Effort, at_load, running
from amrr.design.sizing import DesignInputs, molar_flow
from amrr.design.store import Outcome
from amrr.parameters import RefrigeratorParameters

LOAD_W: Final = 600e-6
#: The second gives the blow of the design sheet (``cryohalo size``).
PUMP_HIGH_T: Final = (1.26, 1.303, 1.34, 1.37)
#: The same resolution as the grid of ``cryohalo design model``.
NODES, DT_S = 20, 0.2


def compare(pump_high_t: float) -> Comparison:
    """Both models for the default machine with another highest field of the pump."""
    p = space.coarse(RefrigeratorParameters(), NODES, DT_S)
    p = replace(p, cycle=replace(p.cycle, pump_high_t=pump_high_t))
    point = at_load(running(p), LOAD_W, Effort(tolerance_k=1e-4))
    return compared(p, LOAD_W, Outcome(point.load_w, point))


def main() -> None:
    """Print the table in Markdown."""
    print("| pump to | blow | outlet, design and dynamic | T_CHX, design and dynamic |")
    print("|---|---|---|---|")
    for pump_high_t in PUMP_HIGH_T:
        c = compare(pump_high_t)
        print(
            f"| {pump_high_t:g} T | {1e3 * c.blow_mol:.0f} mmol "
            f"| {c.design_outlet_k:.3f}, {c.outlet_k:.3f} K "
            f"| {c.design_chx_k:.3f}, {c.chx_k:.3f} K |{c.remark}",
            flush=True,
        )
    sheet = DesignInputs()
    print(f"blow of the design sheet: {1e3 * molar_flow(sheet) * sheet.flow_time_s:.0f} mmol")


if __name__ == "__main__":
    main()
