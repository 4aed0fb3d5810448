"""The load curve: temperature of the cold heat exchanger against heater power, 0 to 1.5 mW.

    python examples/refrigerator/load_curve.py [docs/figures/amrr_load_curve.png]

Every point is a periodic steady state, found directly. Two field programmes: the default one, and
a stronger one that still stays within the paper's 1.5 T.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from amrr.parameters import STRONG_CYCLE, CycleParameters, RefrigeratorParameters
from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator
from amrr.solids.garnet import GGG
from instruments.drawing import RED, save, styled

POWERS_UW = (0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1150, 1300, 1500)


def load_curve(cycle: CycleParameters) -> list[tuple[float, float, float]]:
    """Mean, lowest and highest CHX temperature (K) at every power."""
    machine = SimulatedRefrigerator(replace(RefrigeratorParameters(), cycle=cycle))
    machine.cycle.run()
    points = []
    for power_uw in POWERS_UW:
        machine.chx_heater.power_setpoint_w = 1e-6 * power_uw
        settle(machine)
        machine.advance(1)
        c = machine.cycle
        points.append((c.mean_chx_temperature_k, c.min_chx_temperature_k, c.max_chx_temperature_k))
        mean, low, high = points[-1]
        print(f"{power_uw:5d} uW  {mean:.4f} K  ({low:.4f} to {high:.4f})")
    return points


@styled
def draw(path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    names = (
        ("default: pump 0.63 to 1.37 T, regenerator to 1.12 T", CycleParameters(), "C0"),
        ("strong: pump 0.5 to 1.5 T, regenerator to 1.3 T", STRONG_CYCLE, RED),
    )
    for label, cycle, colour in names:
        print(label)
        mean, low, high = zip(*load_curve(cycle), strict=True)
        axes.fill_between(POWERS_UW, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(POWERS_UW, mean, "o-", color=colour, markersize=4, label=label)
    axes.plot([600, 1000], [0.9, 0.9], "ks", markersize=7, fillstyle="none",
              label="paper: 600 µW to 1 mW at 900 mK (predicted)")  # fmt: skip
    axes.axhspan(0.0, GGG.lowest_temperature_k, color="0.85", linewidth=0)
    axes.text(1480, 0.35, "below the garnet model", ha="right", va="center", color="0.4")
    axes.set_xlabel("heater power on the cold heat exchanger (µW); 50 µW parasitic load on top")
    axes.set_ylabel("temperature of the cold heat exchanger (K)")
    axes.set(xlim=(0, 1500), ylim=(0.3, 1.3))
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures/amrr_load_curve.png"))
