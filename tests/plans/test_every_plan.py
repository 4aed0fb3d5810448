"""No plan without a rehearsal: what `plans` offers against the tables of the tests."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable

import pytest

import plans
from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from tests.plans.haloscope import table as haloscope_table
from tests.plans.refrigerator import test_amrr_plans

#: Parts of the refrigerator's plans, rehearsed within them alone.
PARTS = {"start_document", "until_periodic"}
REHEARSED: dict[type, set[str]] = {
    Haloscope: set(haloscope_table.PLANS),
    Refrigerator: set(test_amrr_plans.PLANS) | PARTS,
}


def offered(instrument: type) -> set[str]:
    """Public functions of `plans` that make a plan for an instrument, their first argument."""
    found = set()
    for info in pkgutil.walk_packages(plans.__path__, "plans."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isgeneratorfunction(thing) and _for(instrument, thing):
                found.add(name)
    return found


def _for(instrument: type, plan: Callable[..., object]) -> bool:
    first = next(iter(inspect.signature(plan).parameters.values()), None)
    return first is not None and first.annotation is instrument


@pytest.mark.parametrize("instrument", REHEARSED)
def test_every_plan_is_rehearsed(instrument: type) -> None:
    found = offered(instrument)
    assert len(found) > 5
    assert not found - REHEARSED[instrument], "add them to the table of the dry runs"
