"""How long a scan takes: integration, what each step needs besides, calibrations.

From what the instruments take by their settings, not from experience: a sweep lasts its points over
its bandwidth and a fifth more (``network analyzer``), a move its distance over the drive's speed, a
heater's approach its time constant times the logarithm of how near. What a session adds (round
trips to an IOC, an operator) it does not know; ``Times.besides_s`` takes it where it was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from haloscope.measuring.sweeps import Sweep, Sweeps
from haloscope.planning.rounds import FOR_THE_AMPLIFIER

__all__ = ["Times", "sweep_s"]

#: A fifth more than points over bandwidth, for settling: of the network analyzer.
_SETTLING = 1.2


def sweep_s(sweep: Sweep) -> float:
    """How long a sweep of the analyzer takes, s."""
    return _SETTLING * sweep.points * sweep.averages / sweep.bandwidth_hz


@dataclass(frozen=True, kw_only=True)
class Times:
    """What takes time beside the integration.

    Attributes:
        efficiency: Share of the time that the digitizer records.
        rod_hz_per_s: How fast the rod tunes the cavity.
        settle_s: After each move.
        far_hz: A move of more than this makes the piezo creep: it is waited for.
        besides_s: What a step needs beyond moves and sweeps, s.
        source_time_s: Time constant of the noise source.
        source_within_k: It is settled so near to its setpoint, K.
        source_k: Temperatures of the Y factor, K, ascending.
        calibration_averages: Spectra averaged at each; more for the amplifier.
        spacing_hz: Distance of calibrations along a band.
        every_s: Time between rounds of them.
        between_sweeps: Steps that one trace with the pump off serves.
    """

    efficiency: float
    rod_hz_per_s: float
    settle_s: float
    far_hz: float
    besides_s: float = 0.0
    source_time_s: float
    source_within_k: float
    source_k: tuple[float, ...]
    calibration_averages: int
    spacing_hz: float
    every_s: float
    between_sweeps: int = 100

    def integration_s(self, averages: float, bin_hz: float) -> float:
        """Of one spectrum, with what the digitizer loses."""
        return averages / bin_hz / self.efficiency

    def overhead_s(self, step_hz: float, sweeps: Sweeps) -> float:
        """Of one step: the move, a look at the cavity, its coupling, the amplifier's gain."""
        looks = sum(sweep_s(s) for s in (sweeps.transmission, sweeps.reflection, sweeps.gain))
        shared = sweep_s(sweeps.reference) / self.between_sweeps
        move_s = step_hz / self.rod_hz_per_s + self.settle_s
        return move_s + looks + shared + self.besides_s

    def first_step_s(self, away_hz: float, sweeps: Sweeps) -> float:
        """Of the first step besides: going there, finding the resonance, waiting for the creep."""
        creep_s = sweep_s(sweeps.watch) if away_hz > self.far_hz else 0.0
        looks_s = sweep_s(sweeps.search) + sweep_s(sweeps.reference)
        return away_hz / self.rod_hz_per_s + looks_s + creep_s

    def calibration_s(self, bin_hz: float, sweeps: Sweeps) -> float:
        """Of one calibration: Y factor, the amplifier's noise, the line's loss."""
        ways = zip(self.source_k, (*self.source_k[1:], self.source_k[0]), strict=True)
        heating_s = sum(self._settling_s(low, high) for low, high in ways)
        # The amplifier's noise takes two spectra, the pump on and off.
        spectra = (len(self.source_k) + 2 * FOR_THE_AMPLIFIER) * self.calibration_averages
        amplifier_s = 3 * (sweep_s(sweeps.gain) + sweep_s(sweeps.reference))
        looks_s = 2 * sweep_s(sweeps.reflection) + amplifier_s
        return heating_s + self.integration_s(spectra, bin_hz) + looks_s

    def _settling_s(self, from_k: float, to_k: float) -> float:
        distance = abs(to_k - from_k)
        return self.source_time_s * math.log(max(distance / self.source_within_k, 1.0))
