"""What a refrigerator's arrays say in physical terms: true temperatures, flow, 3He, by place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amrr import kernel
from amrr.circuit import layout, rows, support
from amrr.controls import thermometry
from amrr.fluid import helium
from amrr.parameters import RefrigeratorParameters
from instruments.errors import Refused

Array = NDArray[np.float64]


class Readings:
    """The readable side of ``amrr.refrigerator.SimulatedRefrigerator``, over its arrays.

    Attributes:
        parameters: Of the machine.
        places: Where its parts are among the lumps.
    """

    parameters: RefrigeratorParameters
    places: layout.Places
    _nodes: Array
    _node_c: Array
    _m: Array
    _mounts: NDArray[np.int64]

    @property
    def chx_temperature_k(self) -> float:
        """True temperature of the cold heat exchanger's plate, where its thermometer is, K."""
        return float(self._nodes[rows.WALL, self._mounts[thermometry.NAMES.index("CHX")]])

    def pump_bed_temperature_k(self, side: str) -> float:
        """True temperature of pump bed "A" or "B", K."""
        return float(self._nodes[rows.TEMPERATURE, self._bed(side)])

    def hhx_temperature_k(self, side: str) -> float:
        """True temperature of hot heat exchanger "A" or "B", K."""
        return float(self._nodes[rows.TEMPERATURE, self.places.hot_exchanger[_side(side)]][0])

    def regenerator_temperatures_k(self, side: str) -> Array:
        """True temperatures along regenerator "A" or "B", hot end first, shape (N,), K."""
        return self._nodes[rows.TEMPERATURE, self._bed_lumps(side)]

    @property
    def regenerator_positions_m(self) -> Array:
        """Positions of the lumps from the hot end, shape (N,), m."""
        r = self.parameters.regenerator
        return (np.arange(r.nodes) + 0.5) * r.length_m / r.nodes

    @property
    def cold_path(self) -> slice:
        """Lumps between the regenerators: line B, cold exchanger, line A."""
        lines = self.places.cold_line
        return slice(lines["B"].start, lines["A"].stop)

    @property
    def cold_path_positions_m(self) -> Array:
        """Positions of these lumps from regenerator B's end cap along the tube, m."""
        p = self.parameters
        line = np.full(p.cold_line.nodes, p.cold_line.length_m / p.cold_line.nodes)
        tube = np.full(
            p.exchangers.cold_nodes, p.exchangers.cold_tube_length_m / p.exchangers.cold_nodes
        )
        lengths = np.concatenate((line, tube, line))
        return np.cumsum(lengths) - 0.5 * lengths

    @property
    def cold_path_temperatures_k(self) -> Array:
        """True temperatures of the fluid in these lumps, K."""
        return self._nodes[rows.TEMPERATURE, self.cold_path].copy()

    @property
    def cold_path_loads_w(self) -> Array:
        """The load map Q(z): what is put into each of these lumps from outside, W."""
        return self._nodes[rows.LOAD, self.cold_path].copy()

    @property
    def flow_rate_m3_per_s(self) -> float:
        """Bulk flow, positive from pump bed A through regenerators B and A to pump bed B, m3/s."""
        return float(self._m[kernel.FLOW])

    @property
    def molar_flow_mol_per_s(self) -> float:
        """The same in mol of mixture per second, at the composition of the expelling bed."""
        x = self.concentration("A" if self.flow_rate_m3_per_s >= 0.0 else "B")
        return self.flow_rate_m3_per_s / float(helium.molar_volume(x))

    def concentration(self, side: str) -> float:
        """3He mole fraction in pump bed "A" or "B"."""
        return float(helium.concentration(self._nodes[rows.C3, self._bed(side)]))

    @property
    def highest_concentration(self) -> float:
        """Largest 3He mole fraction anywhere in the loop."""
        return float(helium.concentration(self._nodes[rows.C3].max()))

    @property
    def phase_separated(self) -> bool:
        """True when the fluid is at or beyond the phase separation line anywhere in the loop."""
        return support.separated(self._nodes)

    @property
    def helium3_mol(self) -> float:
        """3He in the whole loop, mol."""
        return float((self._nodes[rows.C3] * self._node_c[rows.VOLUME]).sum())

    # -- places in the chain -------------------------------------------------------------------

    def _bed(self, side: str) -> int:
        return self.places.pump[_side(side)]

    def _bed_lumps(self, side: str) -> NDArray[np.int64]:
        """Lumps of a regenerator, hot end first."""
        bed = self.places.bed[_side(side)]
        lumps = np.arange(bed.start, bed.stop)
        return lumps if side == "B" else lumps[::-1]


def _side(side: str) -> str:
    if side not in layout.SIDES:
        raise Refused(f"refrigerator: side {side!r} is not 'A' or 'B'")
    return side
