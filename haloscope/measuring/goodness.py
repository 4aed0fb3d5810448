"""How well a fit describes a trace: against the noise that the trace itself shows.

The noise is taken from the second differences of the fit's residual: what a wrong model leaves is
smooth and hardly in them (J. von Neumann et al., Ann. Math. Stat. 12, 153 (1941)); their median
tells a single bad point from noise. Then

    chi2 = mean square of the residual / noise^2, per degree of freedom: 1 if the model is right
    correlation = of neighbours in the residual: 0 if it is right
    misfit = rms of the residual beyond the noise, as a share of the resonance's own height

Errors are scaled by the residual's rms; where neighbours are correlated, there are fewer
independent points than points, and errors grow by that too (an autoregressive process of first
order).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

__all__ = ["FEW", "SLIGHT", "Goodness", "goodness_of", "noise_of"]

#: Mean over median of the square of a Gaussian number, and of a complex one.
_REAL, _COMPLEX = 1 / 0.45494, 1 / math.log(2)
#: Noise below this share of the trace's largest value is rounding.
_ROUNDING: Final = 1e-12
#: Standard deviation of chi2 of a right model, times the root of the degrees of freedom: 2.1 for
#: complex and 2.5 for real noise (20 000 traces of noise; most of it is the noise's own estimate).
_SCATTER: Final = 2.5
#: A good fit's chi2 is within so many of them of 1: 1 of 10 000 right ones of 100 points is not.
_SIGMAS: Final = 6.0
#: By so much chi2 times the degrees of freedom must fall for a model to be better by more than
#: chance: 1 of 250 000 right ones would lose as much to two parameters more.
_BETTER: Final = 25.0
#: With no more degrees of freedom than this the residual's own scale is uncertain: more is needed.
FEW: Final = 30
#: A model that misses by less than this share of the resonance's height describes it, however small
#: the noise: by that much lines ripple.
SLIGHT: Final = 0.01
#: And one that misses by less than this needs no further terms: its errors are stretched.
_VISIBLE: Final = 1e-3


@dataclass(frozen=True)
class Goodness:
    """How well a fit describes its trace.

    Attributes:
        chi2: Mean square of the residual over the noise's, per degree of freedom.
        dof: Degrees of freedom.
        limit: Greatest chi2 of a good fit.
        correlation: Of neighbours in the residual.
        misfit: Residual beyond the noise, as a share of the resonance's height (amplitude).
        noise: Noise as a share of the resonance's height, one standard deviation of each point.
        square: Sum of the squared residuals, in the residual's units.
        slight: A misfit up to this is good enough, whatever chi2.
        converged: Whether the fit ended in a minimum.
    """

    chi2: float
    dof: int
    limit: float
    correlation: float
    misfit: float
    noise: float
    square: float = math.nan
    slight: float = SLIGHT
    converged: bool = True

    @property
    def good(self) -> bool:
        """True if the model describes the trace."""
        return self.converged and (self.chi2 <= self.limit or self.misfit <= self.slight)

    @property
    def doubtful(self) -> bool:
        """True if a better model is worth a try: it misses visibly, and beyond chance."""
        improbable = self.chi2 > 1 + 2 / _SIGMAS * (self.limit - 1) or self._excess > 0
        return not self.converged or (improbable and self.misfit > _VISIBLE)

    @property
    def stretch(self) -> float:
        """What correlated neighbours multiply the variance of every parameter by."""
        return (1 + self._excess) / (1 - self._excess)

    def clear(self, sigmas: float) -> float:
        """Standard errors by which something stands out as improbably as Gaussian ``sigmas`` do.

        Errors are scaled by the residual, which knows its own scale badly where little of it is
        left: Student's t with the degrees of freedom, 13 for 5 with seven of them.
        """
        return float(-stdtrit(self.dof, ndtr(-sigmas)))

    def improves(self, other: Goodness) -> bool:
        """True if this is of a better model of the same points than ``other``, beyond chance.

        The sum of squares must fall by more than the additional parameters explain, on the scale of
        the better model's own residual.
        """
        needed = _BETTER * (1 + FEW / self.dof) * self.square / self.dof
        return other.square - self.square > needed

    @property
    def _excess(self) -> float:
        """Correlation beyond three standard deviations of its chance, at most 0.98."""
        return min(max(0.0, self.correlation - 3 / math.sqrt(self.dof)), 0.98)

    def __str__(self) -> str:
        end = "" if self.converged else "; the fit did not converge"
        return (
            f"chi2/dof {self.chi2:.3g} (limit {self.limit:.3g}), neighbours correlated by "
            f"{self.correlation:.2f}, misfit {100 * self.misfit:.2g} % of the resonance{end}"
        )


def noise_of(residual: NDArray[np.float64] | NDArray[np.complex128], largest: float = 0.0) -> float:
    """Noise of a residual in the order of its frequencies: of each part, one standard deviation.

    Args:
        residual: Real or complex (P,), P at least 3.
        largest: What rounding is a share of.
    """
    bend = residual[2:] - 2 * residual[1:-1] + residual[:-2]
    square = (bend * bend.conj()).real
    middle = float(np.partition(square, square.size // 2)[square.size // 2])
    mean = middle * (0.5 * _COMPLEX if np.iscomplexobj(residual) else _REAL)
    return max(math.sqrt(mean / 6), _ROUNDING * largest)


def goodness_of(
    residual: NDArray[np.float64] | NDArray[np.complex128],
    parameters: int,
    height: float,
    *,
    largest: float,
    converged: bool,
    slight: float = SLIGHT,
) -> Goodness:
    """Judge what a fit leaves.

    Args:
        residual: Trace minus model (P,), real or complex, all points weighted to one noise.
        parameters: Number of parameters fitted.
        height: The resonance's height in the residual's units.
        largest: The trace's largest value in these units.
        converged: Whether the fit ended in a minimum.
        slight: A misfit up to this is good enough, as a share of the height.
    """
    parts = 2 if np.iscomplexobj(residual) else 1
    dof = max(1, parts * residual.size - parameters)
    noise = noise_of(residual, largest)
    square = float(np.vdot(residual, residual).real)
    step = residual[1:] - residual[:-1]
    neighbours = float(np.vdot(step, step).real)
    count = residual.size / (residual.size - 1)
    mean = square / dof
    return Goodness(
        chi2=mean / noise**2,
        dof=dof,
        limit=1 + _SIGMAS * _SCATTER / math.sqrt(dof),
        correlation=1 - 0.5 * count * neighbours / square if square > 0 else 0.0,
        misfit=math.sqrt(parts * max(0.0, mean - noise**2)) / height,
        noise=noise / height,
        square=square,
        slight=slight,
        converged=converged,
    )
