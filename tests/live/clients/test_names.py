"""What devices read over Channel Access: names of their own, what was set, true lengths."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.protocols import Locatable, Movable

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.signals.settable import Settable
from tests.plans.conftest import Documents


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest.fixture
def RE(documents: Documents) -> Iterator[RunEngine]:
    engine = make_run_engine()
    engine.subscribe(documents)
    yield engine
    close_run_engine(engine)


def test_both_instruments_in_one_run(
    RE: RunEngine, device: Any, refrigerator: Any, documents: Documents
) -> None:
    RE(bpp.baseline_wrapper(bp.count([device.fridge]), [device, refrigerator]))
    first, last = documents.events("baseline")
    for name in ("sim_time", "interlock_active"):
        assert {f"haloscope_{name}", f"refrigerator_{name}"} <= set(first)
    assert len(first) > 100
    assert set(first) == set(last)


def test_everything_settable_says_where_it_is(device: Any, refrigerator: Any) -> None:
    for instrument in (device, refrigerator):
        for walk in instrument.walk_signals(include_lazy=True):
            if isinstance(walk.item, Settable):
                assert isinstance(walk.item, Movable)
                assert isinstance(walk.item, Locatable)
                assert walk.item.hints == {"fields": list(walk.item.describe())}
                assert set(walk.item.locate()) == {"setpoint", "readback"}


@pytest.mark.parametrize(
    "path",
    [
        *("rod", "antenna", "magnet.field", "magnet.current", "noise_source.temperature"),
        *("cavity", "settings", "switch.selected", "vna.num_points", "jpa.pump_power"),
    ],
)
def test_what_is_set_is_read_by_a_plan(RE: RunEngine, device: Any, path: str) -> None:
    part = operator.attrgetter(path)(device)
    read = RE(bps.rd(part)).plan_result
    np.testing.assert_equal(read, part.locate()["readback"])
    assert set(part.hints["fields"]) <= set(part.describe()) == set(part.read())


def test_traces_of_different_lengths_in_one_scan(
    RE: RunEngine, device: Any, documents: Documents
) -> None:
    vna, before = device.vna, device.vna.num_points.get()
    RE(bp.list_scan([vna], vna.num_points, [101, 201, 3]))
    vna.num_points.set(before).wait(20.0)
    [descriptor] = documents.of("descriptor")
    for part in ("frequency", "real", "imaginary"):
        assert descriptor["data_keys"][f"haloscope_vna_{part}"]["shape"] == [None]
        lengths = [len(event[f"haloscope_vna_{part}"]) for event in documents.events()]
        assert lengths == [101, 201, 3]
    [start] = documents.of("start")
    assert start["hints"]["dimensions"][0][0] == ["haloscope_vna_num_points"]


def test_every_other_waveform_has_the_length_of_its_description(
    RE: RunEngine, device: Any, refrigerator: Any, documents: Documents
) -> None:
    fixed = [device.daq.spectrum, device.daq.preview]
    for regenerator in (refrigerator.regen_a, refrigerator.regen_b):
        fixed += [regenerator.profile, regenerator.profile_location]
    RE(bp.count(fixed, num=2))
    [descriptor] = documents.of("descriptor")
    for signal in fixed:
        (length,) = descriptor["data_keys"][signal.name]["shape"]
        assert length == len(signal.get()) > 1
