"""Texts longer than a string of Channel Access, 39 characters, as the devices read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from devices.waiting.watch import Watch
from haloscope.apparatus.injection import envelope, envelope_hash, open_envelope
from haloscope.parameters import HaloscopeParameters

SHORT = 39
SEED = 1
"""Of the IOCs that all live tests share."""


@pytest.fixture
def paused(device: Haloscope) -> Iterator[None]:
    """Simulated time stands still: what is moving goes on moving."""
    device.sim.paused.put(1, wait=True)
    yield
    device.sim.paused.put(0, wait=True)


@pytest.mark.usefixtures("paused")
def test_a_long_refusal_arrives_whole(device: Haloscope) -> None:
    refusal = "Digitizer: no digitizing while moving: antenna"
    assert len(refusal) > SHORT
    told = Watch(device.ioc.refusal, lambda text: text == refusal, 20.0)
    device.antenna.user_setpoint.put(4.0, wait=False)
    device.daq.acquire.put(1, wait=True)
    told.wait()
    assert device.ioc.refusal.get() == refusal
    device.antenna.motor_stop.put(1, wait=False)


def test_hashes_arrive_whole(device: Haloscope) -> None:
    assert device.seal.envelope_hash.get() == envelope_hash(envelope(None, SEED))
    assert device.ioc.parameters_hash.get() == HaloscopeParameters.capp12tb().hash()


def test_an_opened_envelope_arrives_whole_and_fits_its_hash(device: Haloscope) -> None:
    assert device.seal.envelope.get() == ""
    device.seal.unseal.put(1, wait=True)
    contents = device.seal.envelope.get()
    assert contents == envelope(None, SEED)
    assert len(contents) > SHORT
    assert open_envelope(contents, device.seal.envelope_hash.get()) is None


def test_a_refusal_of_the_refrigerator_arrives_whole(refrigerator: Refrigerator) -> None:
    told = Watch(refrigerator.ioc.refusal, lambda text: text.startswith("CHX:HeaterPower"), 20.0)
    refrigerator.chx.heater_power.setpoint.put(6000.0, force=True, wait=True)
    told.wait()
    refusal = refrigerator.ioc.refusal.get()
    assert refusal == "CHX:HeaterPower = 6000 uW is outside 0 to 5000 uW"
    assert len(refusal) > SHORT
