"""A run may say anything: what the analysis cannot use is refused by name, by a ValueError."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.exchange.test_documents_and_online import CALIBRATION, documents
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.recorded import event

ODD: dict[str, Any] = {
    "nothing": None,
    "a text": "104",
    "no text": "",
    "a list": [],
    "a list of a list": [[1.0]],
    "a map": {},
    "nan": float("nan"),
    "infinity": float("inf"),
    "below zero": -1.0,
    "zero": 0,
    "true": True,
    "bytes": b"x",
    "a huge integer": 2**64 - 1,
    "beyond all numbers": 10**400,
    "a huge number": 1e308,
    "a tiny number": 1e-308,
    "an array": np.array([1.0, 2.0]),
    "an array of texts": np.array(["a"]),
    "a complex number": 1j,
    "an array of no dimension": np.array("x"),
    "a matrix": np.ones((3, 4)),
    "no bins": np.zeros(0),
}
NO_NUMBERS = [kind for kind, value in ODD.items() if not isinstance(value, int | float | None)]


@pytest.fixture(scope="module")
def few() -> Spectra:
    return make(scan_targets(2), bins=20_000, seed=7)


def read(documents: Iterator[tuple[str, Any]]) -> str:
    """ "read", or why not."""
    try:
        spectra_from_documents(documents)
    except ValueError as error:
        said = str(error)
    else:
        said = "read"
    assert said.isprintable()
    return said


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_value_of_an_event_is_read_or_refused(few: Spectra, kind: str) -> None:
    for key in event(few, 0):
        spoilt = [(name, {**one, "data": {**one["data"], key: ODD[kind]}}
                   if name == "event" and "data" in one and key in one["data"] else one)
                  for name, one in documents(few)]  # fmt: skip
        said = read(iter(spoilt))
        used = key.removeprefix("halo_2_").startswith(("daq_f", "daq_n", "daq_s", "measured_"))
        used &= not (kind == "an array" and key.endswith("daq_spectrum"))
        if kind in NO_NUMBERS and used and "measured_jpa_gain" not in key:
            assert key.removeprefix("halo_2_") in said


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_calibration_is_read_or_refused(few: Spectra, kind: str) -> None:
    assert "calibration is" in read(documents(few, calibration=ODD[kind])) or kind in (
        *("nothing", "a map"),
    )
    for key in CALIBRATION:
        said = read(documents(few, calibration={**CALIBRATION, key: ODD[kind]}))
        if kind in NO_NUMBERS:
            assert key in said


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_apparatus_is_read_or_refused(few: Spectra, kind: str) -> None:
    good = {"name": "A", "volume_m3": 0.03, "field_ratio": 0.8, "form_factor": 0.6}

    def told(apparatus: Any) -> str:
        return read((name, {**one, "apparatus": apparatus} if name == "start" else one)
                    for name, one in documents(few))  # fmt: skip

    assert "apparatus is" in told(ODD[kind]) or kind in ("nothing", "a map")
    for key in ("volume_m3", "field_ratio", "form_factor"):
        said = told({**good, key: ODD[kind]})
        if kind in NO_NUMBERS:
            assert key in said


def test_gains_that_no_receiver_goes_between_are_refused(few: Spectra) -> None:
    far = {**CALIBRATION, "receiver_gain_db": 1e6}
    both = [*documents(few), *documents(few, uid="run-0002", calibration=far)]
    assert "receiver_gain_db is +999896 dB from that of the first run" in read(iter(both))
