"""The refrigerator beside others below 1 K: what is published of each, and what its model says.

    python examples/refrigerator/comparison.py [docs/figures/amrr_comparison.png]

``refrigerators.csv`` beside this script has the published numbers, each row with its source; what
its source does not say is blank, and is not drawn. The model's own row is computed here.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from amrr.design.points import Point, at_load, running
from amrr.parameters import RefrigeratorParameters
from amrr.solids.garnet import MATERIALS
from instruments.drawing import RED, save, styled

TABLE = Path(__file__).with_name("refrigerators.csv")
LOADS_W = (300e-6, 600e-6, 1000e-6)
COLOURS = {
    "AMRR": RED, "3He evaporation": "C0", "4He evaporation": "C9",
    "single-shot ADR": "C2", "continuous ADR": "C1",
}  # fmt: skip


def published() -> list[dict[str, str]]:
    """The rows of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def modelled() -> list[Point]:
    """The default machine at some loads."""
    machine = running(RefrigeratorParameters())
    return [at_load(machine, load_w) for load_w in LOADS_W]


def garnet_kg() -> float:
    """Mass of refrigerant in the four beds of the default machine."""
    p = RefrigeratorParameters()
    regenerators = (1.0 - p.regenerator.porosity) * p.regenerator.volume_m3
    pumps = (1.0 - p.pump.porosity) * p.pump.bed_volume_m3
    return 2.0 * MATERIALS["GGG"].density_kg_per_m3 * (regenerators + pumps)


@styled
def draw(path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    seen: set[str] = set()
    for row in published():
        if not row["temperature_k"] or not row["power_w"] or float(row["power_w"]) == 0.0:
            continue
        kind, measured = row["kind"], row["status"].startswith("measured")
        t, power = float(row["temperature_k"]), 1e6 * float(row["power_w"])
        axes.plot([t], [power], "o", color=COLOURS[kind], fillstyle="full" if measured else "none",
                  label=None if kind in seen else kind)  # fmt: skip
        axes.annotate(row["name"], (t, power), (6, -10), textcoords="offset points", fontsize=7)
        seen.add(kind)
    for row in published():
        if row["temperature_k"] and not row["power_w"]:
            axes.axvline(float(row["temperature_k"]), color=COLOURS[row["kind"]], alpha=0.4,
                         linewidth=1.0, linestyle=":")  # fmt: skip
            axes.text(float(row["temperature_k"]), 20.0, f" {row['name']}, {row['hold_h']} h",
                      rotation=90, fontsize=6, va="bottom", color="0.4")  # fmt: skip
    points = modelled()
    axes.errorbar(
        [p.chx_k for p in points], [1e6 * p.load_w for p in points],
        xerr=[[p.chx_k - p.lowest_k for p in points], [p.highest_k - p.chx_k for p in points]],
        fmt="s-", color=RED, capsize=2, markersize=4,
        label="AMRR, this model (bars: swing in a cycle)",
    )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(0.04, 2.0), ylim=(1.0, 1e4))
    axes.set_xlabel("temperature (K)")
    axes.set_ylabel("cooling power (µW)")
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3, which="both", linewidth=0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)
    for p in points:
        print(f"{1e6 * p.load_w:.0f} uW: {p.chx_k:.3f} K, {p.lowest_k:.3f} to {p.highest_k:.3f} K")
    print(f"GGG in four beds: {garnet_kg():.2f} kg")


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures/amrr_comparison.png"))
