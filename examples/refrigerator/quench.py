"""A quench of regenerator magnet A at 1.5 T: the first second, and the way back to cold.

    python examples/refrigerator/quench.py [docs/figures/amrr_quench.png]

The machine is cold and cycling when the cycle is stopped; magnet A is ramped to 1.5 T and a point
of its winding is made normal. The supply detects the resistive voltage and switches off; the
stored energy warms the winding, which recovers through its link to the 1.6 K stage.
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
from instruments.errors import Refused


def sample(machine: SimulatedRefrigerator) -> list[float]:
    coil, supply = machine.magnets["RegenA"], machine.supplies["RegenA"]
    return [
        machine.time_s, coil.current_a, supply.supply_current_a, coil.diode_current_a,
        coil.temperature_k, coil.hot_spot_k, coil.normal_fraction, machine.stage.temperature_k,
        machine.chx_temperature_k, 1e3 * machine.stage.heater_w,
    ]  # fmt: skip


def story() -> tuple[np.ndarray, np.ndarray, float]:
    """Samples of the first 2 s, of the recovery, and the time of the reset (s)."""
    machine = SimulatedRefrigerator()
    start_cold(machine)
    machine.cycle.stop()
    machine.step(120.0)
    machine.supplies["RegenA"].ramp_rate_a_per_s = 0.1
    machine.supplies["RegenA"].set_field(1.5)
    machine.step(90.0)
    coil = machine.magnets["RegenA"]
    stored_j = 0.5 * coil.inductance_h * coil.current_a**2
    print(f"{coil.current_a:.3f} A, {stored_j:.1f} J stored, winding {coil.temperature_k:.3f} K")
    quench_s = machine.time_s
    fast = [sample(machine)]
    coil.quench()
    for _ in range(20):
        machine.step(0.1)
        fast.append(sample(machine))
    print(f"after 2 s: {coil.current_a:.4f} A, winding {coil.temperature_k:.1f} K, supply "
          f"{machine.supplies['RegenA'].state.name}")  # fmt: skip
    slow, reset_s = [sample(machine)], float("nan")
    for _ in range(500):
        machine.step(5.0)
        slow.append(sample(machine))
        if not reset_s > 0.0:
            try:
                machine.supplies["RegenA"].reset_quench()
                reset_s = machine.time_s - quench_s
            except Refused:
                continue
    table = np.array(fast), np.array(slow)
    for rows in table:
        rows[:, 0] -= quench_s
    print(f"hot spot {table[0][:, 5].max():.0f} K; stage up to {table[1][:, 7].max():.3f} K; "
          f"reset accepted after {reset_s:.0f} s")  # fmt: skip
    return *table, reset_s


@styled
def draw(path: Path) -> None:
    fast, slow, reset_s = story()
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
    axes[0, 0].plot(fast[:, 0], fast[:, 1], "o-", markersize=3, label="coil")
    axes[0, 0].plot(fast[:, 0], fast[:, 2], "s--", markersize=3, label="supply")
    axes[0, 0].plot(fast[:, 0], fast[:, 3], "^:", markersize=3, label="diodes")
    axes[0, 0].set(xlabel="time since the quench (s)", ylabel="current (A)", xlim=(-0.05, 1.0))
    axes[0, 0].legend()
    axes[0, 1].plot(fast[:, 0], fast[:, 5], "o-", markersize=3, label="hot spot")
    axes[0, 1].plot(fast[:, 0], fast[:, 4], "s-", markersize=3, label="winding, mean")
    axes[0, 1].set(xlabel="time since the quench (s)", ylabel="temperature (K)", xlim=(-0.05, 2.0))
    axes[0, 1].legend()
    minutes = slow[:, 0] / 60.0
    axes[1, 0].plot(minutes, slow[:, 4], label="winding, mean")
    axes[1, 0].axvline(reset_s / 60.0, color="0.5", linestyle=":", label="reset accepted")
    axes[1, 0].set(xlabel="time since the quench (min)", ylabel="temperature (K)")
    axes[1, 0].legend()
    axes[1, 1].plot(minutes, slow[:, 7], label="stage")
    axes[1, 1].plot(minutes, slow[:, 8], label="cold heat exchanger")
    axes[1, 1].set(xlabel="time since the quench (min)", ylabel="temperature (K)")
    axes[1, 1].legend(frameon=False, loc="lower right")
    heater = axes[1, 1].twinx()
    heater.plot(minutes, slow[:, 9], color="0.7", linewidth=0.8)
    heater.set_ylabel("stage heater (mW)", color="0.5")
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures/amrr_quench.png"))
