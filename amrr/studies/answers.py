"""What is asked of each machine of a study, and what its answers say together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.design.points import Effort, FailureError, Point, at_load, at_temperature, running
from amrr.origins import Range
from amrr.parameters import RefrigeratorParameters

__all__ = ["EFFORT", "LONGEST", "NUMBERS", "Answer", "Band", "Sensitivity", "ask"]

Array = NDArray[np.float64]

#: A load curve counts as straight over 5 mK: the cooling power is good to 1 uW.
EFFORT: Final = Effort(tolerance_k=1e-4, most_cycles=60, near_k=5e-3)
#: Of a reason for a failure that is kept, characters.
LONGEST: Final = 400
#: Names of the numbers of an answer.
NUMBERS: Final = ("chx_k", "lowest_k", "highest_k", "coldest_outlet_k", "power_w")


@dataclass(frozen=True)
class Answer:
    """What a machine does; not-a-number where it has no periodic state.

    Attributes:
        chx_k: Mean temperature of the cold exchanger at the study's load.
        lowest_k: Its lowest over a cycle.
        highest_k: Its highest.
        coldest_outlet_k: The coldest fluid that leaves a regenerator towards it.
        power_w: Cooling power at the study's temperature; negative where that is not reached.
        failure: Why there is none of these, in words; "" where there is.
        objections: Models that were used outside their range, diodes that conduct; in words.
    """

    chx_k: float = math.nan
    lowest_k: float = math.nan
    highest_k: float = math.nan
    coldest_outlet_k: float = math.nan
    power_w: float = math.nan
    failure: str = ""
    objections: str = ""


def ask(
    parameters: RefrigeratorParameters, load_w: float, chx_k: float, effort: Effort = EFFORT
) -> Answer:
    """The two numbers of one machine."""
    try:
        machine = running(parameters)
    except FailureError as error:
        return _failed(str(error))
    try:
        point = at_load(machine, load_w, effort)
        power_w, _ = at_temperature(machine, chx_k, first_w=load_w, effort=effort)
    except FailureError as error:
        return _failed("; ".join((str(error), *machine.warnings)))
    return _answer(point, power_w)


def _failed(why: str) -> Answer:
    return Answer(failure=" ".join(why.split())[:LONGEST])


def _answer(point: Point, power_w: float) -> Answer:
    objections = "; ".join(point.objections)[:LONGEST]
    numbers = point.chx_k, point.lowest_k, point.highest_k, point.coldest_outlet_k
    return Answer(*numbers, power_w, objections=objections)


@dataclass(frozen=True)
class Sensitivity:
    """What one parameter does, alone.

    Attributes:
        name: Dotted.
        value: Its default.
        range: How far it may be from it.
        low: The machine at the low end.
        high: At the high end.
    """

    name: str
    value: float
    range: Range
    low: Answer
    high: Answer

    def change_k(self, default: Answer) -> tuple[float, float]:
        """Temperature at the load less the default's: at the low end, at the high end."""
        return self.low.chx_k - default.chx_k, self.high.chx_k - default.chx_k

    def change_w(self, default: Answer) -> tuple[float, float]:
        """Cooling power less the default's: at the low end, at the high end."""
        return self.low.power_w - default.power_w, self.high.power_w - default.power_w


@dataclass(frozen=True)
class Band:
    """The machines of one band.

    Attributes:
        name: Key of ``BANDS``.
        varied: Names of the parameters that were varied.
        answers: Of each machine, in the order of the hypercube.
    """

    name: str
    varied: tuple[str, ...]
    answers: tuple[Answer, ...]

    @property
    def failures(self) -> tuple[tuple[int, str], ...]:
        """Number and reason of the machines without a periodic state."""
        return tuple((k, a.failure) for k, a in enumerate(self.answers) if a.failure)

    def values(self, name: str) -> Array:
        """A number of ``Answer`` for the machines that have one."""
        return np.array([getattr(a, name) for a in self.answers if not a.failure])

    def quantiles(self, name: str, parts: Sequence[float] = (0.05, 0.16, 0.5, 0.84, 0.95)) -> Array:
        """Quantiles of a number over the machines that have one; not-a-number where none has."""
        found = self.values(name)
        return np.quantile(found, parts) if found.size else np.full(len(parts), math.nan)

    def standard_error(self, name: str) -> float:
        """Of the median: half of what the order statistics one standard deviation away span."""
        found = np.sort(self.values(name))
        if found.size < 4:
            return math.nan
        half = 0.5 * math.sqrt(found.size)
        middle = 0.5 * (found.size - 1)
        ends = np.interp([middle - half, middle + half], np.arange(found.size), found)
        return float(0.5 * (ends[1] - ends[0]))
