"""What thermodynamics may ask of the machine: energy, entropy and 3He, stored and exchanged.

The boundary encloses all refrigerant and fluid: pump beds, exchangers, regenerators. Through it
pass the work of the magnets, heat to the 1.6 K stage, and heat loads on the cold heat exchanger.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from amrr.circuit import rows
from amrr.refrigerator import SimulatedRefrigerator


@dataclass(frozen=True)
class Balance:
    """Contents now, and running sums of what has passed the boundary.

    Attributes:
        stored_energy_j: U of everything inside.
        stored_entropy_j_per_k: S of everything inside.
        helium3_mol: 3He inside.
        pump_work_j: Work of the pump magnets.
        regenerator_work_j: Work of the regenerator magnets.
        rejected_hhx_j: Heat to the stage by the hot heat exchangers.
        rejected_beds_j: Heat to the stage by the pump beds' links.
        load_j: Heat put into the cold heat exchanger (heater and parasitic).
        entropy_to_stage_j_per_k: Heat to the stage over the stage temperature.
        entropy_of_load_j_per_k: Load over the temperature of the cold heat exchanger.
    """

    stored_energy_j: float
    stored_entropy_j_per_k: float
    helium3_mol: float
    pump_work_j: float
    regenerator_work_j: float
    rejected_hhx_j: float
    rejected_beds_j: float
    load_j: float
    entropy_to_stage_j_per_k: float
    entropy_of_load_j_per_k: float

    def __sub__(self, earlier: Balance) -> Balance:
        """What has changed since ``earlier``."""
        return Balance(*(getattr(self, f.name) - getattr(earlier, f.name) for f in fields(Balance)))

    @property
    def work_j(self) -> float:
        """Work of all magnets."""
        return self.pump_work_j + self.regenerator_work_j

    @property
    def rejected_j(self) -> float:
        """Heat to the stage."""
        return self.rejected_hhx_j + self.rejected_beds_j

    @property
    def energy_error_j(self) -> float:
        """Of a difference: what the first law misses (0 when it holds)."""
        return self.work_j + self.load_j - self.rejected_j - self.stored_energy_j

    @property
    def entropy_generated_j_per_k(self) -> float:
        """Of a difference: entropy produced inside (never negative)."""
        exchanged = self.entropy_to_stage_j_per_k - self.entropy_of_load_j_per_k
        return self.stored_entropy_j_per_k + exchanged


def balance(machine: SimulatedRefrigerator) -> Balance:
    """The machine's contents and running sums now."""
    saved = machine.state()
    nodes, ledger = saved["nodes"], saved["ledger"]
    metal = machine.lump_constants[rows.WALL_GAMMA] * nodes[rows.WALL]
    return Balance(
        float((nodes[rows.ENERGY] + 0.5 * metal * nodes[rows.WALL]).sum()),
        float((nodes[rows.ENTROPY] + metal).sum()),
        machine.helium3_mol,
        *(float(ledger[k]) for k in range(rows.LEDGER_SIZE)),
    )
