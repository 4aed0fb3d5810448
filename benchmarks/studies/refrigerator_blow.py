"""The design model's margin against the blow: the table of docs/explanation/amrr_studies.md.

``cryohalo design model`` keeps the pump's waypoints. Here the pump's highest field is varied, so
that the default machine at 600 uW moves more or less mixture::

    python -m benchmarks.studies.refrigerator_blow

Some five seconds a row.
"""

from __future__ import annotations

from typing import Final

from amrr.design.conservatism import SHEET_PUMP_T, with_pump_to
from amrr.design.sizing import DesignInputs, molar_flow

LOAD_W: Final = 600e-6
#: The second gives the blow of the design sheet (``cryohalo size``).
PUMP_HIGH_T: Final = (1.26, SHEET_PUMP_T, 1.34, 1.37)


def main() -> None:
    """Print the table in Markdown."""
    print("| pump to | blow | outlet, design and dynamic | T_CHX, design and dynamic |")
    print("|---|---|---|---|")
    for pump_high_t in PUMP_HIGH_T:
        c = with_pump_to(pump_high_t, LOAD_W)
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
