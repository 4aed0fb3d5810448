"""Traces made from the textbook formulas, with a line, a leak and noise of known size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

NU0_HZ, LOADED_Q = 1.1e9, 35000.0
#: Full width of the resonance.
WIDTH_HZ = NU0_HZ / LOADED_Q


@dataclass(frozen=True)
class Line:
    """What stands between resonator and analyser.

    Attributes:
        gain: Amplitude through the line.
        phase: Phase at the resonance, rad.
        delay_s: Of its cables.
        bend: Phase of an amplifier at three widths from the resonance, rad.
        leak: Added to the S-parameter before the line, complex.
        opposite: The analyser counts phases the other way.
    """

    gain: float = 0.3
    phase: float = 0.7
    delay_s: float = 62e-9
    bend: float = 0.0
    leak: complex = 0.0
    opposite: bool = False

    def through(self, nu: FloatArray, s: ComplexArray) -> ComplexArray:
        """What the analyser shows of an S-parameter."""
        away = nu - NU0_HZ
        bend = self.bend * (away / (3 * WIDTH_HZ)) ** 2
        turn = np.exp(1j * (self.phase + bend - 2 * np.pi * self.delay_s * away))
        shown = self.gain * turn * (s + self.leak)
        return shown.conj() if self.opposite else shown


def frequencies(widths: float = 6.0, points: int = 201, offset_hz: float = 0.0) -> FloatArray:
    """A sweep over so many full widths about the resonance, shifted."""
    return NU0_HZ + offset_hz + 0.5 * widths * WIDTH_HZ * np.linspace(-1, 1, points)


def transmitted(nu: FloatArray, nu0_hz: float = NU0_HZ) -> ComplexArray:
    """S21 of a resonance, 1 at its top."""
    return np.asarray(1 / (1 + 2j * LOADED_Q * (nu - nu0_hz) / nu0_hz))


def reflected(nu: FloatArray, beta: float) -> ComplexArray:
    """S11 of a resonance."""
    return 2 * beta / (1 + beta) * transmitted(nu) - 1


def noise(random: np.random.Generator, points: int, sigma: float) -> ComplexArray:
    """Complex noise, sigma in each part."""
    parts = random.standard_normal((2, points))
    return sigma * (parts[0] + 1j * parts[1])
