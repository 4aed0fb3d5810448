"""No plan without a rehearsal: what `plans` offers against the tables of the tests."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import plans
from tests.plans import haloscope_table, test_amrr_plans

#: Parts of the refrigerator's plans, rehearsed within them alone.
PARTS = {"start_document", "until_periodic"}
REHEARSED = {
    "Haloscope": set(haloscope_table.PLANS),
    "Refrigerator": set(test_amrr_plans.PLANS) | PARTS,
}


def offered(instrument: str) -> set[str]:
    """Public functions of `plans` that make a plan for an instrument, their first argument."""
    found = set()
    for info in pkgutil.iter_modules(plans.__path__, "plans."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isfunction(thing) and _for(instrument, thing):
                found.add(name)
    return found


def _for(instrument: str, function: object) -> bool:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    first = next(iter(signature.parameters.values()), None)
    makes_a_plan = str(signature.return_annotation).startswith("MsgGenerator")
    return makes_a_plan and first is not None and first.annotation == instrument


@pytest.mark.parametrize("instrument", REHEARSED)
def test_every_plan_is_rehearsed(instrument: str) -> None:
    found = offered(instrument)
    assert len(found) > 5
    assert not found - REHEARSED[instrument], "add them to the table of the dry runs"
