"""Least squares whose end is known: parameters, what they leave, and whether it is a minimum.

The minimiser is MINPACK's ``lmder`` through ``scipy.optimize.leastsq`` (J. More, "The
Levenberg-Marquardt algorithm", Lecture Notes in Mathematics 630 (1978)). The fits here stand in
every step of a scan; ``scipy.optimize.least_squares`` calls the same routine at twice the cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import leastsq

FloatArray = NDArray[np.float64]
#: Parameters (p,) to residuals (m,) and their derivatives (m, p).
Residuals = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

__all__ = ["Minimum", "minimise"]

#: Evaluations for each parameter before a fit gives up.
_EVALUATIONS = 50
#: A step that changes cost or parameters by less ends a fit; the next one would change them by the
#: square of it, which is rounding.
_TOLERANCE = 1e-8
#: MINPACK's ends that are minima. 6 to 8: as near to one as the numbers' precision allows.
_ENDS = frozenset({1, 2, 3, 4, 6, 7, 8})


@dataclass(frozen=True)
class Minimum:
    """Where a fit ended; residual and derivatives are those at its parameters.

    Attributes:
        parameters: (p,).
        residual: (m,).
        jacobian: Derivatives of the residual (m, p).
        converged: Whether it is a minimum.
        message: Why the minimiser ended.
    """

    parameters: FloatArray
    residual: FloatArray
    jacobian: FloatArray
    converged: bool
    message: str

    @property
    def cost(self) -> float:
        """Sum of the squared residuals."""
        return float(self.residual @ self.residual)

    def covariance(self, variance: float) -> FloatArray:
        """Covariance (p, p) of the parameters for residuals of this variance."""
        normal = self.jacobian.T @ self.jacobian
        scale = np.sqrt(np.maximum(normal.diagonal(), 1e-300))
        scales = scale[:, None] * scale
        try:
            inverse = np.linalg.inv(normal / scales)
        except np.linalg.LinAlgError:  # a parameter that changes nothing
            inverse = np.linalg.pinv(normal / scales, hermitian=True)
        return np.asarray(variance * inverse / scales, dtype=np.float64)


def minimise(residuals: Residuals, start: FloatArray) -> Minimum:
    """Minimise the sum of squares from a starting point.

    Args:
        residuals: The problem; m not below p. It may be called at any parameters, and may return
            numbers that are not finite.
        start: Parameters to begin with (p,).

    Returns:
        Where it ended; ``converged`` is false after too many evaluations, or if a number there is
        not finite.
    """
    last = _Last(residuals, start)
    with np.errstate(all="ignore"):
        found, _, _, message, end = leastsq(
            last.residual,
            start,
            Dfun=last.jacobian,
            full_output=True,
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            maxfev=_EVALUATIONS * (start.size + 1),
        )
        residual, jacobian = last.at(np.asarray(found, dtype=np.float64))
    finite = bool(np.isfinite(residual).all() and np.isfinite(jacobian).all())
    return Minimum(found, residual, jacobian, finite and end in _ENDS, " ".join(message.split()))


class _Last:
    """The problem at the last point: MINPACK asks for residual and derivatives one by one."""

    def __init__(self, residuals: Residuals, start: FloatArray) -> None:
        self._residuals, self._point = residuals, start.copy()
        self._value = residuals(start)

    def residual(self, point: FloatArray) -> FloatArray:
        """Residuals at a point."""
        return self.at(point)[0]

    def jacobian(self, point: FloatArray) -> FloatArray:
        """Derivatives at a point."""
        return self.at(point)[1]

    def at(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both at a point; MINPACK ends at the one that it looked at last, or at the one before."""
        if not np.array_equal(point, self._point):
            self._point, self._value = point.copy(), self._residuals(point)
        return self._value
