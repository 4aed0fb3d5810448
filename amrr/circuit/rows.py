"""What the rows of the loop's arrays hold: state and constants of every lump, the pump, the ledger.

Columns are the lumps: the chain in the order of ``amrr.circuit.layout``, then pump beds A and B.
"""

from __future__ import annotations

from typing import Final

# Rows of the lump state.
TEMPERATURE: Final = 0  # K
C3: Final = 1  # mol of 3He per m3 of fluid
ENERGY: Final = 2  # J
ENTROPY: Final = 3  # J/K
FIELD: Final = 4  # T
FLUID_ENERGY: Final = 5  # J/m3
CAPACITY: Final = 6  # J/K
WALL: Final = 7  # K: the metal partner's temperature; where there is none, the lump's
LOAD: Final = 8  # W: into the partner
FACE_C3: Final = 9  # work row: c3 at the face before the lump
FACE_ENERGY: Final = 10  # work row: e at that face
HEAT: Final = 11  # work row: heat conducted into the lump during the step, J
STATE_ROWS: Final = 12

# Rows of the lump constants.
SPINS: Final = 0  # mol of Gd
VOLUME: Final = 1  # m3 of fluid
GAMMA: Final = 2  # metal heat capacity / T, J/K2, of metal at the lump's own temperature
LINK: Final = 3  # conductance to the stage, W/K
FIELD_PER_A: Final = 4  # T/A
FLUID_FACE: Final = 5  # to the next lump of the chain: area over length of the fluid, m
STEEL_FACE: Final = 6  # to the next lump, W/K2 (steel: conductivity proportional to T)
PLUG: Final = 7  # 1: the fluid passes without mixing inside the lump
DISPERSION: Final = 8  # to the next lump: volume exchanged per volume moved
SLIP_FACE: Final = 9  # to the next lump: mobility of the 3He, m3/s
WALL_GAMMA: Final = 10  # heat capacity / T of the partner, J/K2; 0: none
CONTACT: Final = 11  # conductance to the partner, W/K
WALL_FACE: Final = 12  # partner to partner, W/K2 (copper: conductivity proportional to T)
SPANS: Final = 13  # first of three rows, of ``amrr.circuit.advection.spans``
TABLE: Final = 16  # first row of its refrigerant in the tables
CONSTANT_ROWS: Final = 17

# Pump constants.
RESISTANCE: Final = 0  # Pa s/m3
LARGEST_FLOW: Final = 1  # m3/s
ONSET_K: Final = 2  # superleak onset in pure 4He
V4: Final = 3  # m3/mol
ALPHA: Final = 4
PUMP_CONSTANTS: Final = 5

# Ledger: running sums in J and J/K.
WORK_PUMP: Final = 0
WORK_REGENERATOR: Final = 1
HEAT_HHX: Final = 2
HEAT_BEDS: Final = 3
HEAT_LOAD: Final = 4
ENTROPY_TO_STAGE: Final = 5
ENTROPY_OF_LOAD: Final = 6
LEDGER_SIZE: Final = 7
