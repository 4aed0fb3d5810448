"""The whole haloscope: cavity, drives, magnet, refrigerator, JPA, receiver, instruments.

Seeded and deterministic, no wall clock, no network. Every part is an exact function of simulated
time between commands, so a result does not depend on how ``step`` is sliced; the magnet alone
advances on a grid of whole seconds. At the start: magnet at full field, refrigerator cold, noise
source at 25 mK, rod at the reference frequency (1.1 GHz), antenna at beta near 2, switch on the
cavity, JPA's pump off, local oscillator centred on the reference frequency.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope import mode_map
from haloscope.apparatus.cavity import Cavity, CavityState
from haloscope.apparatus.cryostat import Cryostat, HeatedSource
from haloscope.apparatus.digitizer import SimulatedDigitizer
from haloscope.apparatus.high_resolution import SimulatedStream
from haloscope.apparatus.local_oscillator import SimulatedOscillator
from haloscope.apparatus.motion import DriveParameters, PiezoDrive, adopted
from haloscope.apparatus.network_analyzer import Path, SimulatedAnalyzer
from haloscope.apparatus.paramp import Paramp
from haloscope.apparatus.receiver import Conditions, Receiver, SwitchPosition
from haloscope.apparatus.spectrum import mean_spectrum_w
from haloscope.apparatus.timeline import LATEST_NS, NS_PER_S, Timeline, to_ns
from haloscope.apparatus.unknowns import Unknowns
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.kept import Group, Number, Slots, Spec, check
from instruments.magnets.coil import COIL_STATE, SimpleCoil
from instruments.magnets.ramp import OUTPUT, STATE, TARGET
from instruments.magnets.supply import (
    SimulatedSupply,
    SupplyParameters,
    SupplyState,
    state_slots,
)
from instruments.ranges import within

__all__ = ["Path", "SimulatedHaloscope", "SimulatedOscillator", "Switch", "SwitchPosition"]

_MAGNET_GRID_NS: Final[int] = NS_PER_S
_NEVER_NS: Final[int] = 2**63
_TIME: Final = Number(0, LATEST_NS, "ns", whole=True)


class Switch:
    """Microwave switch in front of the JPA; OPEN floats between its ports."""

    def __init__(self) -> None:
        self._position = SwitchPosition.CAVITY

    @property
    def position(self) -> SwitchPosition:
        """What is connected."""
        return self._position

    @position.setter
    def position(self, value: SwitchPosition | int) -> None:
        try:
            self._position = SwitchPosition(value)
        except ValueError as error:
            raise Refused(f"switch: position {value!r} is none of 0, 1, 2") from error


class SimulatedHaloscope:
    """The machine.

    Args:
        parameters: The haloscope; the letter's by default.
        seed: Decides all scatter, drifts, phases and noise.
        lines: Axions in the field.
        noise_seed: Of the digitizer's noise, where ``seed`` is not to decide that too.

    Attributes:
        rod: Tuning rod's drive, deg.
        antenna: Strong antenna's drive, insertion in mm.
        magnet: Supply of the solenoid.
        fridge: Stage temperatures.
        noise_source: Heated load.
        switch: Microwave switch.
        jpa: Parametric amplifier.
        vna: Network analyzer.
        local_oscillator: Of the down-conversion.
        digitizer: Spectra.
        high_resolution: Time streams of a narrow band of the digitizer's.
        receiver: The chain behind the JPA (truth; no instrument).
        unknowns: How the machine differs from what is stated of it (truth).
        lines: Axions in the field (truth).
    """

    def __init__(
        self,
        parameters: HaloscopeParameters | None = None,
        *,
        seed: int = 0,
        lines: Sequence[AxionLine] = (),
        noise_seed: int | None = None,
    ) -> None:
        self.parameters = parameters or HaloscopeParameters.capp12tb()
        self.seed, self.lines = seed, tuple(lines)
        p, clock = self.parameters, Timeline()
        self._timeline, self.unknowns = clock, Unknowns.drawn(p, seed)
        self._map = mode_map.load(p)
        self._cavity = Cavity(p, self._map, seed)
        self.noise_source = HeatedSource(p, clock, self._update_loads)
        self.fridge = Cryostat(p, clock, self.noise_source, seed)
        self.magnet, self._coil = _magnet(p)
        start_deg = float(self._map.angle_deg(p.cavity.reference_hz))
        self.rod = PiezoDrive(_rod(p), clock, seed, start_deg, self._update_loads)
        antenna_mm = p.antenna.reference_position_mm
        self.antenna = PiezoDrive(_antenna(p), clock, seed, antenna_mm, self._update_loads)
        self.switch, self.local_oscillator = Switch(), SimulatedOscillator(p)
        self.jpa, self.receiver = Paramp(p, clock, seed), Receiver(p, seed)
        self.vna = SimulatedAnalyzer(p, clock, self.receiver, self.conditions, seed)
        self._scratch = np.empty(p.digitizer.bins)
        of_noise = seed if noise_seed is None else noise_seed
        self.digitizer = SimulatedDigitizer(
            p, clock, self._centre_hz, self._scratch_mean_w, of_noise
        )
        self.high_resolution = SimulatedStream(
            p, clock, self._centre_hz, self.receiver, self.conditions, self.lines, of_noise
        )
        self.local_oscillator.digitizers = (self.digitizer, self.high_resolution)

    # time

    @property
    def time_s(self) -> float:
        """Simulated time in s."""
        return self._timeline.now_s

    @property
    def busy(self) -> bool:
        """True while anything moves, ramps, settles or acquires."""
        return (
            self.rod.moving
            or self.antenna.moving
            or self.vna.busy
            or self.digitizing
            or not self.noise_source.settled
            or self._magnet_active
        )

    @property
    def digitizing(self) -> bool:
        """True while the digitizer takes a spectrum or a stream."""
        return self.digitizer.busy or self.high_resolution.busy

    @property
    def dt_s(self) -> float:
        """Step that shows everything that happens now; any other gives the same results."""
        step_s = 1.0
        if self.digitizing:
            warming = self.fridge.warming or not self.noise_source.settled
            patient = not (warming or self._magnet_active)
            taking = self.digitizer if self.digitizer.busy else self.high_resolution
            step_s = min(50.0 if patient else 1.0, taking.time_remaining_s)
        if self.vna.busy:
            step_s = min(step_s, 0.5, self.vna.time_remaining_s)
        for drive in (self.rod, self.antenna):
            if drive.moving:
                left_s = (drive.done_ns - self._timeline.now_ns) / NS_PER_S
                step_s = min(step_s, 0.05, left_s)
        return step_s

    def step(self, dt_s: float) -> None:
        """Advance simulated time by ``dt_s`` seconds (rounded to nanoseconds).

        Raises:
            ValueError: Not a finite number, or negative.
        """
        end_ns = self._timeline.now_ns + to_ns(within("haloscope: step", dt_s, 0.0, math.inf, "s"))
        while (event_ns := self._next_event_ns()) <= end_ns:
            self._timeline.now_ns = event_ns
            self._handle(event_ns)
        self._timeline.now_ns = end_ns

    # the apparatus now

    def conditions(self) -> Conditions:
        """Everything a trace or a spectrum depends on, now (truth; plans never see it)."""
        now_ns, now_s = self._timeline.now_ns, self.time_s
        p, unknowns = self.parameters.magnet, self.unknowns
        in_situ = self.switch.position is SwitchPosition.CAVITY
        return Conditions(
            time_s=now_s,
            switch=self.switch.position,
            cavity=self.cavity_state(),
            paramp=self.jpa.at(now_s, in_situ=in_situ),
            barrel_k=self.fridge.mixing_chamber_k(now_ns),
            rod_k=self.fridge.rod_k(now_ns),
            noise_source_k=self.noise_source.temperature_k,
            field_t=self.magnet.field_t * p.average_field_t / p.full_field_t * unknowns.field,
        )

    def cavity_state(self) -> CavityState:
        """The cavity now (truth)."""
        now_ns = self._timeline.now_ns
        return self._cavity.at(self.rod.load(now_ns), self.antenna.load(now_ns), self.time_s)

    def quench(self) -> None:
        """Make the magnet quench (a fault)."""
        self._coil.quench()

    # saving

    def state(self) -> dict[str, Any]:
        """The whole state as plain values and arrays; ``restore`` takes it back bit for bit."""
        parts = {name: part.state() for name, part in self._parts()}
        own = {
            "time_ns": self._timeline.now_ns,
            "switch": int(self.switch.position),
            "local_oscillator_hz": self.local_oscillator.frequency_hz,
            "magnet": self.magnet.saved()["supply"],
            "coil": self._coil.state(),
        }
        return {**own, **parts}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that a machine of the same parameters, seed and lines saved.

        Raises:
            Refused: It is no such state; the message names the first value that cannot be. Nothing
                is taken over.
        """
        state = {k: adopted(v) if k in ("rod", "antenna") else v for k, v in state.items()}
        state = self.high_resolution.adopted(state)
        self.check_state(state)
        self._timeline.now_ns = int(state["time_ns"])
        # In place: callers keep references to its parts.
        for name, part in self._parts():
            part.restore(state[name])
        self.switch.position = SwitchPosition(state["switch"])
        self.local_oscillator.restore(state["local_oscillator_hz"])
        self.magnet.restore({"supply": state["magnet"]})
        self._coil.restore(state["coil"])

    def check_state(self, state: dict[str, Any]) -> None:
        """Raise ``Refused`` for what is no state in the present layout; nothing is taken over."""
        check(Group({"time_ns": _TIME}), {"time_ns": state.get("time_ns")}, "")
        check(self._allowed(state["time_ns"]), state, "")

    def contradiction(self) -> str:
        """What contradicts itself in the state: nothing, ``restore`` refuses all that could."""
        return ""

    def _allowed(self, now_ns: int) -> Spec:
        low_hz, high_hz = self.local_oscillator.limits_hz
        own: dict[str, Spec] = {
            "time_ns": _TIME,
            "switch": Number(0, len(SwitchPosition) - 1, whole=True),
            "local_oscillator_hz": Number(low_hz, high_hz, "Hz"),
            "magnet": Slots(state_slots(self.magnet.parameters)),
            "coil": COIL_STATE,
        }
        parts = {name: part.allowed(now_ns) for name, part in self._parts()}
        return Group({**own, **parts})

    def _parts(self) -> Iterator[tuple[str, Any]]:
        yield from (
            ("rod", self.rod),
            ("antenna", self.antenna),
            ("noise_source", self.noise_source),
            ("fridge", self.fridge),
            ("jpa", self.jpa),
            ("vna", self.vna),
            ("digitizer", self.digitizer),
            ("high_resolution", self.high_resolution),
        )

    # events

    def _next_event_ns(self) -> int:
        """When something happens next, ``_NEVER_NS`` if nothing is on its way."""
        now, found = self._timeline.now_ns, _NEVER_NS
        for drive in (self.rod, self.antenna):
            if now < drive.done_ns < found:
                found = drive.done_ns
        for instrument in (self.vna, self.digitizer, self.high_resolution):
            event = instrument.next_event_ns
            if event is not None and event < found:
                found = event
        if self._magnet_active:
            found = min(found, (now // _MAGNET_GRID_NS + 1) * _MAGNET_GRID_NS)
        return found

    def _handle(self, event_ns: int) -> None:
        if event_ns in (self.rod.done_ns, self.antenna.done_ns):
            self._update_loads()
        if self._magnet_active and event_ns % _MAGNET_GRID_NS == 0:
            self.magnet.step(_MAGNET_GRID_NS / NS_PER_S)
            self._update_loads()
        for instrument in (self.vna, self.digitizer, self.high_resolution):
            if instrument.next_event_ns == event_ns:
                instrument.handle_event()

    def _update_loads(self) -> None:
        """Tell the refrigerator what heats it from now on."""
        p = self.parameters
        rod_w = p.rod.moving_load_w * self.rod.velocity / p.rod.velocity_deg_per_s
        antenna_w = p.antenna.moving_load_w * self.antenna.velocity / p.antenna.velocity_mm_per_s
        self.fridge.load(
            rod_w if self.rod.moving else 0.0,
            antenna_w if self.antenna.moving else 0.0,
            p.cryostat.quench_load_w if self._coil.normal else 0.0,
        )

    @property
    def _magnet_active(self) -> bool:
        supply, coil = self.magnet, self._coil
        return (
            supply.ramping
            or coil.normal
            or abs(supply.supply_current_a - coil.current_a) > 1e-6
            or coil.temperature_k > coil.bath_temperature_k + 0.01
        )

    def _centre_hz(self) -> float:
        return self.local_oscillator.frequency_hz + self.parameters.receiver.intermediate_hz

    def mean_spectrum_w(self, centre_hz: float) -> NDArray[np.float64]:
        """Mean power per bin in W that a spectrum around ``centre_hz`` would have now (truth)."""
        return mean_spectrum_w(
            centre_hz, self.parameters, self.receiver, self.conditions(), self.lines
        )

    def _scratch_mean_w(self, centre_hz: float) -> NDArray[np.float64]:
        return mean_spectrum_w(
            centre_hz,
            self.parameters,
            self.receiver,
            self.conditions(),
            self.lines,
            out=self._scratch,
        )


def _magnet(parameters: HaloscopeParameters) -> tuple[SimulatedSupply, SimpleCoil]:
    """Supply and solenoid, holding full field."""
    p = parameters.magnet
    coil = SimpleCoil(
        inductance_h=p.inductance_h,
        field_per_ampere_t=p.full_field_t / p.full_current_a,
        forward_v=1.5 * p.voltage_limit_v,
        heat_capacity_j_per_k=1e5,
        current_a=p.full_current_a,
    )
    supply = SimulatedSupply(
        SupplyParameters(
            name="Magnet",
            current_limit_a=p.full_current_a,
            ramp_rate_a_per_s=p.ramp_rate_a_per_s,
            max_ramp_rate_a_per_s=1.6 * p.ramp_rate_a_per_s,
            voltage_limit_v=p.voltage_limit_v,
            lead_resistance_ohm=1e-3,
        ),
        coil,
    )
    supply.array[OUTPUT] = supply.array[TARGET] = p.full_current_a
    supply.array[STATE] = SupplyState.HOLDING
    return supply, coil


def _rod(parameters: HaloscopeParameters) -> DriveParameters:
    p = parameters.rod
    return DriveParameters(
        "rod", "deg", p.low_limit_deg, p.high_limit_deg, p.velocity_deg_per_s,
        p.highest_velocity_deg_per_s, p.step_scatter_deg, p.backlash_deg, p.settle_s,
        p.creep_fraction, p.creep_range_deg, p.creep_time_s,
    )  # fmt: skip


def _antenna(parameters: HaloscopeParameters) -> DriveParameters:
    p = parameters.antenna
    return DriveParameters(
        "antenna", "mm", p.low_limit_mm, p.high_limit_mm, p.velocity_mm_per_s,
        p.highest_velocity_mm_per_s, p.step_scatter_mm, p.backlash_mm, p.settle_s,
    )  # fmt: skip
