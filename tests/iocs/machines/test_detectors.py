"""Detectors' stages as PVs: a power that is taken, a stage that is not there."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from amrr.parameters import DetectorParameters, RefrigeratorParameters
from instruments.errors import Refused
from pvdb.refrigerator.plant import refrigerator_plant
from tests.iocs.driving import let_pass
from tests.iocs.plants import make


def test_a_power_set_on_the_wire_warms_the_stage() -> None:
    async def story() -> None:
        ioc = make("amrr", "--seed", "1")
        ioc.clock.paused = True
        await let_pass(ioc, 1.0)
        before = float(ioc.database.channels["Detector1:Temp_RBV"].value)
        await ioc.database.put("Detector1:Power", 300.0)
        await let_pass(ioc, 60.0)
        channels = ioc.database.channels
        assert channels["Detector1:Power_RBV"].value == pytest.approx(300.0)
        assert channels["Detector1:Temp_RBV"].value > before + 0.01
        assert channels["ColdPath:Load_RBV"].value.max() == pytest.approx(300.0)
        assert channels["ColdPath:TempProfile_RBV"].value.shape == (
            channels["ColdPath:Position_RBV"].value.shape
        )

    asyncio.run(story())


def test_a_machine_without_a_stage_says_so() -> None:
    bare = replace(RefrigeratorParameters(), detector1=DetectorParameters())
    records = {record.name: record for record in refrigerator_plant(bare).records}
    temperature, power = records["Detector1:Temp_RBV"], records["Detector1:Power"]
    assert temperature.read is not None
    assert math.isnan(temperature.read())
    assert temperature.trouble is not None
    assert temperature.trouble() == "not fitted"
    assert power.write is not None
    with pytest.raises(Refused, match="this machine has no such stage"):
        power.write(1.0)
