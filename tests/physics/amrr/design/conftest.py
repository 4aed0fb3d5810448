"""A machine that studies can afford."""

from dataclasses import replace

import pytest

from amrr.design.points import running
from amrr.design.space import coarse
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator

COARSE = coarse(RefrigeratorParameters(), nodes=12, dt_s=0.25)


@pytest.fixture(scope="session")
def parameters() -> RefrigeratorParameters:
    """The default machine with 12 lumps along a bed."""
    return COARSE


@pytest.fixture
def machine() -> SimulatedRefrigerator:
    """The same, cycling."""
    return running(replace(COARSE))
