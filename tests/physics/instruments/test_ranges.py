"""Limits after a change of units: rounding is forgiven, nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloscope.apparatus.timeline import checked
from instruments.errors import Refused
from instruments.ranges import landed

SCALES = st.sampled_from([1e-9, 1e-6, 1e-3, 1e3, 1e6, 1e9])


@given(limit=st.floats(1e-3, 1e9), scale=SCALES)
def test_a_limit_that_has_gone_through_a_change_of_units_is_itself(
    limit: float, scale: float
) -> None:
    assert checked("thing", limit * scale / scale, 0.0, limit, "K") <= limit
    assert checked("thing", -limit * scale / scale, -limit, 0.0, "K") >= -limit


@given(limit=st.floats(-100.0, 100.0), offset=st.floats(-1e3, 1e3))
def test_a_limit_that_has_gone_through_an_offset_is_itself(limit: float, offset: float) -> None:
    landed_on = landed((limit + offset) - offset, limit, limit + 10.0)
    assert limit <= landed_on
    assert landed_on == pytest.approx(limit, abs=1e-8)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.0 + 1e-6, -1e-6])
def test_what_is_beyond_is_refused(value: float) -> None:
    with pytest.raises(Refused):
        checked("thing", value, 0.0, 1.0, "K")
