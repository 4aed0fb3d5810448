"""The whole refrigerator: state, commands, time.

All that changes is in a handful of arrays; the compiled kernel advances them, and the objects an
operator talks to (supplies, cycle, heaters, thermometers) are views on them. Time moves in fixed
steps, so a result depends on the parameters, the seed and the commands, and on nothing else: not
on how the caller slices the time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amrr import kernel, limits, native, soundness, state_limits
from amrr.circuit import layout, rows, support, tables
from amrr.coils import magnet
from amrr.controls import cycle as sequencer
from amrr.controls import repetition, thermometry
from amrr.controls.detectors import DetectorStage
from amrr.controls.heaters import ChxHeater, Stage
from amrr.cryostat import bath, stage
from amrr.parameters import RefrigeratorParameters
from amrr.readings import Readings
from instruments.control import pid as controller
from instruments.errors import Unsound
from instruments.kept import check
from instruments.magnets import ramp
from instruments.magnets.supply import SimulatedSupply, SupplyParameters
from instruments.ranges import commanded

Array = NDArray[np.float64]

#: A winding below this has recovered from a quench (NbTi at 1.5 T shares current above 7 K).
COIL_COLD_K = 4.5


def _warm(coil: Any) -> bool:
    return bool(coil.normal or coil.temperature_k > COIL_COLD_K)


class SimulatedRefrigerator(Readings):
    """The machine of the paper.

    Args:
        parameters: All its numbers; the defaults reproduce the paper.
        seed: For the noise of the thermometers.

    Raises:
        ValueError: A parameter is outside what the models can describe.
    """

    def __init__(self, parameters: RefrigeratorParameters | None = None, *, seed: int = 0) -> None:
        self.parameters = p = parameters or RefrigeratorParameters()
        limits.check(p)
        self.seed = seed
        self._quiet = False
        self._nodes, self._node_c, self._coil_of = layout.lumps(p)
        self.places = layout.places(p)
        self._constants = layout.constants(p, self._node_c)
        self._pump_c = layout.pump_constants(p)
        self._garnet = tables.garnet_tables(
            (p.refrigerant, p.pump.refrigerant), p.molecular_field_scale
        )
        self._fluid = tables.fluid_table(p.excitations_scale)
        self._stage_tables = stage.Tables(p)
        self._log_r = thermometry.curve()
        self._m = np.zeros(kernel.STATE_SIZE)
        self._ledger = np.zeros(rows.LEDGER_SIZE)
        self._pids = np.zeros((2, controller.STATE_SIZE))
        self._meters = np.zeros((thermometry.STATE_ROWS, thermometry.COUNT))
        self._repeat = np.zeros((repetition.ROWS, repetition.PHASES))
        self._repeating = np.zeros(repetition.SLOTS)
        self._dwell = np.array([p.thermometry.dwell_s])
        self._cycle_x = np.zeros(sequencer.STATE_SIZE)
        self._noise_block = -1
        self._noise = np.zeros((thermometry.NOISE_BLOCK, thermometry.COUNT))
        self._owed_s = np.zeros(1)
        self._bath_x = np.zeros(bath.STATE_SIZE)
        self.bath = bath.Bath(self._bath_x, p.stage)
        self._build_magnets()
        self.cycle = sequencer.CycleSequencer(
            p.cycle, self._cycle_x, self.supplies, self._supply_x, p.dt_s
        )
        self.chx_heater = ChxHeater(self._m, self._pids[0], self._repeat, self._repeating, p)
        self.stage = Stage(self._m, self._pids[1], p)
        self._mounts = thermometry.mounts(self.places)
        present = np.flatnonzero(self._mounts != thermometry.ABSENT)
        scanned = present.size - thermometry.CONTINUOUS
        self.thermometers = {
            name: thermometry.Thermometer(name, self._meters, self._m, self._dwell, scanned)
            for name in (thermometry.NAMES[k] for k in present)
        }
        self.detectors = {
            name: DetectorStage(name, self._nodes, self.places.detectors[name], stage)
            for name, stage in p.detectors.items()
        }
        exchanger = self.places.cold_exchanger
        self._plate = np.array([exchanger.start, exchanger.stop], dtype=np.int64)
        self._machine = self._assembled()
        self._start()

    def _assembled(self) -> kernel.Machine:
        return kernel.Machine(
            m=self._m, c=self._constants, nodes=self._nodes, node_c=self._node_c,
            coil_of=self._coil_of, pump_c=self._pump_c, garnet=self._garnet, fluid=self._fluid,
            supplies=self._supply_x, supply_p=self._supply_p, coils=self._coil_x,
            coil_p=self._coil_p, cycle=self._cycle_x, ledger=self._ledger, pids=self._pids,
            meters=self._meters, mounts=self._mounts, log_r=self._log_r, dwell=self._dwell,
            repeat=self._repeat, repeating=self._repeating, plate=self._plate,
            mixing=np.full((2, self._nodes.shape[1]), np.nan), currents=np.zeros(4),
            per_ampere=np.zeros(4), work=np.zeros((kernel.WORK_ROWS, self._nodes.shape[1])),
        )  # fmt: skip

    def _build_magnets(self) -> None:
        p = self.parameters
        self._supply_x = np.zeros((4, ramp.STATE_SIZE))
        self._coil_x = np.zeros((4, magnet.STATE_SIZE))
        self._coil_x[:, magnet.TEMPERATURE] = p.stage.setpoint_k
        self._coil_x[:, magnet.DIODE_TEMPERATURE] = p.stage.setpoint_k
        self._coil_x[:, magnet.HOT_SPOT] = p.stage.setpoint_k
        self.magnets: dict[str, magnet.SuperconductingMagnet] = {}
        self.supplies: dict[str, SimulatedSupply] = {}
        for k, name in enumerate(sequencer.SUPPLY_NAMES):
            design = p.pump_magnet if name.startswith("Pump") else p.regenerator_magnet
            coil = magnet.SuperconductingMagnet(design, self._coil_x[k])
            settings = SupplyParameters(name=name, max_ramp_rate_a_per_s=0.28)
            self.magnets[name] = coil
            self.supplies[name] = SimulatedSupply(settings, coil, self._supply_x[k])
        self._supply_p = np.array([s.parameters.array() for s in self.supplies.values()])
        self._coil_p = np.array([m.constants for m in self.magnets.values()])

    def _start(self) -> None:
        p = self.parameters
        self._m[kernel.STAGE] = p.stage.setpoint_k
        self._m[kernel.STAGE_SETPOINT] = p.stage.setpoint_k
        self._m[kernel.STAGE_CLOSED] = 1.0
        self._m[kernel.SCAN_CHANNEL] = thermometry.CONTINUOUS
        self._settle(self._nodes)
        for k in range(thermometry.COUNT):
            place = self._mounts[k]
            if place == thermometry.ABSENT:
                place = thermometry.ON_STAGE  # any temperature: nobody reads it
            self._meters[thermometry.READING, k] = kernel.true_temperature(
                self._m, self._nodes, place
            )

    # -- time ----------------------------------------------------------------------------------

    @property
    def dt_s(self) -> float:
        """The fixed step, s."""
        return self.parameters.dt_s

    @property
    def time_s(self) -> float:
        """Simulated time, s."""
        return float(self._m[kernel.TIME])

    def step(self, duration_s: float) -> None:
        """Advance by ``duration_s`` in whole fixed steps; the rest is owed to the next call.

        Raises:
            Refused: Negative or not finite.
        """
        # Called ten times a simulated second: what is plainly right costs one look.
        if not (type(duration_s) is float and 0.0 <= duration_s < math.inf):
            duration_s = commanded("refrigerator: step", duration_s, 0.0, math.inf, "s")
        owed = float(self._owed_s[0]) + duration_s
        steps = math.floor(owed / self.dt_s + 1e-6)
        self._owed_s[0] = owed - steps * self.dt_s
        self.advance(steps)

    def advance(self, steps: int) -> None:
        """Advance by a whole number of fixed steps.

        Raises:
            Unsound: A number of the machine is none; it stays at that step, whose words say where.
        """
        while steps > 0:
            done = int(self._m[kernel.STEPS])
            block, row = divmod(done, thermometry.NOISE_BLOCK)
            if block != self._noise_block:
                relative = 0.0 if self._quiet else self.parameters.thermometry.relative_noise
                self._noise = thermometry.noise_block(self.seed, block, relative)
                self._noise_block = block
            # A block of noise is a whole number of the bath's periods.
            now = min(steps, bath.PERIOD_STEPS - row % bath.PERIOD_STEPS)
            table = self._stage_tables.at(self.bath.filled)
            native.advance(now, self._machine, self._noise, table)
            if self._m[kernel.UNSOUND] > 0.0:
                raise Unsound(self._trouble())
            if (done + now) % bath.PERIOD_STEPS == 0:
                self.bath.advance(float(self._m[kernel.STAGE]), bath.PERIOD_STEPS * self.dt_s)
            steps -= now

    def _trouble(self) -> str:
        found = self._values()
        found["machine"][kernel.UNSOUND] = 0.0
        where = soundness.unsound(
            found, state_limits.allowed(self), state_limits.LUMP_ROWS, self.places
        )
        return f"refrigerator: {where} at {self.time_s:.1f} s"

    def set_quiet(self, quiet: bool) -> None:
        """Switch the noise of the thermometers off or on (for searches; not part of the state)."""
        self._quiet = quiet
        self._noise_block = -1

    @property
    def busy(self) -> bool:
        """True while something is under way.

        The cycle runs or ramps down, a supply ramps, a coil recovers from a quench, or helium is
        transferred.
        """
        active = self.cycle.state in (
            sequencer.CycleState.RUNNING,
            sequencer.CycleState.RAMPING_DOWN,
        )
        ramping = any(s.ramping for s in self.supplies.values())
        recovering = any(s.quenched and _warm(s.coil) for s in self.supplies.values())
        return active or ramping or recovering or self.bath.filling

    # -- scanner and warnings ------------------------------------------------------------------

    @property
    def scanner_dwell_s(self) -> float:
        """Time the scanner spends on each thermometer, s (1 to 200)."""
        return float(self._dwell[0])

    @scanner_dwell_s.setter
    def scanner_dwell_s(self, value: float) -> None:
        self._dwell[0] = commanded("refrigerator: scanner dwell", value, *limits.DWELL_S, "s")

    @property
    def scanner_on(self) -> bool:
        """False: the scanner stands still and its thermometers go stale."""
        return bool(self._m[kernel.SCANNER_OFF] == 0.0)

    @scanner_on.setter
    def scanner_on(self, value: bool) -> None:
        self._m[kernel.SCANNER_OFF] = 0.0 if value else 1.0

    @property
    def warnings(self) -> tuple[str, ...]:
        """Where the machine is outside what its models have support for; empty when inside."""
        stage_k = float(self._m[kernel.STAGE])
        found = support.warnings(self._nodes, self.parameters, self.places, self._pump_c, stage_k)
        coils = dict(zip(sequencer.SUPPLY_NAMES, self._coil_x, strict=True))
        return found + support.coil_warnings(coils)

    # -- state ---------------------------------------------------------------------------------

    def _arrays(self) -> dict[str, Array]:
        return {
            "nodes": self._nodes,
            "machine": self._m,
            "supplies": self._supply_x,
            "coils": self._coil_x,
            "cycle": self._cycle_x,
            "ledger": self._ledger,
            "pids": self._pids,
            "repeat": self._repeat,
            "repeating": self._repeating,
            "thermometers": self._meters,
            "dwell": self._dwell,
            "owed": self._owed_s,
            "bath": self._bath_x,
        }

    def state(self) -> dict[str, Any]:
        """The whole state as plain values and arrays, and the digest of its parameters.

        Raises:
            Unsound: A number of it is none: nobody could go on from it.
        """
        if self._m[kernel.UNSOUND] > 0.0:
            raise Unsound(self._trouble())
        return self._values()

    def _values(self) -> dict[str, Any]:
        saved: dict[str, Any] = {k: v.copy() for k, v in self._arrays().items()}
        return saved | {"seed": self.seed, "parameters": self.parameters.digest()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Put back what ``state`` returned; a state of before there was a bath has a full one.

        One of before the phases of the cycle were fed forward has learnt nothing.

        Control loops saved before their derivative was filtered are taken, too, and states of
        before a thermometer was added: it begins as it is.

        Raises:
            Refused: It belongs to other parameters, or a value is missing or cannot be; the message
                names it. Nothing is taken over.
        """
        fresh = {"bath": self.bath.full(), "repeat": np.zeros_like(self._repeat)}
        saved = {**fresh, "repeating": self.chx_heater.at_rest(), **saved}
        if getattr(saved.get("pids"), "dtype", None) == np.float64:
            saved["pids"] = controller.adopted(saved["pids"])
        if "thermometers" in saved:
            saved["thermometers"] = thermometry.adopted(saved["thermometers"], self._meters)
        self.check_state(saved)
        for name, array in self._arrays().items():
            array[...] = saved[name]
        self.seed = int(saved["seed"])
        self._noise_block = -1

    def check_state(self, saved: dict[str, Any]) -> None:
        """Raise ``Refused`` for what is no state in the present layout; nothing is taken over."""
        check(state_limits.allowed(self), saved, "")

    def contradiction(self) -> str:
        """What of the state does not follow from the rest, in words; "" while all does.

        Energies and entropies follow from temperature, 3He and field of a lump, the field from the
        current of its coil, the time from the steps.
        """
        if not math.isclose(self.time_s, self._m[kernel.STEPS] * self.dt_s, rel_tol=_ROUNDING):
            return f"machine.time = {self.time_s:g} s is not that of its steps"
        settled = self._nodes.copy()
        current_a = self._coil_x[self._coil_of, magnet.CURRENT]
        field_t = np.abs(self._node_c[rows.FIELD_PER_A] * current_a)
        garnet = self._node_c[rows.SPINS] > 0.0
        settled[rows.FIELD, garnet] = field_t[garnet]
        self._settle(settled)
        off = ~np.isclose(self._nodes, settled, rtol=_ROUNDING, atol=_ROUNDING)
        for row, lump in np.argwhere(off)[:1]:
            found, follows = self._nodes[row, lump], settled[row, lump]
            what = state_limits.LUMP_ROWS[row]
            return f"nodes[{lump}].{what} = {found:g} does not follow from the rest: {follows:g}"
        return ""

    def thermal_state(self) -> Array:
        """Slow part of the state as one vector, shape (3 M + 6,) for M lumps.

        Temperatures of the lumps and of their partners (K), 3He densities (mol/m3), temperatures of
        the four coils and of the stage (K), integral of the stage's control loop.
        """
        return np.concatenate(
            (
                self._nodes[rows.TEMPERATURE],
                self._nodes[rows.WALL],
                self._nodes[rows.C3],
                self._coil_x[:, magnet.TEMPERATURE],
                self._m[[kernel.STAGE]],
                self._pids[1, [controller.INTEGRAL]],
            )
        )

    def set_thermal_state(self, vector: Array) -> None:
        """Put back a vector of ``thermal_state``; magnets and cycle stay where they are."""
        count = self._nodes.shape[1]
        lumps, rest = vector[: 3 * count].reshape(3, count), vector[3 * count :]
        self._nodes[[rows.TEMPERATURE, rows.WALL, rows.C3]] = lumps
        self._coil_x[:, magnet.TEMPERATURE] = rest[:4]
        self._m[kernel.STAGE] = rest[4]
        self._pids[1, controller.INTEGRAL] = rest[5]
        self._settle(self._nodes)

    def _settle(self, nodes: Array) -> None:
        """Work out what follows from temperature, 3He and field of the lumps, in place."""
        native.settle(nodes, self._node_c, self._garnet, self._fluid)

    @property
    def lump_constants(self) -> Array:
        """Constants of all lumps, rows as in ``amrr.circuit.loop`` (a view; not to be changed)."""
        return self._node_c

    @property
    def lump_magnets(self) -> NDArray[np.int64]:
        """Which magnet each lump sits in, in the order of the supplies."""
        return self._coil_of

    @property
    def tables(self) -> tuple[Array, Array]:
        """The spline tables of the refrigerants and of the fluid."""
        return self._garnet, self._fluid


#: Relative; another processor may round otherwise.
_ROUNDING = 1e-6
