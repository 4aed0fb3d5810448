"""Ranges: one wording; rounding at a limit is forgiven, nothing else."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.errors import Refused
from instruments.ranges import all_within, commanded, landed, within

SCALES = st.sampled_from([1e-9, 1e-6, 1e-3, 1e3, 1e6, 1e9])


@given(limit=st.floats(1e-3, 1e9), scale=SCALES)
def test_a_limit_that_has_gone_through_a_change_of_units_is_itself(
    limit: float, scale: float
) -> None:
    assert commanded("thing", limit * scale / scale, 0.0, limit, "K") <= limit
    assert commanded("thing", -limit * scale / scale, -limit, 0.0, "K") >= -limit


@given(limit=st.floats(-100.0, 100.0), offset=st.floats(-1e3, 1e3))
def test_a_limit_that_has_gone_through_an_offset_is_itself(limit: float, offset: float) -> None:
    landed_on = landed((limit + offset) - offset, limit, limit + 10.0)
    assert limit <= landed_on
    assert landed_on == pytest.approx(limit, abs=1e-8)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "thing = nan K is outside 0 to 1 K"),
        (math.inf, "thing = inf K is outside 0 to 1 K"),
        (-math.inf, "thing = -inf K is outside 0 to 1 K"),
        (1.0 + 1e-6, "thing = 1.000001 K is outside 0 to 1 K"),
        (-1e-6, "thing = -1e-06 K is outside 0 to 1 K"),
        (10**400, "thing = inf K is outside 0 to 1 K"),
    ],
)
def test_what_is_beyond_is_refused_in_the_same_words_everywhere(value: float, said: str) -> None:
    for check, kind in ((within, ValueError), (commanded, Refused)):
        with pytest.raises(kind, match=f"^{re.escape(said)}$") as caught:
            check("thing", value, 0.0, 1.0, "K")
        assert type(caught.value) is kind
    if isinstance(value, float):
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            all_within("thing", [0.5, value, 0.7], 0.0, 1.0, "K")


def test_a_limit_at_infinity_leaves_the_other_one_sharp() -> None:
    assert within("thing", 1e300, 0.0, math.inf, "") == 1e300
    with pytest.raises(ValueError, match=r"^thing = -5 K is below 0 K$"):
        within("thing", -5.0, 0.0, math.inf, "K")
    with pytest.raises(ValueError, match=r"^thing = 6 is above 5$"):
        within("thing", 6.0, -math.inf, 5.0, "")
    with pytest.raises(ValueError, match=r"^thing = nan K is not a finite number$"):
        within("thing", math.nan, -math.inf, math.inf, "K")
    with pytest.raises(ValueError, match=r"^thing = inf is not a finite number$"):
        within("thing", math.inf, 0.0, math.inf, "")


def test_what_is_refused_never_reads_like_what_is_allowed() -> None:
    said = r"^thing = 1000000001\.00000\d+ Hz is outside 1000000000 to 1000000001 Hz$"
    with pytest.raises(ValueError, match=said):
        within("thing", 1e9 + 1 + 3e-6, 1e9, 1e9 + 1, "Hz")


def test_only_what_an_instrument_is_told_may_miss_its_limit_by_rounding() -> None:
    beyond = math.nextafter(1.0, 2.0)
    assert commanded("thing", beyond, 0.0, 1.0, "K") == 1.0
    with pytest.raises(ValueError, match=r"^thing = 1\.0000000000000002 K is outside 0 to 1 K$"):
        within("thing", beyond, 0.0, 1.0, "K")


@pytest.mark.parametrize("value", ["much", None, [1.0, 2.0]])
def test_what_is_no_number_is_named(value: object) -> None:
    with pytest.raises(ValueError, match=r"^thing = .* is not a number$"):
        within("thing", value, 0.0, 1.0, "K")  # type: ignore[arg-type]


def test_arrays_are_taken_with_their_limits_and_nothing_beyond() -> None:
    all_within("thing", np.linspace(0.0, 1.0, 5), 0.0, 1.0, "")
    all_within("thing", [], 0.0, 1.0, "")
    with pytest.raises(ValueError, match=r"^thing = 1\.5 is outside 0 to 1$"):
        all_within("thing", [[0.5, 1.5], [-1.0, 0.0]], 0.0, 1.0, "")


def test_a_whole_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(ValueError, match="lumps is beyond all numbers"):
        all_within("lumps", 10**400, 2, 400, "")
