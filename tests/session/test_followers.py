"""What follows a run's documents beside the catalog never ends the run."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from cryohalo.progress import _Follower
from cryohalo.publish import Publisher

ODD = {
    "an array": {"halo_measured_beta": np.zeros(3)},
    "a text": {"halo_measured_beta": "much"},
    "none": {"halo_measured_beta": None},
    "a list": {"halo_measured_beta": [1.0]},
    "nan": {"halo_measured_beta": float("nan")},
    "two instruments": {"halo_measured_beta": 1.0, "other_measured_beta": 2.0},
}


@pytest.mark.parametrize("kind", ODD)
def test_a_reading_that_is_no_number_is_not_published(kind: str) -> None:
    publisher = Publisher("NOBODY:SERVES:")
    try:
        publisher("event", {"data": ODD[kind], "descriptor": "d"})
    finally:
        publisher.close()


def test_why_a_document_is_not_published_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher("NOBODY:SERVES:")
    with caplog.at_level(logging.WARNING, "cryohalo.publish"):
        publisher("event", {"data": ODD["two instruments"]})
        publisher("event", {"data": ODD["an array"]})
    publisher.close()
    assert "several instruments have it" in caplog.messages[0]
    assert "Measured:Beta = [0. 0. 0.] is not published" in caplog.messages[1]


@pytest.mark.parametrize("kind", ODD)
def test_a_reading_that_is_no_number_is_not_shown(kind: str) -> None:
    follower = _Follower("measured_beta", "")
    follower.sees("event", {"data": ODD[kind]})
    assert follower.reading in ("", "measured beta read", "measured beta nan ")


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int16(2)])
def test_a_number_is_shown_with_its_unit(value: Any) -> None:
    follower = _Follower("measured_beta", "K")
    assert follower.sees("event", {"data": {"halo_measured_beta": value}})
    assert follower.reading == "measured beta 2 K"
