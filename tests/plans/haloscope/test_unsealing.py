"""A blind run from its plans' side: the hash in every start document, the opening on record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus

from devices.simulated.haloscope import Haloscope
from haloscope.apparatus.injection import open_envelope
from plans.haloscope.scan import scan
from plans.haloscope.unsealing import unseal
from tests.iocs.blind.keys import KEY, LINE, assert_silent
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import MHZ, Y_FACTOR


@pytest.fixture
def blinded() -> Iterator[Any]:
    device = Haloscope(name="haloscope", blind=KEY)
    yield device
    device.bench.close()


def test_every_start_has_the_hash_and_no_seed_until_the_key_opens_it(
    RE: RunEngine, documents: Documents, blinded: Any
) -> None:
    RE(scan(blinded, [MHZ], averages=100, calibration=Y_FACTOR))
    before = list(documents)
    with pytest.raises(FailedStatus):
        RE(unseal(blinded, "0" * 32))
    with pytest.raises(FailedStatus):
        RE(unseal(blinded))
    assert list(documents) == before
    RE(unseal(blinded, KEY.unseal_key))
    RE(scan(blinded, [MHZ], averages=100, calibration=Y_FACTOR))
    search, opening, after = documents.of("start")
    for start in (search, opening, after):
        assert start["envelope_hash"] == KEY.hash
        assert start["blind"] is True
        assert "seed" not in start
    assert (search["unsealed"], "envelope" in search) == (False, False)
    for start in (opening, after):
        assert start["unsealed"] is True
        assert open_envelope(start["envelope"], search["envelope_hash"]) == LINE
        assert start["unsealed_at"]
        assert start["unsealed_by"] == "a client in this process"
    assert opening["plan_name"] == "unseal"
    # What every event says: a scan that goes on over an opening shows where it was opened.
    said = [event["haloscope_seal_unsealed"] for event in documents.events()]
    assert said == ["No", "Yes", "Yes"]
    assert_silent(repr(before))
    assert KEY.unseal_key not in repr(list(documents))


def test_a_run_that_is_not_blind_records_its_hash_and_its_seed(
    RE: RunEngine, documents: Documents, haloscope: Any
) -> None:
    RE(unseal(haloscope))
    (start,) = documents.of("start")
    assert (start["blind"], start["seed"], start["unsealed"]) == (False, 11, True)
    assert open_envelope(start["envelope"], start["envelope_hash"]) is None


def test_an_empty_key_is_refused_before_anything_is_put(haloscope: Any) -> None:
    with pytest.raises(ValueError, match="key is empty"):
        next(unseal(haloscope, " "))


def test_a_blind_haloscope_is_given_no_seed_besides() -> None:
    with pytest.raises(ValueError, match="come from its key alone"):
        Haloscope(name="haloscope", blind=KEY, seed=3)
