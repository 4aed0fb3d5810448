"""States on disk, and the cold start: the default machine's periodic state, shipped with it.

A cold machine takes an hour or more of simulated time to get cold. The shipped state was found by
``amrr.periodic.settle`` (``python -m amrr.snapshot`` writes it anew) and belongs to exactly
one set of parameters; for any other the periodic state is computed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from amrr import kernel
from amrr.controls import sequence, thermometry
from amrr.refrigerator import SimulatedRefrigerator
from instruments.npz import load_npz

#: Load of the shipped state: the paper's 600 uW.
COLD_START_LOAD_W: Final = 600e-6
_SHIPPED: Final = Path(__file__).parent / "cold_start.npz"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a machine's state."""
    np.savez_compressed(path, **state)


def load(path: Path) -> dict[str, Any]:
    """Read a machine's state; arrays stay arrays, the seed and the digest become plain values.

    Raises:
        OSError: There is no such file.
        ValueError: It is no archive of plain arrays.
    """
    return {k: v.item() if v.ndim == 0 else v for k, v in load_npz(path).items()}


def shipped(machine: SimulatedRefrigerator) -> dict[str, Any] | None:
    """The shipped cold start if it belongs to this machine's parameters, else None."""
    state = load(_SHIPPED) if _SHIPPED.exists() else {}
    return state if state.get("parameters") == machine.parameters.digest() else None


def start_cold(machine: SimulatedRefrigerator, load_w: float = COLD_START_LOAD_W) -> None:
    """Put a machine into its periodic state, cycling, at time 0 and at the start of a cycle.

    Args:
        machine: Changed in place; keeps its seed.
        load_w: Heater power on the CHX; the shipped state is used for 600 uW.

    Raises:
        Refused: The cycle cannot run, or the power is out of range.
        RuntimeError: The periodic state was not found.
    """
    from amrr.periodic import settle

    state = shipped(machine) if load_w == COLD_START_LOAD_W else None
    if state is None:
        machine.chx_heater.power_setpoint_w = load_w
        machine.cycle.run()
        settle(machine)
        state = machine.state()
    state["seed"] = machine.seed
    # The search took days of its helium, and its cycles are not this run's.
    for group in ("bath", "repeat", "repeating"):
        state.pop(group, None)
    _rewind(machine, state)
    machine.restore(state)


def _rewind(machine: SimulatedRefrigerator, state: dict[str, Any]) -> None:
    """Set the clock and the count of cycles to zero, readings aged as they are."""
    elapsed = float(state["machine"][kernel.TIME])
    state["machine"][kernel.TIME] = state["machine"][kernel.STEPS] = 0.0
    state["thermometers"][thermometry.READ_AT] -= elapsed
    state["cycle"][sequence.COUNT] = 0.0
    state["owed"][:] = 0.0


def _write() -> None:
    machine = SimulatedRefrigerator()
    start_cold(machine, COLD_START_LOAD_W)
    save(_SHIPPED, machine.state())


if __name__ == "__main__":
    _SHIPPED.unlink(missing_ok=True)
    _write()
