"""What every fit of a trace refuses, and takes, before it fits."""

from __future__ import annotations

import numpy as np
import pytest

from haloscope.measuring.reflection import fit_reflection
from haloscope.measuring.transmission import fit_transmission
from tests.physics.haloscope.measuring.traces import (
    NU0_HZ,
    Line,
    frequencies,
    reflected,
    transmitted,
)

NU = frequencies(6.0, 51)
FITS = {fit_transmission: transmitted(NU), fit_reflection: Line().through(NU, reflected(NU, 2.0))}


def changed(values: np.ndarray, at: int, value: complex) -> np.ndarray:
    copy = values.copy()
    copy[at] = value
    return copy


@pytest.mark.parametrize("fit", FITS)
def test_data_that_cannot_be_fitted_are_refused_by_name(fit):
    s = FITS[fit]
    with pytest.raises(ValueError, match=r"8 or more, have \(5,\), \(5,\)"):
        fit(NU[:5], s[:5])
    with pytest.raises(ValueError, match=r"\(51,\), \(50,\)"):
        fit(NU, s[:50])
    with pytest.raises(ValueError, match="1 S-parameters are not finite, the first is point 7"):
        fit(NU, changed(s, 7, np.nan))
    with pytest.raises(ValueError, match="1 frequencies are not finite, the first is point 3"):
        fit(changed(NU, 3, np.inf), s)
    with pytest.raises(ValueError, match="zero everywhere"):
        fit(NU, np.zeros(51))
    with pytest.raises(ValueError, match=rf"{NU[8] * 1e-6:.6f} MHz stands there twice"):
        fit(changed(NU, 9, NU[8]), s)
    with pytest.raises(ValueError, match=rf"{NU[3] * 1e-6:.6f} MHz is out of order"):
        fit(changed(NU, 9, NU[3]), s)
    with pytest.raises(ValueError, match="above 0 Hz"):
        fit(NU - NU0_HZ, s)


@pytest.mark.parametrize("fit", FITS)
def test_a_sweep_downwards_is_the_same_trace(fit):
    s = FITS[fit]
    up, down = fit(NU, s), fit(NU[::-1], s[::-1])
    assert up == down


@pytest.mark.parametrize("fit", FITS)
def test_eight_points_are_enough(fit):
    nu = frequencies(3.0, 8)
    s = transmitted(nu) if fit is fit_transmission else Line().through(nu, reflected(nu, 2.0))
    assert fit(nu, s).frequency_hz == pytest.approx(NU0_HZ, abs=1.0)
