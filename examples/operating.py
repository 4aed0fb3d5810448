"""An operator for the examples: the haloscope in this process, and a RunEngine for the plans.

    with operator(seed=1) as hand:
        cavity = hand.run(tune_to(hand.haloscope, 1100.0))
        spectra = hand.scan([1100.0, 1100.01])

The operator measures by the plans alone, as at an IOC. `machine` is the simulation with its truth,
for comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.exchange.documents import DocumentReader
from haloscope.analysis.exchange.events import Event
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Spectra
from haloscope.apparatus.experiment import SimulatedHaloscope as Machine
from haloscope.axion import AxionLine
from haloscope.measuring.calibration import system_noise_k
from haloscope.measuring.gain import GainProfile
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.digitizing import digitize
from plans.haloscope.measure import passive, sweep
from plans.haloscope.scan import scan as scanning
from plans.haloscope.scan import step
from plans.haloscope.setting_up import ScanState
from plans.haloscope.tuning import NotTunedError, set_jpa
from plans.shared.common import in_run

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """One averaged spectrum: bin centres in Hz and powers in W per bin, (bins,) each."""

    frequency_hz: FloatArray
    power_w: FloatArray
    averages: int
    bin_width_hz: float

    def band(self, centre_hz: float, half_width_hz: float) -> float:
        """Mean power per bin around a frequency, W, narrow lines left out."""
        power = self.power_w[np.abs(self.frequency_hz - centre_hz) <= half_width_hz]
        middle = float(np.median(power))
        return float(power[np.abs(power - middle) < 6 * middle / np.sqrt(self.averages)].mean())


@dataclass
class Operator:
    """Runs plans on a haloscope and reads what they recorded.

    Attributes:
        haloscope: The device.
        engine: Runs the plans.
        events: Events of scans so far, around their targets.
    """

    haloscope: Any
    engine: RunEngine
    events: list[Event] = field(default_factory=list)
    _reader: DocumentReader = field(default_factory=lambda: DocumentReader(Options()))

    @property
    def machine(self) -> Machine:
        """The simulation, with its truth."""
        machine: Machine = self.haloscope.bench.machine
        return machine

    def run(self, plan: MsgGenerator[Any]) -> Any:
        """Run a plan and return what it returns."""
        return self.engine(plan).plan_result

    def sweep(self, settings: Any, centre_mhz: float) -> tuple[FloatArray, NDArray[np.complex128]]:
        """One trace with the pump off: frequencies in Hz and the S-parameter."""
        off = passive(self.haloscope)
        trace = self.run(sweep(self.haloscope, settings, centre_mhz, off))
        return trace.frequency_hz, trace.s

    def digitize(self, centre_mhz: float, averages: int) -> Spectrum:
        """One whole spectrum, with everything as it stands."""
        daq = self.haloscope.daq
        plan = digitize(self.haloscope, centre_mhz, averages, "primary")
        reading = self.run(in_run(plan, {"plan_name": "digitize"}))
        power_w = np.asarray(reading[daq.spectrum.name]["value"])
        step_hz = float(reading[daq.frequency_step.name]["value"])
        start_hz = 1e6 * float(reading[daq.frequency_start.name]["value"])
        frequency_hz = start_hz + step_hz * np.arange(power_w.size, dtype=np.float64)
        return Spectrum(frequency_hz, power_w, averages, step_hz)

    def scan(
        self,
        targets_mhz: Sequence[float],
        *,
        averages: int = 5000,
        calibration: Mapping[str, float] | None = None,
        tolerances: Mapping[str, float] | None = None,
    ) -> Spectra:
        """Scan targets and return their spectra, without those that cannot be tuned."""
        before = len(self.events)
        plan = scanning(
            self.haloscope, targets_mhz, averages=averages, calibration=calibration,
            tolerances=tolerances, per_step=_if_tuned,
        )  # fmt: skip
        self.engine(plan, self._read)
        return self.spectra(before)

    def spectra(self, first: int = 0) -> Spectra:
        """Spectra of all scans so far, from the event numbered ``first`` on."""
        return self._reader.stack(self.events[first:])

    def system_noise(
        self, target_mhz: float, chain: Mapping[str, float], averages: int = 5000
    ) -> tuple[FloatArray, FloatArray, GainProfile]:
        """Noise in situ by the gain: offsets from the target in Hz, T_n in K, and the JPA's gain.

        Medians of blocks of 1 kHz; ``chain`` is what `plans.haloscope.calibration.y_factor` gave.
        """
        profile: GainProfile = self.run(set_jpa(self.haloscope, target_mhz))
        seen = self.digitize(target_mhz, averages)
        gain_db = chain["receiver_gain_db"] + 10 * np.log10(profile.gain(seen.frequency_hz))
        noise = system_noise_k(seen.power_w, gain_db, bin_width_hz=seen.bin_width_hz)
        usable = noise.size // 100 * 100
        offsets = seen.frequency_hz[:usable].reshape(-1, 100).mean(axis=1) - 1e6 * target_mhz
        return offsets, np.median(noise[:usable].reshape(-1, 100), axis=1), profile

    def _read(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document of a scan."""
        self.events += self._reader.read(name, document)


@contextmanager
def operator(
    seed: int = 0,
    *,
    lines: Sequence[AxionLine] = (),
    parameters: HaloscopeParameters | None = None,
) -> Iterator[Operator]:
    """A haloscope in this process and its operator.

    Args:
        seed: Of the machine.
        lines: Axions in its field.
        parameters: Of the machine.
    """
    haloscope = Haloscope(name="haloscope", seed=seed, lines=lines, parameters=parameters)
    engine = make_run_engine()
    try:
        yield Operator(haloscope, engine)
    finally:
        close_run_engine(engine)
        haloscope.bench.close()


def _if_tuned(
    haloscope: Any, target_mhz: float, averages: int, state: ScanState
) -> MsgGenerator[None]:
    """A step of a scan, left out if a tolerance is not reached."""
    try:
        yield from step(haloscope, target_mhz, averages, state)
    except NotTunedError as error:
        print(f"  {target_mhz:.6f} MHz: {error}; left out")
