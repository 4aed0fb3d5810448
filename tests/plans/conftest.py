"""Fixtures of the plans' tests: RunEngines that end, simulated devices that close, documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators
from ophyd.sim import (
    FakeEpicsSignal,
    FakeEpicsSignalRO,
    FakeEpicsSignalWithRBV,
    fake_device_cache,
)

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.signals.reading import Readback, Varying
from devices.signals.settable import Command, Order, Setting, Target

# ophyd's fakes stand in for this room's signals as for ophyd's own.
fake_device_cache.update(dict.fromkeys((Command, Order, Target), FakeEpicsSignal))
fake_device_cache[Setting] = FakeEpicsSignalWithRBV
fake_device_cache[Readback] = fake_device_cache[Varying] = FakeEpicsSignalRO


class Documents(list):
    """Documents of a RunEngine, each held against event-model's schema and its descriptor."""

    __hash__ = object.__hash__  # bluesky keeps subscribers in a dictionary

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        schema_validators[DocumentNames[name]].validate(document)
        if name == "event":
            [descriptor] = [d for d in self.of("descriptor") if d["uid"] == document["descriptor"]]
            assert_described(document["data"], descriptor["data_keys"])
        self.append((name, document))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [document for name, document in self if name == kind]

    def events(self, stream: str = "primary") -> list[dict[str, Any]]:
        """Data of all events of a stream, in order."""
        uids = {d["uid"] for d in self.of("descriptor") if d["name"] == stream}
        return [event["data"] for event in self.of("event") if event["descriptor"] in uids]


def assert_described(data: dict[str, Any], keys: dict[str, Any]) -> None:
    """Hold what an event says to what its descriptor said it would say."""
    assert set(data) == set(keys)
    for key, value in data.items():
        described, shape = keys[key]["shape"], list(np.shape(value))
        assert len(described) == len(shape), key
        assert all(a in (None, b) for a, b in zip(described, shape, strict=True)), key


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest.fixture
def RE(documents: Documents) -> Iterator[RunEngine]:
    engine = make_run_engine()
    engine.subscribe(documents)
    yield engine
    close_run_engine(engine)


@pytest.fixture
def refrigerator() -> Iterator[Any]:
    from devices.simulated.amrr import Refrigerator

    device = Refrigerator(name="refrigerator")
    yield device
    device.bench.close()


@pytest.fixture
def haloscope() -> Iterator[Any]:
    from devices.simulated.haloscope import Haloscope

    device = Haloscope(name="haloscope", seed=11)
    yield device
    device.bench.close()
