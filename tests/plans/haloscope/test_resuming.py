"""What a campaign that goes on takes from its earlier runs."""

from __future__ import annotations

from typing import Any

from bluesky import RunEngine

from haloscope.analysis.online import Online
from plans.haloscope.campaign import campaign
from plans.haloscope.resuming import resumed
from plans.haloscope.steps import planned
from tests.plans.conftest import Documents


def test_spectra_of_calibrations_are_none_of_the_search(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    targets = planned(start_mhz=1100.0, stop_mhz=1100.08)
    first = Online()
    RE(campaign(haloscope, "mine", targets, averages=200, online=first))
    assert any(d["plan_name"] == "y_factor" for d in documents.of("start"))
    again = Online()
    assert resumed("mine", documents, again).done_mhz == targets
    assert again.result().quality.counts == first.result().quality.counts
    assert again.result().quality.spectra == first.result().quality.spectra
