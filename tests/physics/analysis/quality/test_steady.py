"""A median that is kept as values come is that of all of them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from haloscope.analysis.quality.steady import Steady

VALUES = st.one_of(
    st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, math.inf, -math.inf]), st.just(math.nan)
)
LOTS = st.lists(st.lists(VALUES, max_size=6), max_size=8)


@given(LOTS, st.lists(VALUES, min_size=1, max_size=9))
def test_it_is_the_median_of_all(lots: list[list[float]], last: list[float]) -> None:
    kept, every = Steady(), list[float]()
    for lot in lots:
        kept.add(np.array(lot))
        every += lot
    assert len(kept) == len(every)
    with np.errstate(invalid="ignore"):
        expected = float(np.median(np.array(every + last)))
    found = kept.median_with(np.array(last))
    assert found == expected or (math.isnan(found) and math.isnan(expected))
    assert len(kept) == len(every)
