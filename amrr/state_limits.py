"""What each number of a saved state may be (``instruments.kept``).

The limits exclude what no machine of these models can be in, and what would make the compiled step
read beyond an array. That the numbers of the lumps follow from each other is looked at besides, by
``amrr.refrigerator.SimulatedRefrigerator.contradiction``.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from amrr.controls import repetition, sequence, thermometry
from amrr.cryostat import bath
from amrr.limits import DWELL_S, FLOW_TIME_S, HOLD_TIME_S
from amrr.parameters import RefrigeratorParameters
from instruments.kept import Group, Number, Slots, Spec, Text
from instruments.magnets.supply import SimulatedSupply, state_slots

__all__ = ["allowed"]

Slot = tuple[str, Number]

_LONG: Final = 1e12  # s; steps; sums of joules, J/K and kelvin
_FLAG: Final = Number(0, 1, whole=True)
_COUNT: Final = Number(0, _LONG, whole=True)
_KELVIN: Final = Number(1e-2, 2e3, "K")
_JOULE: Final = Number(-_LONG, _LONG, "J")
_DENSITY: Final = Number(-1.0, 5e4, "mol/m3")  # pure liquid 3He has 27 000
_ENERGY: Final = Number(-_LONG, _LONG, "J/m3")


class LimitedMachine(Protocol):
    """The refrigerator, as its limits depend on it.

    Attributes:
        parameters: Its own.
        supplies: The magnets' supplies by name.
        bath: The helium bath.
    """

    parameters: RefrigeratorParameters
    supplies: dict[str, SimulatedSupply]
    bath: bath.Bath

    @property
    def lump_constants(self) -> NDArray[np.float64]:
        """Each row is a constant, each column a lump of the circuit."""


def allowed(machine: LimitedMachine) -> Spec:
    """What a state of this machine may hold."""
    p = machine.parameters
    supply = machine.supplies["PumpA"].parameters
    limit_a = supply.current_limit_a
    return Group(
        {
            "parameters": Text(p.digest(), "it belongs to other parameters"),  # says most
            "nodes": Slots(_LUMP, machine.lump_constants.shape[1]),
            "machine": Slots(_machine(machine)),
            "supplies": Slots(state_slots(supply), sequence.SUPPLY_NAMES, axis=1),
            "coils": Slots(_coil(limit_a), sequence.SUPPLY_NAMES, axis=1),
            "cycle": Slots(_cycle(machine)),
            "ledger": Slots(_LEDGER),
            "pids": Slots(_PID, ("CHX", "Stage"), axis=1),
            "repeat": Slots(_PHASES, repetition.PHASES),
            "repeating": Slots(_REPEATING),
            "thermometers": Slots(_METER, thermometry.NAMES),
            "dwell": Slots([("dwell", Number(*DWELL_S, "s"))]),
            "owed": Slots([("owed", Number(-p.dt_s, p.dt_s, "s"))]),
            "bath": Slots(_bath(machine.bath)),
            "seed": Number(0, 2**63 - 1, whole=True),
        }
    )


_LUMP: Final[list[Slot]] = [
    ("temperature", _KELVIN),
    ("3He density", _DENSITY),
    ("energy", _JOULE),
    ("entropy", Number(-_LONG, _LONG, "J/K")),
    ("field", Number(0.0, 1e2, "T")),
    ("fluid energy", _ENERGY),
    ("heat capacity", Number(0.0, _LONG, "J/K")),
    ("temperature of the metal", _KELVIN),
    ("load", Number(0.0, 1e3, "W")),
    ("3He density at the face", _DENSITY),
    ("energy at the face", _ENERGY),
    ("heat", _JOULE),
]
#: What each row of the lumps holds, in words.
LUMP_ROWS: Final = tuple(name for name, _ in _LUMP)
_LEDGER: Final[list[Slot]] = [
    ("work of the pump", _JOULE),
    ("work of the regenerators", _JOULE),
    ("heat of the exchangers", _JOULE),
    ("heat of the beds", _JOULE),
    ("heat of the load", _JOULE),
    ("entropy to the stage", Number(-_LONG, _LONG, "J/K")),
    ("entropy of the load", Number(-_LONG, _LONG, "J/K")),
]
_PID: Final[list[Slot]] = [
    ("integral", Number(-_LONG, _LONG, "W")),
    ("last error", Number(-1e4, 1e4, "K")),
    ("has an error", _FLAG),
    ("output", Number(0.0, 1e3, "W")),
    ("P", Number(0.0, 1e9, "W/K")),
    ("I", Number(0.0, 1e9, "1/s")),
    ("D", Number(0.0, 1e9, "s")),
    ("lowest output", Number(0.0, 0.0, "W")),
    ("highest output", Number(0.0, 1e3, "W")),
    ("last reading", Number(-1e6, 1e6, "K")),
    ("has a last reading", _FLAG),
    ("slope of the reading", Number(-_LONG, _LONG, "K/s")),
    ("hold", Number(0, 3, whole=True)),
    ("fed forward", Number(-1e3, 1e3, "W")),
]
_PHASES: Final[list[Slot]] = [
    ("fed forward", Number(-1e3, 1e3, "W")),
    ("sum of readings", Number(0.0, _LONG, "K")),
    ("sum of the loop's powers", Number(-_LONG, _LONG, "W")),
    ("sum of powers", Number(0.0, _LONG, "W")),
    ("steps", _COUNT),
    ("last cycle's reading", Number(0.0, 1e9, "K")),
    ("last cycle's power", Number(0.0, 1e3, "W")),
]
_REPEATING: Final[list[Slot]] = [
    ("fed forward", _FLAG),
    ("learning", Number(0.0, 1.0)),
    ("active", _FLAG),
    ("count", _COUNT),
    ("whole", _FLAG),
    ("whole cycles", _COUNT),
]
_METER: Final[list[Slot]] = [
    ("reading", Number(1e-6, 1e6, "K")),
    ("time of the reading", Number(-_LONG, _LONG, "s")),
    ("error of the calibration", Number(math.log1p(-0.5), math.log1p(0.5))),
    ("open", _FLAG),
]


def _machine(machine: LimitedMachine) -> list[Slot]:
    p = machine.parameters
    chx = Number(0.0, p.exchangers.highest_heater_w, "W")
    run = p.operation
    first, last = thermometry.CONTINUOUS, thermometry.COUNT - 1
    return [
        ("time", Number(0.0, _LONG, "s")),
        ("steps", _COUNT),
        ("stage", _KELVIN),
        ("flow", Number(-1.0, 1.0, "m3/s")),
        ("CHX power", chx),
        ("CHX closed loop", _FLAG),
        ("CHX setpoint", Number(run.cold_low_k, run.cold_high_k, "K")),
        ("CHX heater", chx),
        ("stage closed loop", _FLAG),
        ("stage setpoint", Number(*p.stage_range_k, "K")),
        ("stage heater", Number(0.0, p.stage.highest_heater_w, "W")),
        ("scanned thermometer", Number(first, last, whole=True)),
        ("steps of the scanner", _COUNT),
        ("heat of the coils", _JOULE),
        ("extra load", Number(0.0, 1e3, "W")),
        ("slip flow", Number(-1e3, 1e3, "mol/s")),
        ("scanner off", _FLAG),
        ("unsound", Number(0, 0, whole=True)),
    ]


def _coil(limit_a: float) -> list[Slot]:
    # A coil follows its supply from behind; together they are off by twice the limit at most.
    volt = Number(-1e6, 1e6, "V")
    return [
        ("current", Number(-1.001 * limit_a, 1.001 * limit_a, "A")),
        ("voltage", volt),
        ("diode current", Number(-2.01 * limit_a, 2.01 * limit_a, "A")),
        ("temperature", _KELVIN),
        ("temperature of the diodes", Number(1e-2, 1e5, "K")),
        ("normal fraction", Number(0.0, 1.0)),
        ("temperature of the hot spot", Number(1e-2, 1e5, "K")),
        ("resistance", Number(0.0, 1e9, "ohm")),
        ("heat to the stage", _JOULE),
        ("heat of the quench", Number(0.0, _LONG, "J")),
    ]


def _cycle(machine: LimitedMachine) -> list[Slot]:
    supply = machine.supplies["PumpA"]
    limit_a = supply.parameters.current_limit_a
    current = Number(-1.001 * limit_a, 1.001 * limit_a, "A")
    reach_t = {
        name: limit_a * machine.supplies[side].coil.field_per_ampere_t
        for name, side in (("pump", "PumpA"), ("regen", "RegenA"))
    }
    waypoints = [
        (name, Number(0.0, 1.001 * reach_t[name.partition("_")[0]], "T"))
        for name in sequence.WAYPOINT_NAMES
    ]
    reading = Number(0.0, 1e9, "K")  # 1e9: none yet
    last = ("mean", "lowest", "highest")
    return [
        ("state", Number(0, len(sequence.CycleState) - 1, whole=True)),
        ("phase", Number(0, len(sequence.CyclePhase) - 1, whole=True)),
        ("steps", _COUNT),
        ("count", _COUNT),
        ("flow time", Number(*FLOW_TIME_S, "s")),
        ("hold time", Number(*HOLD_TIME_S, "s")),
        *waypoints,
        ("square ramp", _FLAG),
        *((f"start of {name}", current) for name in sequence.SUPPLY_NAMES),
        *((f"end of {name}", current) for name in sequence.SUPPLY_NAMES),
        ("blocked by", Number(0, 2 * len(sequence.SUPPLY_NAMES), whole=True)),
        ("sum of readings", Number(0.0, _LONG, "K")),
        ("lowest reading", reading),
        ("highest reading", reading),
        ("steps of the sums", _COUNT),
        ("heat of the heater", Number(0.0, _LONG, "J")),
        ("work at the start", _JOULE),
        ("heat at the start", _JOULE),
        *((f"last cycle's {name}", reading) for name in last),
        ("last cycle's power", Number(0.0, 1e3, "W")),
        ("last cycle's work", _JOULE),
        ("last cycle's heat", _JOULE),
    ]


def _bath(helium: bath.Bath) -> list[Slot]:
    full_mol = float(helium.full()[bath.MOLES])
    return [("helium", Number(0.0, full_mol, "mol")), ("transfer", _FLAG), ("loss", _FLAG)]
