"""Scans of the simulated receiver, whose ripple the baselines do not follow quite, are believed.

Twenty-one steps in which a misfit is seen that does not add up; the analysis says so after the scan
and while it runs, whether an axion is there or not, and however loud it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from bluesky import RunEngine

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.online import Online
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from haloscope.axion import AxionLine
from plans.haloscope.scan import scan
from plans.haloscope.steps import planned
from tests.plans.conftest import Documents
from tests.plans.haloscope.test_campaigns import CALIBRATION


def taken(
    RE: RunEngine, documents: Documents, seed: int, lines: Sequence[AxionLine]
) -> tuple[Spectra, Online]:
    """A narrow scan of 500 s a step, and what was made of it meanwhile."""
    device, online = Haloscope(name="haloscope", seed=seed, lines=lines), Online()
    RE.subscribe(online)
    targets = planned(start_mhz=1100.2, stop_mhz=1100.4)
    try:
        RE(scan(device, targets, averages=5000, calibration=CALIBRATION))
    finally:
        device.bench.close()
    return spectra_from_documents(list(documents)), online


@pytest.mark.parametrize("coupling", [0.0, 1.45e-15, 3e-15])
@pytest.mark.parametrize(("seed", "axion_mhz"), [(2, 1100.288082), (4, 1100.250088)])
def test_a_misfit_that_does_not_add_up_makes_no_scan_doubtful(
    RE: RunEngine, documents: Documents, seed: int, axion_mhz: float, coupling: float
) -> None:
    lines = [AxionLine(axion_mhz * 1e6, coupling)] if coupling else []
    spectra, online = taken(RE, documents, seed, lines)
    for result in (analyze(spectra), online.result()):
        # Seen, measured against a richer model, and found to do no harm.
        assert result.adequacy is not None
        assert result.adequacy.harm is not None
        assert result.adequacy.harm.added < 0.1
        assert result.believed, result.verdict()
        assert np.any([c.excess > 20 for c in result.candidates]) == (coupling > 0)
