"""What is asked of a forecast: a band, and the coupling to reach or the averages of each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from haloscope.axion import coupling_dfsz, coupling_ksvz

__all__ = ["Request", "Target"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The coupling to be excluded: a number, or a multiple of a model's.

    Attributes:
        value: In 1/GeV, or times the model's.
        unit: "1/GeV", "KSVZ" or "DFSZ".

    Raises:
        ValueError: Another unit, or a value that is not above 0.
    """

    value: float
    unit: str = "1/GeV"

    def __post_init__(self) -> None:
        if self.unit not in ("1/GeV", "KSVZ", "DFSZ"):
            raise ValueError(f"target: unit {self.unit!r}: 1/GeV, KSVZ or DFSZ")
        if not (math.isfinite(self.value) and self.value > 0):
            raise ValueError(f"target: {self.value} {self.unit}, must be above 0")

    def at(self, frequency_hz: float) -> float:
        """The coupling at a frequency, 1/GeV."""
        models = {"KSVZ": coupling_ksvz, "DFSZ": coupling_dfsz}
        return self.value * (models[self.unit](frequency_hz) if self.unit in models else 1.0)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked.

    Attributes:
        low_hz: Lower end of the band, Hz.
        high_hz: Upper end.
        target: The coupling to reach; None where the averages are given.
        beta: Coupling of the antenna; None for the fastest.
        step_hz: Distance of targets; None for the fastest.
        averages: Of each step; None for what the target needs.
        skip_hz: Intervals that are left out, such as a mode crossing.
        beyond: Scan beyond the band's ends, so that they reach the target too.
        calibrated: There is a calibration already.
        stands_hz: Resonance that the cavity is at now; None for that at which the apparatus is
            described. From there the rod moves to the first target.

    Raises:
        ValueError: A value that cannot be; names it.
    """

    low_hz: float
    high_hz: float
    target: Target | None = None
    beta: float | None = None
    step_hz: float | None = None
    averages: int | None = None
    skip_hz: tuple[tuple[float, float], ...] = ()
    beyond: bool = True
    calibrated: bool = False
    stands_hz: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.low_hz < self.high_hz < math.inf:
            raise ValueError(
                f"forecast: band {self.low_hz * 1e-6:.9g} to {self.high_hz * 1e-6:.9g} MHz: "
                "its lower end must be below its upper"
            )
        if (self.target is None) == (self.averages is None):
            both = "" if self.target is None else ", not both: one follows from the other"
            raise ValueError(
                f"forecast: needs a target coupling, or the averages of each step{both}"
            )
        for name in ("beta", "step_hz", "averages"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"forecast: {name} is {value}, must be above 0")
        if any(not low < high for low, high in self.skip_hz):
            raise ValueError(f"forecast: intervals to skip {self.skip_hz}: low is not below high")
