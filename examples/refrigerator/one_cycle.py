"""Regenerator A over one cycle: temperature along the bed, fields, flow, cold end.

python examples/refrigerator/one_cycle.py [docs/figures/amrr_profile.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold
from instruments.drawing import save, styled

MOMENTS = {0: "start of the hot blow", 40: "middle", 79: "its end", 89: "after the field step",
           130: "middle of the cold blow", 169: "its end", 179: "after the field step"}  # fmt: skip


def record() -> dict[str, np.ndarray]:
    """One cycle from the periodic state, a sample every second."""
    machine = SimulatedRefrigerator()
    start_cold(machine)
    rows: dict[str, list[object]] = {k: [] for k in ("t", "bed", "fields", "flow", "cold", "chx")}
    for _ in range(180):
        machine.advance(10)
        rows["t"].append(machine.time_s)
        rows["bed"].append(machine.regenerator_temperatures_k("A"))
        rows["fields"].append([s.field_t for s in machine.supplies.values()])
        rows["flow"].append(1e9 * machine.flow_rate_m3_per_s)
        rows["cold"].append([machine.regenerator_temperatures_k(s)[-1] for s in "AB"])
        rows["chx"].append(machine.chx_temperature_k)
    return {k: np.array(v) for k, v in rows.items()} | {"z": machine.regenerator_positions_m}


@styled
def draw(path: Path) -> None:
    data = record()
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    colours = plt.get_cmap("cividis")(np.linspace(0, 0.9, len(MOMENTS)))
    for (k, text), colour in zip(MOMENTS.items(), colours, strict=True):
        axes[0, 0].plot(1e3 * data["z"], data["bed"][k], color=colour, label=f"{k + 1} s: {text}")
    axes[0, 0].set(xlabel="distance from the hot end (mm)", ylabel="regenerator A (K)")
    axes[0, 0].legend()
    mesh = axes[0, 1].pcolormesh(data["t"], 1e3 * data["z"], data["bed"].T, shading="nearest")
    axes[0, 1].invert_yaxis()
    axes[0, 1].set(xlabel="time (s)", ylabel="distance from the hot end (mm)")
    figure.colorbar(mesh, ax=axes[0, 1], label="regenerator A (K)")
    for k, name in enumerate(("pump A", "pump B", "regenerator A", "regenerator B")):
        style = "-" if name.endswith("A") else "--"
        axes[1, 0].plot(data["t"], data["fields"][:, k], style, color=f"C{k // 2}", label=name)
    axes[1, 0].set(xlabel="time (s)", ylabel="central field (T)")
    axes[1, 0].legend()
    flow = axes[1, 0].twinx()
    flow.plot(data["t"], data["flow"], color="0.6", linewidth=1)
    flow.set_ylabel("flow, pump A to pump B (mm³/s)", color="0.4")
    axes[1, 1].plot(data["t"], data["cold"][:, 0], label="cold end of regenerator A")
    axes[1, 1].plot(data["t"], data["cold"][:, 1], "--", label="cold end of regenerator B")
    axes[1, 1].plot(data["t"], data["chx"], "k", label="cold heat exchanger")
    axes[1, 1].set(xlabel="time (s)", ylabel="temperature (K)", ylim=(0.82, 1.02))
    axes[1, 1].legend(fontsize=8, frameon=False, loc="upper center")
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)
    cold, chx = data["cold"], data["chx"]
    print(f"CHX {chx.mean():.4f} K ({chx.min():.4f} to {chx.max():.4f}); "
          f"cold end {cold.min():.4f} to {cold.max():.4f} K")  # fmt: skip


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures/amrr_profile.png"))
