"""How uncertain a machine's performance is: sensitivity to each assumed parameter, and bands.

Two numbers are asked of every machine in its periodic state: the mean temperature of the cold
exchanger at a load, and the cooling power at a temperature. The sensitivity takes each assumed
parameter alone to the ends of its range. A band takes many parameters at once, by a Latin hypercube
(McKay, Beckman and Conover, Technometrics 21, 239 (1979)) over the ranges, equal parts of which are
taken as equally likely; all bands share the points of one hypercube, so that they differ by what is
varied alone.

A machine that has no periodic state stays in the list with the reason.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from amrr.design.points import Effort, running
from amrr.design.store import physics_digest
from amrr.origins import Nature, Range
from amrr.parameters import RefrigeratorParameters
from amrr.studies.answers import EFFORT, LONGEST, NUMBERS, Answer, Band, Sensitivity, ask
from amrr.studies.ranges import assumed, with_values
from instruments import batches
from instruments.batches import Arrays, Progress
from instruments.ranges import within

__all__ = ["BANDS", "FLUSH", "Case", "Outcome", "Study", "run"]

#: What decides: 3He against the bulk flow.
FLUSH: Final = "slip_diffusivity_m2_per_s"
#: Bands by name, and what each of them varies, in words.
BANDS: Final = {
    "all": "every assumed parameter",
    "no flush": "every one but the diffusivity of the heat flush, which stays at its default",
    "properties": "properties of materials and links alone, without the flush: what remains when "
    "every dimension is known",
}
_VERSION: Final = 1  # Of what a piece holds: raised whenever the same study gives other numbers.


@dataclass(frozen=True)
class Case:
    """One machine of a study.

    Attributes:
        group: "default", "sensitivity", or the name of a band.
        label: Which of the group: a parameter with its end, or a number.
        values: Of the parameters that differ from the machine's, by dotted name.
    """

    group: str
    label: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Study:
    """Which machines, and what is asked of them.

    Attributes:
        parameters: The machine about which the ranges are varied.
        load_w: Heater power at which its temperature is asked.
        chx_k: Temperature at which its cooling power is asked.
        samples: Machines of each band.
        seed: Of the hypercube.
        bands: Names of bands.
        effort: How far each point is taken.
        only: Names of the parameters that take part; all that are assumed where there is none.
        hold: Names of those that keep their values.
    """

    parameters: RefrigeratorParameters = field(default_factory=RefrigeratorParameters)
    load_w: float = 600e-6
    chx_k: float = 0.9
    samples: int = 64
    seed: int = 0
    bands: tuple[str, ...] = tuple(BANDS)
    effort: Effort = EFFORT
    only: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    title = "uncertainty"

    def __post_init__(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            ValueError: A number is outside its limits, a band or a parameter has no such name, or
                nothing is varied.
        """
        highest_w = self.parameters.exchangers.highest_heater_w
        within("uncertainty: load", self.load_w, 0.0, highest_w, "W")
        within("uncertainty: temperature", self.chx_k, 0.2, 2.0, "K")
        within("uncertainty: samples", self.samples, 1, 100_000, "")
        for name in self.bands:
            if name not in BANDS:
                raise ValueError(f"uncertainty: band {name!r} is not one of {sorted(BANDS)}")
        known = assumed(self.parameters)
        for name in (*self.only, *self.hold):
            if name not in known:
                raise ValueError(f"uncertainty: {name!r} is no assumed parameter of the machine")
        if not self.ranges:
            raise ValueError("uncertainty: every parameter is held, and none is left to vary")

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """Of the parameters that take part."""
        found = assumed(self.parameters)
        names = (name for name in found if not self.only or name in self.only)
        return {name: found[name] for name in names if name not in self.hold}

    def varied(self, band: str) -> tuple[str, ...]:
        """Names of what a band varies."""
        names = self.ranges
        if band == "all":
            return tuple(names)
        found = (name for name in names if name != FLUSH)
        if band == "no flush":
            return tuple(found)
        return tuple(name for name in found if names[name].nature is Nature.PROPERTY)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every machine, the default first."""
        return (Case("default", "", {}), *self._ends(), *self._samples())

    def _ends(self) -> Iterator[Case]:
        for name, found in self.ranges.items():
            for end in ("low", "high"):
                yield Case("sensitivity", f"{name} {end}", {name: getattr(found, end)})

    def _samples(self) -> Iterator[Case]:
        names = list(self.ranges)
        points = qmc.LatinHypercube(len(names), rng=self.seed).random(self.samples)
        for row in range(self.samples):
            at = {name: self.ranges[name].at(points[row, k]) for k, name in enumerate(names)}
            for band in self.bands:
                yield Case(band, str(row), {name: at[name] for name in self.varied(band)})

    # -- as pieces of work: one machine each ---------------------------------------------------

    @property
    def batches(self) -> int:
        """How many machines."""
        return len(self.cases)

    def fingerprint(self) -> str:
        """Changes with the physics, the machine, the question, the ranges and the hypercube."""
        ranges = [(name, r.low, r.high, r.floor, r.nature) for name, r in self.ranges.items()]
        asked = (self.load_w, self.chx_k, self.samples, self.seed, self.bands, self.effort)
        text = repr((_VERSION, physics_digest(), self.parameters.digest(), ranges, asked))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def prepare(self) -> None:
        """Compile and load the machine's loop, before threads do."""
        running(self.parameters).advance(1)

    def layout(self, number: int) -> Mapping[str, tuple[tuple[int, ...], type]]:
        """Arrays of one machine's file."""
        return {"numbers": ((len(NUMBERS),), np.float64), "words": ((2, LONGEST), np.uint32)}

    def run(self, number: int) -> Arrays:
        """Ask one machine."""
        machine = with_values(self.parameters, self.cases[number].values)
        answer = ask(machine, self.load_w, self.chx_k, self.effort)
        numbers = np.array([getattr(answer, name) for name in NUMBERS])
        words = np.stack([_codes(answer.failure), _codes(answer.objections)])
        return {"numbers": numbers, "words": words}


def _codes(text: str) -> NDArray[np.uint32]:
    found = np.zeros(LONGEST, np.uint32)
    found[: len(text)] = [ord(c) for c in text[:LONGEST]]
    return found


def _text(codes: NDArray[Any]) -> str:
    return "".join(chr(c) for c in codes if 0 < c < 0x110000)


@dataclass(frozen=True)
class Outcome:
    """All answers of a study.

    Attributes:
        study: What was asked.
        default: The machine itself.
        sensitivities: Of each parameter, the one that moves the temperature most first; those with
            a failure before all.
        bands: By name.
    """

    study: Study
    default: Answer
    sensitivities: tuple[Sensitivity, ...]
    bands: dict[str, Band]

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Machine and reason of all that have no periodic state."""
        own = [("default", self.default.failure)] if self.default.failure else []
        for s in self.sensitivities:
            own += [
                (f"{s.name} {end}", answer.failure)
                for end, answer in (("low", s.low), ("high", s.high))
                if answer.failure
            ]
        for band in self.bands.values():
            own += [(f"{band.name} {k}", why) for k, why in band.failures]
        return tuple(own)


def run(
    study: Study,
    *,
    folder: Path | str | None = None,
    workers: int | None = None,
    client: Any = None,
    progress: Progress | None = None,
) -> Outcome:
    """Ask all machines of a study.

    Args:
        study: Which, and what.
        folder: Where answers are kept, one file each: a study that was cut off goes on.
        workers: Local threads; the number of cores by default.
        client: A ``distributed.Client`` of a cluster.
        progress: Called with (machines done, machines in all) after each one.

    Raises:
        ValueError: The folder holds answers of another study, or a damaged one.
    """
    found = batches.run(study, folder=folder, workers=workers, client=client, progress=progress)
    answers = [_kept(arrays) for arrays in found]
    return _outcome(study, answers)


def _kept(arrays: Arrays) -> Answer:
    numbers = {name: float(v) for name, v in zip(NUMBERS, arrays["numbers"], strict=True)}
    failure, objections = (_text(row) for row in arrays["words"])
    return Answer(**numbers, failure=failure, objections=objections)


def _outcome(study: Study, answers: Sequence[Answer]) -> Outcome:
    default, ends = answers[0], answers[1 : 1 + 2 * len(study.ranges)]
    flat = study.parameters.flat()
    sensitivities = [
        Sensitivity(name, float(flat[name]), study.ranges[name], ends[2 * k], ends[2 * k + 1])
        for k, name in enumerate(study.ranges)
    ]
    sensitivities.sort(key=lambda s: -_reach(s, default))
    bands = {
        name: Band(
            name,
            study.varied(name),
            tuple(a for c, a in zip(study.cases, answers, strict=True) if c.group == name),
        )
        for name in study.bands
    }
    return Outcome(study, default, tuple(sensitivities), bands)


def _reach(s: Sensitivity, default: Answer) -> float:
    changes = np.abs(s.change_k(default))
    return math.inf if np.isnan(changes).any() else float(changes.max())
