"""The design study: machines of equal GGG mass that no other beats in all objectives at once.

Objectives: most cooling power at one temperature of the cold exchanger, least work of the magnets
in a cycle, largest fraction of Carnot. Each machine is a periodic state of the dynamic model, found
by ``amrr.periodic.settle`` at several loads. NSGA-II (K. Deb et al., IEEE Trans. Evol. Comput. 6,
182 (2002)) as pymoo has it (J. Blank and K. Deb, IEEE Access 8, 89497 (2020)): a generation is
asked for, evaluated in parallel, and told, so the same seed asks the same machines, and a study
that was interrupted finds what it had evaluated in its store.

The search runs on a coarser machine than the default; ``amrr.design.verification`` takes the best
to the resolution that is converged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.design import space
from amrr.design.evaluation import evaluated, power_at
from amrr.design.points import COARSE, Point
from amrr.design.store import Outcome, Store
from amrr.parameters import CycleParameters, RefrigeratorParameters
from instruments.ranges import within

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

#: A machine that lifts less is of no interest, W: half of the paper's least.
LEAST_POWER_W: Final = 300e-6
#: Load of the first point of each machine, W: what a good one lifts.
_FIRST_W: Final = 800e-6
#: How far from a known machine the first generation looks, as a part of each range.
_NEIGHBOURHOOD: Final = 0.15
#: Violation of the constraints by a machine that has no point at all.
_NONE_AT_ALL: Final = 100.0
#: A stronger programme than the default, within 1.5 T: a start of the search.
STRONG: Final = CycleParameters(
    pump_high_t=1.5, regen_cold_start_t=0.85, regen_hot_start_t=0.85, regen_hot_end_t=1.3
)


@dataclass(frozen=True)
class StudyOptions:
    """How a study is made.

    Attributes:
        chx_k: Temperature of the cold exchanger at which the cooling power counts.
        seed: Of the search.
        population: Machines of a generation.
        generations: How many.
        workers: Evaluations at a time.
        nodes: Lumps along a bed while searching.
        dt_s: Step while searching.
        base: Machine whose parameters are varied.
        starts: Values of further machines of the first generation, of an earlier study.

    Raises:
        ValueError: A number is outside its limits.
    """

    chx_k: float = 0.9
    seed: int = 1
    population: int = 40
    generations: int = 25
    workers: int = 1
    nodes: int = 16
    dt_s: float = 0.2
    base: RefrigeratorParameters = field(default_factory=RefrigeratorParameters)
    starts: tuple[dict[str, float], ...] = ()

    def __post_init__(self) -> None:
        within("study: population", self.population, 4, 1000, "")
        within("study: generations", self.generations, 1, 1000, "")
        within("study: workers", self.workers, 1, 64, "")
        within("study: seed", self.seed, 0, 2**31 - 1, "")

    @property
    def total(self) -> int:
        """Machines that the search asks for."""
        return self.population * self.generations


@dataclass(frozen=True)
class Candidate:
    """A machine of the study and what it does.

    Attributes:
        values: Of the variables, by name.
        outcome: What became of its evaluation.
        generation: When it was asked for first.
    """

    values: dict[str, float]
    outcome: Outcome
    generation: int

    @property
    def objectives(self) -> tuple[float, float, float]:
        """What is to be least: power with a minus (W), work (J), Carnot fraction with a minus."""
        point = self.point
        return (-self.outcome.power_w, point.work_j, -point.carnot_fraction)

    @property
    def feasible(self) -> bool:
        """Whether nothing speaks against it and it lifts enough."""
        return violation(self.outcome) <= 0.0

    @property
    def point(self) -> Point:
        """Its periodic state; raises ValueError where it has none."""
        if self.outcome.point is None:
            raise ValueError(f"study: a machine without a point ({self.outcome.message})")
        return self.outcome.point


@dataclass(frozen=True)
class Study:
    """What a search has found.

    Attributes:
        options: How it was made.
        candidates: All machines that were evaluated, in the order they were first asked for.
    """

    options: StudyOptions
    candidates: tuple[Candidate, ...]

    @property
    def feasible(self) -> tuple[Candidate, ...]:
        """Machines against which nothing speaks."""
        return tuple(c for c in self.candidates if c.feasible)

    @property
    def failures(self) -> Counter[str]:
        """How many machines have no point, by kind of failure; and objections, by their words."""
        found: Counter[str] = Counter()
        for c in self.candidates:
            if c.outcome.failure is not None:
                found[f"no point: {c.outcome.failure}"] += 1
                continue
            found.update(kinds(c.point))
            if c.outcome.power_w < LEAST_POWER_W:
                found["lifts less than is asked"] += 1
        return found

    @property
    def front(self) -> tuple[Candidate, ...]:
        """Feasible machines that no other beats in all objectives, most powerful first."""
        found = self.feasible
        if not found:
            return ()
        f = np.array([c.objectives for c in found])
        beaten = [bool(((f <= row).all(1) & (f < row).any(1)).any()) for row in f]
        kept = [c for c, worse in zip(found, beaten, strict=True) if not worse]
        return tuple(sorted(kept, key=lambda c: c.objectives))

    @property
    def best(self) -> Candidate:
        """The feasible machine with the most cooling power; raises ValueError if there is none."""
        if not self.front:
            raise ValueError(f"study: none of {len(self.candidates)} machines is feasible")
        return self.front[0]


def kinds(point: Point) -> set[str]:
    """Objections to a point without their numbers, for counting."""
    return {
        "".join(c for c in text if not c.isdigit()).replace(" .", " ") for text in point.objections
    }


def violation(outcome: Outcome) -> float:
    """How far a machine is from one that may be run: 0 or less where it may."""
    if outcome.point is None:
        return _NONE_AT_ALL
    lacking = max(0.0, (LEAST_POWER_W - outcome.power_w) / LEAST_POWER_W)
    return float(len(outcome.point.objections)) + lacking


def evaluate(p: RefrigeratorParameters, chx_k: float) -> Outcome:
    """Cooling power of one machine at a temperature; a machine that has none is an outcome, too."""
    return power_at(p, chx_k, _FIRST_W, COARSE)


def search(options: StudyOptions, store: Store, progress: Progress | None = None) -> Study:
    """Run the study.

    Args:
        options: How.
        store: Evaluations that are known already, and where new ones go.
        progress: Called with evaluations done and in all, after each.

    Raises:
        ImportError: pymoo is not installed (the extra ``design``).
    """
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.evaluator import Evaluator
    from pymoo.core.problem import Problem
    from pymoo.problems.static import StaticProblem

    problem = Problem(n_var=len(space.VARIABLES), n_obj=3, n_ieq_constr=1, xl=0.0, xu=1.0)
    algorithm = NSGA2(pop_size=options.population, sampling=_first_generation(options))
    termination = ("n_gen", options.generations)
    algorithm.setup(problem, termination=termination, seed=options.seed, verbose=False)
    known: dict[tuple[float, ...], Candidate] = {}
    done = 0
    while algorithm.has_next():
        asked = algorithm.ask()
        vectors = asked.get("X")
        candidates = _generation(options, store, vectors, algorithm.n_gen or 1)
        for count, candidate in candidates:
            if progress is not None:
                progress(done + count, options.total)
            known.setdefault(tuple(candidate.values.values()), candidate)
        done += len(vectors)
        told = [known[tuple(space.values(v).values())] for v in vectors]
        Evaluator().eval(StaticProblem(problem, F=_objectives(told), G=_violations(told)), asked)
        algorithm.tell(infills=asked)
    return Study(options, tuple(known.values()))


def _first_generation(options: StudyOptions) -> Array:
    """Known machines, half of the rest around them, half a Latin hypercube of the whole space.

    Most machines of the hypercube do not cool at all: waveforms that fit together are rare.
    """
    from scipy.stats import qmc

    known = [options.base, replace(options.base, cycle=STRONG)]
    values = [*map(space.values_of, known), *options.starts][: options.population]
    starts = np.array([space.vector(v) for v in values])
    cube = qmc.LatinHypercube(len(space.VARIABLES), rng=np.random.default_rng(options.seed))
    drawn = cube.random(options.population - len(starts))
    around = np.arange(len(drawn) // 2)
    drawn[around] = starts[around % len(starts)] + _NEIGHBOURHOOD * (2.0 * drawn[around] - 1.0)
    return np.clip(np.vstack([starts, drawn]), 0.0, 1.0)


def _generation(
    options: StudyOptions, store: Store, vectors: Array, generation: int
) -> Iterator[tuple[int, Candidate]]:
    """Candidates of a generation as they are finished, with how many are."""
    asked = {tuple(v.values()): v for v in map(space.values, vectors)}
    machines = {name: _machine(options, v) for name, v in asked.items()}
    found = evaluated(
        machines,
        lambda p: evaluate(p, options.chx_k),
        f"power at {options.chx_k:g} K from {_FIRST_W:g} W, {COARSE}",
        store,
        options.workers,
    )
    for count, (name, outcome) in enumerate(found, 1):
        yield count, Candidate(asked[name], outcome, generation)


def _machine(options: StudyOptions, values: dict[str, float]) -> RefrigeratorParameters:
    return space.coarse(space.machine(values, options.base), options.nodes, options.dt_s)


def _objectives(candidates: list[Candidate]) -> Array:
    """Objectives, shape (n, 3); of a machine without a point they are worse than all others."""
    worst = (math.inf,) * 3
    f = np.array([worst if c.outcome.point is None else c.objectives for c in candidates])
    return np.where(np.isfinite(f), f, 1e3)


def _violations(candidates: list[Candidate]) -> Array:
    return np.array([[violation(c.outcome)] for c in candidates])
