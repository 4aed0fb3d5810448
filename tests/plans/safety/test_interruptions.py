"""Every positioner, interrupted in every way at every moment: it goes on, or says why not.

The rule: a positioner ends by where it is, not by an edge that it saw; a pause or a suspender ends
its status well, and it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine

from tests.plans.safety.interrupting import STEP_S, Catch, Interruption, Thing, duration_s

REFRIGERATOR = {
    "field": Thing(
        "pump_a.field", "PumpA:Field", (0.1, 0.3, 0.05, 0.2), 0.005, "pump_a.field.readback"
    ),
    "current": Thing(
        "regen_b.current", "RegenB:Current", (0.1, 0.5, 0.0, 0.3), 0.02, "regen_b.current.readback"
    ),
}
HALOSCOPE = {
    "magnet": Thing(
        "magnet.field", "Magnet:Field", (12.0, 11.9, 11.95, 11.97), 0.005, "magnet.field.readback"
    ),
    "noise source": Thing(
        "noise_source.temperature",
        "NoiseSource:Temp",
        (0.05, 0.2, 0.1, 0.15),
        0.005,
        "noise_source.temperature.readback",
    ),
    "rod": Thing("rod", "Rod.VAL", (35.0, 35.5, 35.1, 35.2), 1e-4, "rod.user_readback"),
    "rod's setpoint": Thing(
        "rod.user_setpoint", "Rod.VAL", (35.0, 35.5, 35.1, 35.2), 1e-4, "rod.user_readback"
    ),
    "antenna": Thing("antenna", "Antenna.VAL", (5.0, 6.0, 5.5, 4.5), 2e-3, "antenna.user_readback"),
}
THINGS = {**REFRIGERATOR, **HALOSCOPE}
WAYS = (
    "pause", "pause_twice", "deferred_pause", "suspend", "abort", "pause_and_abort", "stop", "fail",
    "halt", "set_while_moving",
)  # fmt: skip
#: Of the time that the move takes.
MOMENTS = {"begun": 0.0, "midway": 0.5, "last step": 1.0, "arrived": 1.0}


@pytest.fixture(scope="module")
def machines() -> Iterator[dict[str, Any]]:
    from devices.simulated.amrr import Refrigerator
    from devices.simulated.haloscope import Haloscope

    found = {
        "refrigerator": Refrigerator(name="refrigerator"),
        "haloscope": Haloscope(name="haloscope", seed=11),
    }
    yield found
    for device in found.values():
        device.bench.close()


@pytest.fixture(scope="module")
def took_s() -> dict[str, float]:
    """What a move of each thing takes in peace, once it was measured."""
    return {}


@pytest.fixture(params=THINGS)
def moved(
    request: pytest.FixtureRequest, machines: dict[str, Any], took_s: dict[str, float]
) -> tuple[Thing, Any, float]:
    """What is moved, its instrument, at its first place, and what a move takes."""
    thing = THINGS[request.param]
    instrument = machines["refrigerator" if request.param in REFRIGERATOR else "haloscope"]
    thing.of(instrument).set(thing.places[0]).wait(60.0)
    if request.param not in took_s:
        took_s[request.param] = duration_s(thing, instrument)
    return thing, instrument, took_s[request.param]


def after_s(moment: str, takes_s: float) -> float:
    """Seconds from the put to a moment of a move that takes so many."""
    # Two moves of the noise source, which settles exponentially, never take the same time.
    before_s = max(STEP_S, 0.005 * takes_s) if moment == "last step" else 0.0
    return max(0.0, MOMENTS[moment] * takes_s - before_s)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_move_that_is_interrupted(
    RE: RunEngine,
    moved: tuple[Thing, Any, float],
    way: str,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thing, instrument, takes_s = moved
    catch = Catch(instrument.bench, f"{instrument.prefix}{thing.channel}", monkeypatch)
    getattr(Interruption(RE, thing, instrument, catch), way)(after_s(moment, takes_s))
