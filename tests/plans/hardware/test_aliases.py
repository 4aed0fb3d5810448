"""What a laboratory's records are called and how they count: names, units, limits, states."""

from __future__ import annotations

import numpy as np
import pytest

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from devices.hardware.aliases import Alias, Laboratory
from devices.hardware.leaves import leaves_of
from devices.hardware.leaving_out import stated_absent

GAUSS = Alias("PS:B", "G", "T", factor=1e-4)


@pytest.mark.parametrize("value", [0.0, -3.5, 120000.0])
def test_a_number_goes_there_and_back(value: float) -> None:
    alias = Alias("T:1", "C", "K", factor=1.0, offset=273.15)
    for one in (GAUSS, alias, Alias("X", factor=-2.0, offset=1.0)):
        assert one.raw(one.shown(value)) == pytest.approx(value)


def test_an_array_is_converted_whole() -> None:
    assert GAUSS.shown(np.array([1, 2], dtype=np.int32)) == pytest.approx([1e-4, 2e-4])


def test_limits_and_unit_follow_and_a_negative_factor_swaps_them() -> None:
    told = {"lower_ctrl_limit": -10.0, "upper_ctrl_limit": 20.0, "units": "G", "value": 5.0}
    shown = Alias("X", "G", "T", factor=-1e-4).shown_metadata(told)
    limits = shown["lower_ctrl_limit"], shown["upper_ctrl_limit"]
    assert limits == pytest.approx((-2e-3, 1e-3))
    assert shown["units"] == "T"
    assert shown["value"] == pytest.approx(-5e-4)


def test_no_limits_stay_none() -> None:
    told = {"lower_ctrl_limit": 0.0, "upper_ctrl_limit": 0.0}
    shown = Alias("X", factor=2.0, offset=3.0).shown_metadata(told)
    assert shown["lower_ctrl_limit"] == shown["upper_ctrl_limit"]


def test_states_are_called_by_our_names() -> None:
    alias = Alias("X", states={"Off": "OFF", "On": "ON"})
    shown = alias.shown_metadata({"enum_strs": ("OFF", "ON", "AUTO"), "value": "ON"})
    assert shown["enum_strs"] == ("Off", "On", "AUTO")
    assert shown["value"] == "On"
    assert alias.raw("On") == "ON"
    assert alias.raw(1) == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"factor": 0.0}, "factor 0"),
        ({"factor": float("nan")}, "factor nan"),
        ({"offset": float("inf")}, "offset inf"),
        ({"states": {"Off": "X", "On": "X"}}, "two states"),
    ],
)
def test_what_cannot_be_turned_round_is_refused(how: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Alias("X", **how)  # type: ignore[arg-type]


def test_a_record_stands_for_all_its_fields_and_a_setpoint_for_its_readback() -> None:
    aliases = {"Rod": Alias("BL:m3"), "Rod.VELO": Alias("BL:v"), "LO:Frequency": Alias("LO1:F")}
    laboratory = Laboratory("H:", aliases)
    names = {name: laboratory.alias(f"H:{name}") for name in ("Rod.VAL", "Rod.VELO", "Antenna.VAL")}
    assert {name: alias and alias.pv for name, alias in names.items()} == {
        "Rod.VAL": "BL:m3.VAL", "Rod.VELO": "BL:v", "Antenna.VAL": None
    }  # fmt: skip
    device = Haloscope("H:", name="haloscope", laboratory=laboratory, description="any")
    assert device.rod.user_setpoint.pvname == "BL:m3.VAL"
    assert device.lo.frequency.pvname == device.lo.frequency.setpoint_pvname == "LO1:F"
    assert device.antenna.user_readback.pvname == "H:Antenna.RBV"
    device.destroy()


@pytest.mark.parametrize(
    ("device", "name", "words"),
    [
        (Haloscope, "Rod", "cannot do without Rod.RBV"),
        (Haloscope, "DAQ:Spectrum_RBV", "cannot do without DAQ:Spectrum_RBV"),
        (Haloscope, "DAQ:", "cannot do without DAQ:Acquire"),
        (Haloscope, "Frigde:", "is no PV of Haloscope"),
        (Refrigerator, "Cycle:Run", "cannot do without Cycle:Run"),
    ],
)
def test_what_an_instrument_needs_cannot_be_absent(device: type, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stated_absent(device, Laboratory("X:", absent=frozenset([name])))


def test_neither_simulation_nor_server_is_of_the_least_set() -> None:
    for device in (Haloscope, Refrigerator):
        needed = {name for leaf in leaves_of(device) if leaf.needed for name in leaf.names}
        assert not any(name.startswith(("Sim:", "IOC:")) for name in needed)
        assert 20 < len(needed) < 50
