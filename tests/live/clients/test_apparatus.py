"""The description of the apparatus over channel access."""

from __future__ import annotations

from devices.haloscope import Haloscope
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters


def test_the_description_arrives_whole(device: Haloscope) -> None:
    stated = describe(HaloscopeParameters.capp12tb())
    assert device.apparatus == stated
    assert device.apparatus is device.apparatus
    assert device.described.hash.get() == stated.hash()
    assert device.described.apparatus_name.get() == "CAPP-12TB"
