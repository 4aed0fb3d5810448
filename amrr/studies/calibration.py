"""Calibrating the model on data: chosen parameters fitted to measured periodic states.

Each measured point is a periodic state: the recorded fields and times of the cycle and the recorded
load drive the model, and what it does then is compared with what was measured. Weighted least
squares (scipy's ``least_squares``, trust region, within bounds), each parameter counted in parts of
its range (``amrr.origins.Range``), so that its step is a part of what is possible.

The covariance is (J^T W J)^-1 from the stated errors of the measured values, not scaled by how well
the fit goes: that is what chi-square and its probability say. What the data do not determine shows
in two ways: the error of a parameter is no smaller than that of an even distribution over its
range (a part of 1/sqrt(12)), or it moves with others, by the correlations and by ``Direction``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import chi2

from amrr.design.points import Effort, FailureError, Point, at_load, running
from amrr.origins import Range
from amrr.parameters import CycleParameters, RefrigeratorParameters
from amrr.studies.ranges import assumed, with_values
from instruments.ranges import within

__all__ = ["ERRORS", "Calibration", "Direction", "MeasuredPoint", "Residual", "calibrate"]

Array = NDArray[np.float64]

#: Errors of measured values: a settled mean is good to 1 mK, extremes are one noisy reading each,
#: work and heat are sums over a cycle.
ERRORS: Final = {
    "chx_k": 1e-3,
    "lowest_k": 3e-3,
    "highest_k": 3e-3,
    "work_j": 2e-3,
    "rejected_j": 2e-3,
}
#: Part of an even distribution over a range that is its standard deviation.
UNDETERMINED: Final = 1.0 / math.sqrt(12.0)
#: Of a range: differences of it make the derivatives.
_STEP: Final = 0.02
#: Residual, in standard errors, of a point that the model has no periodic state for.
_PENALTY: Final = 300.0
_EFFORT: Final = Effort(tolerance_k=2e-4, most_cycles=80)


@dataclass(frozen=True)
class MeasuredPoint:
    """One periodic state that was measured.

    Attributes:
        load_w: Mean heater power.
        cycle: Times and fields; the shape of the ramps is taken from the machine.
        values: Measured, by the names of ``ERRORS``.
        label: Where it is from.
    """

    load_w: float
    cycle: CycleParameters
    values: Mapping[str, float]
    label: str = ""


@dataclass(frozen=True)
class Residual:
    """A measured value beside the model's.

    Attributes:
        label: Of the point.
        load_w: Its load.
        name: Of the value.
        measured: Value.
        error: Its stated error.
        model: What the fitted model does; not-a-number where it has no periodic state.
    """

    label: str
    load_w: float
    name: str
    measured: float
    error: float
    model: float

    @property
    def pull(self) -> float:
        """Measured less model, over the error."""
        return (self.measured - self.model) / self.error


@dataclass(frozen=True)
class Direction:
    """A combination of the parameters, and how well the data determine it.

    Attributes:
        error: In parts of ranges; above ``UNDETERMINED`` the data say nothing about it.
        weights: Of each parameter, by name; their squares add to 1.
    """

    error: float
    weights: dict[str, float]


@dataclass(frozen=True)
class Calibration:
    """A fit.

    Attributes:
        parameters: The calibrated machine.
        names: Of the fitted parameters.
        start: Where they began.
        values: Where they ended.
        errors: Of one standard deviation, from the stated errors of the data.
        parts: Errors in parts of each range.
        correlation: Shape (n, n).
        at_bound: Whether each ended at an end of its range.
        directions: From the best determined combination to the worst.
        residuals: Of every measured value.
        evaluations: Machines that were asked.
        failures: Why machines on the way had no periodic state.
        message: How the search ended.
        converged: By its own criteria.
    """

    parameters: RefrigeratorParameters
    names: tuple[str, ...]
    start: Array
    values: Array
    errors: Array
    parts: Array
    correlation: Array
    at_bound: tuple[bool, ...]
    directions: tuple[Direction, ...]
    residuals: tuple[Residual, ...]
    evaluations: int
    failures: tuple[str, ...]
    message: str
    converged: bool

    @property
    def chi_square(self) -> float:
        """Sum of squared pulls."""
        return float(sum(r.pull**2 for r in self.residuals))

    @property
    def degrees(self) -> int:
        """Measured values less fitted parameters."""
        return len(self.residuals) - len(self.names)

    @property
    def probability(self) -> float:
        """Of a chi-square at least so large by chance; not-a-number without freedom."""
        return float(chi2.sf(self.chi_square, self.degrees)) if self.degrees > 0 else math.nan

    @property
    def determined(self) -> tuple[bool, ...]:
        """Whether the data say more about each parameter than its range does."""
        ends = zip(self.parts, self.at_bound, strict=True)
        return tuple(bool(part < UNDETERMINED) and not bound for part, bound in ends)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the result is not to be believed as it stands, in words; empty when it is."""
        found = [] if self.converged else [f"the search did not end: {self.message}"]
        if any(math.isnan(r.model) for r in self.residuals):
            found.append("the fitted machine has no periodic state at some points")
        elif self.probability < 1e-3:
            found.append(
                f"chi-square {self.chi_square:.1f} of {self.degrees} degrees of freedom: the model "
                "does not describe the data within their stated errors"
            )
        for name, bound, good in zip(self.names, self.at_bound, self.determined, strict=True):
            if bound:
                found.append(f"{name} ended at an end of its range")
            elif not good:
                found.append(f"{name} is not determined by these data")
        return tuple(found)


def calibrate(
    points: Sequence[MeasuredPoint],
    names: Sequence[str],
    *,
    start: RefrigeratorParameters | None = None,
    errors: Mapping[str, float] = ERRORS,
    use: Sequence[str] = ("chx_k", "lowest_k", "highest_k"),
    effort: Effort = _EFFORT,
) -> Calibration:
    """Fit parameters to measured periodic states.

    Args:
        points: What was measured.
        names: Of the assumed parameters to be fitted, dotted.
        start: The machine to begin with; what is not fitted stays as it is there.
        errors: Of the measured values, by name.
        use: Names of the values that count.
        effort: How far the model is taken at each point.

    Raises:
        ValueError: A name is none, there are fewer values than parameters, or the machine to begin
            with has no periodic state at one of the points.
    """
    fit = _Fit(tuple(points), tuple(names), start or RefrigeratorParameters(), errors, use, effort)
    began = fit.first()
    found = least_squares(
        fit.residuals, began, jac=fit.jacobian, bounds=(0.0, 1.0), x_scale=1.0, xtol=1e-4,
        ftol=1e-6, gtol=1e-6, max_nfev=40,
    )  # fmt: skip
    return fit.result(began, found.x, bool(found.success), str(found.message))


@dataclass
class _Fit:
    points: tuple[MeasuredPoint, ...]
    names: tuple[str, ...]
    start: RefrigeratorParameters
    errors: Mapping[str, float]
    use: Sequence[str]
    effort: Effort
    evaluations: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = assumed(self.start)
        if len(set(self.names)) < len(self.names) or not self.names:
            raise ValueError(f"calibration: {list(self.names)} are not different parameters")
        for name in self.names:
            if name not in known:
                raise ValueError(f"calibration: {name!r} is no assumed parameter of the machine")
        for name in self.use:
            if name not in ERRORS:
                raise ValueError(f"calibration: {name!r} is not one of {sorted(ERRORS)}")
            within(f"calibration: error of {name}", self.errors[name], 1e-9, 10.0, "")
        self.ranges = [known[name] for name in self.names]
        values = sum(name in p.values for p in self.points for name in self.use)
        if values < len(self.names):
            raise ValueError(
                f"calibration: {values} measured values for {len(self.names)} parameters"
            )

    def first(self) -> Array:
        """Parts of the ranges at which the search begins, just inside of them."""
        flat = self.start.flat()
        parts = [r.part(float(flat[n])) for n, r in zip(self.names, self.ranges, strict=True)]
        begin = np.clip(np.array(parts), 1e-3, 1.0 - 1e-3)
        self.residuals(begin)
        if self.failures:
            raise ValueError(f"calibration: no periodic state to begin with: {self.failures[0]}")
        return begin

    def machine(self, parts: Array) -> RefrigeratorParameters:
        values = {
            name: r.at(float(part))
            for name, r, part in zip(self.names, self.ranges, parts, strict=True)
        }
        return with_values(self.start, values)

    def model(self, parts: Array) -> list[Point | None]:
        """The model's state at every measured point; None where it has none."""
        machine = self.machine(parts)
        found: list[Point | None] = [None] * len(self.points)
        self.evaluations += 1
        for cycle in {p.cycle: None for p in self.points}:
            rows = [k for k, p in enumerate(self.points) if p.cycle == cycle]
            rows.sort(key=lambda k: self.points[k].load_w)
            driven = replace(cycle, square_ramp=machine.cycle.square_ramp)
            try:
                running_machine = running(replace(machine, cycle=driven))
                for k in rows:
                    found[k] = at_load(running_machine, self.points[k].load_w, self.effort)
            except FailureError as error:
                self.failures.append(str(error))
        return found

    def residuals(self, parts: Array) -> Array:
        return np.array([_pull(r) for r in self.compared(parts)])

    def compared(self, parts: Array) -> list[Residual]:
        """Every measured value that counts beside the model's."""
        return [
            Residual(
                point.label, point.load_w, name, point.values[name], self.errors[name],
                math.nan if state is None else float(getattr(state, name)),
            )
            for point, state in zip(self.points, self.model(parts), strict=True)
            for name in self.use
            if name in point.values
        ]  # fmt: skip

    def jacobian(self, parts: Array) -> Array:
        """Derivatives of the pulls by parts of the ranges, by differences within the ranges."""
        columns = []
        for k in range(len(parts)):
            up, down = parts.copy(), parts.copy()
            up[k], down[k] = min(1.0, parts[k] + _STEP), max(0.0, parts[k] - _STEP)
            columns.append((self.residuals(up) - self.residuals(down)) / (up[k] - down[k]))
        return np.array(columns).T

    def result(self, began: Array, parts: Array, converged: bool, message: str) -> Calibration:
        jacobian = self.jacobian(parts)
        _, singular, axes = np.linalg.svd(jacobian, full_matrices=False)
        with np.errstate(divide="ignore"):
            spread = 1.0 / np.maximum(singular, 1e-12)
        half = axes.T * spread
        covariance = half @ half.T  # of one matrix with itself: symmetric to the last bit
        sigma = np.sqrt(np.diag(covariance))
        slope = np.array([_slope(r, p) for r, p in zip(self.ranges, parts, strict=True)])
        ends = (parts < 1e-3) | (parts > 1.0 - 1e-3)
        return Calibration(
            parameters=self.machine(parts),
            names=self.names,
            start=self._values(began),
            values=self._values(parts),
            errors=sigma * slope,
            parts=sigma,
            correlation=covariance / np.outer(sigma, sigma),
            at_bound=tuple(bool(end) for end in ends),
            directions=tuple(
                Direction(float(s), dict(zip(self.names, map(float, axis), strict=True)))
                for s, axis in zip(spread, axes, strict=True)
            ),
            residuals=tuple(self.compared(parts)),
            evaluations=self.evaluations,
            failures=tuple(self.failures),
            message=message,
            converged=converged,
        )

    def _values(self, parts: Array) -> Array:
        return np.array([r.at(float(p)) for r, p in zip(self.ranges, parts, strict=True)])


def _pull(residual: Residual) -> float:
    return _PENALTY if math.isnan(residual.model) else residual.pull


def _slope(found: Range, part: float) -> float:
    """Derivative of a value by the part of its range."""
    low, high = max(0.0, part - 1e-4), min(1.0, part + 1e-4)
    return (found.at(high) - found.at(low)) / (high - low)
