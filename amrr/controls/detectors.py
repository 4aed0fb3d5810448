"""Detectors' stages on the cold lines, as the operator sees them: a temperature and a power.

The paper's machine cools where its cold fluid passes, away from the magnets ("distributed
cooling"). Each stage is a piece of metal with a heat capacity proportional to T, linked to the
fluid that passes under it, with a load of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import rows
from amrr.parameters import DetectorParameters
from instruments.ranges import commanded

Array = NDArray[np.float64]


class DetectorStage:
    """One stage.

    Args:
        name: "Detector1" and so on.
        lumps: State of the machine's lumps.
        lump: The one whose partner it is.
        parameters: Its own.
    """

    def __init__(self, name: str, lumps: Array, lump: int, parameters: DetectorParameters) -> None:
        self.name = name
        self.parameters = parameters
        self._x = lumps
        self._lump = lump
        self._x[rows.LOAD, lump] = parameters.load_w

    @property
    def temperature_k(self) -> float:
        """True temperature, K."""
        return float(self._x[rows.WALL, self._lump])

    @property
    def fluid_k(self) -> float:
        """True temperature of the fluid under it, K."""
        return float(self._x[rows.TEMPERATURE, self._lump])

    @property
    def power_w(self) -> float:
        """What it dissipates, W."""
        return float(self._x[rows.LOAD, self._lump])

    @power_w.setter
    def power_w(self, value: float) -> None:
        highest_w = self.parameters.highest_w
        self._x[rows.LOAD, self._lump] = commanded(f"{self.name} power", value, 0.0, highest_w, "W")
