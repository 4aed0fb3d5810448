"""Faults on demand: what an operator sees, and what the machine does."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from instruments.errors import Refused
from iocs.ioc import Ioc
from pvdb.records import Severity
from tests.iocs.conftest import Run
from tests.iocs.driving import let_pass, start, wait_for
from tests.iocs.plants import make

MXC = "Fridge:MXC_RBV"


@pytest.fixture
def ioc() -> Ioc:
    ioc = make("haloscope", "--seed", "6")
    ioc.clock.paused = True
    return ioc


async def break_sensor(ioc: Ioc, kind: str, size: float = 0.01) -> None:
    await ioc.database.put("Sim:FaultSensor", "MXC")
    await ioc.database.put("Sim:FaultSize", size)
    await ioc.database.put("Sim:FaultKind", kind)


async def readings(ioc: Ioc, count: int) -> list[float]:
    found = []
    for _ in range(count):
        await let_pass(ioc, 1.0)
        found.append(ioc.database[MXC].value)
    return found


def test_a_stuck_sensor_does_not_move_and_a_cleared_one_does(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        await break_sensor(ioc, "Stuck")
        assert len(set(await readings(ioc, 5))) == 1
        assert ioc.database["Sim:Fault_RBV"].value == "MXC stuck"
        await ioc.database.put("Sim:FaultClear", 1)
        assert len(set(await readings(ioc, 5))) == 5

    run(story())


def test_noise_and_offset_are_of_the_size_asked_for(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        await break_sensor(ioc, "Offset", 0.02)
        assert np.mean(await readings(ioc, 5)) == pytest.approx(0.045, abs=0.001)
        for size_k in (0.005, 0.05):
            await break_sensor(ioc, "Noise", size_k)
            assert 0.5 * size_k < np.std(await readings(ioc, 60)) < 2.0 * size_k

    run(story())


@pytest.mark.parametrize(("name", "value"), [("Sim:FaultKind", "Drop-out"), ("Sim:FaultLink", 1)])
def test_a_reading_that_is_gone_is_invalid_and_says_why(
    ioc: Ioc, run: Run, name: str, value: object
) -> None:
    async def story() -> None:
        await ioc.database.put("Sim:FaultSensor", "MXC")
        await ioc.database.put(name, value)
        assert math.isnan((await readings(ioc, 1))[0])
        alarm = ioc.database[MXC].alarm
        assert alarm.severity == Severity.INVALID_ALARM
        await ioc.database.put("Sim:FaultClear", 1)
        assert math.isfinite((await readings(ioc, 1))[0])
        assert ioc.database[MXC].alarm.severity == Severity.NO_ALARM

    run(story())


def test_the_interlock_believes_the_faulty_reading(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        warm = start(ioc, "NoiseSource:Temp", 0.3)
        await let_pass(ioc, 1.0)
        await break_sensor(ioc, "Offset", 0.1)
        await let_pass(ioc, 1.0)
        assert ioc.database["NoiseSource:Temp"].value == 0.025
        warm.cancel()
        await asyncio.gather(warm, return_exceptions=True)

    run(story())


def test_a_fault_needs_its_sensor(ioc: Ioc, run: Run) -> None:
    with pytest.raises(Refused, match="choose Sim:FaultSensor"):
        run(ioc.database.put("Sim:FaultKind", "Stuck"))


def test_a_stalled_motor_ends_its_put_short_of_the_target_in_alarm(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        await ioc.database.put("Sim:FaultStall", "Antenna")
        await wait_for(ioc, start(ioc, "Antenna", 6.0))
        assert ioc.database["Antenna.DMOV"].value == 1
        assert ioc.database["Antenna.RBV"].value == pytest.approx(5.5)
        assert ioc.database["Antenna.RBV"].alarm.severity == Severity.MAJOR_ALARM
        await wait_for(ioc, start(ioc, "Antenna", 6.0))
        assert ioc.database["Antenna.RBV"].value == pytest.approx(6.0)
        assert ioc.database["Antenna.RBV"].alarm.severity == Severity.NO_ALARM

    run(story())


def test_a_quench_on_demand_quenches(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        await ioc.database.put("Sim:FaultQuench", "Magnet")
        await let_pass(ioc, 3.0)
        assert ioc.database["Magnet:Quench_RBV"].value == "Yes"

    run(story())


def test_a_radio_line_is_in_the_spectra_taken_while_it_is_on(ioc: Ioc, run: Run) -> None:
    async def story() -> None:
        await ioc.database.put("DAQ:NumAverages", 100)
        await ioc.database.put("Sim:FaultRFIFrequency", 1100.1)
        await ioc.database.put("Sim:FaultRFIPower", 1000.0)
        await wait_for(ioc, start(ioc, "DAQ:Acquire", 1))
        disturbed = np.array(ioc.database["DAQ:Spectrum_RBV"].value)
        await ioc.database.put("Sim:FaultRFIPower", 0.0)
        await ioc.database.post()
        assert ioc.database["DAQ:Spectrum_RBV"].value.max() == disturbed.max()
        start_mhz = ioc.database["DAQ:FrequencyStart_RBV"].value
        assert int(disturbed.argmax()) == round((1100.1 - start_mhz) * 1e5)
        assert disturbed.max() == pytest.approx(1e-9, rel=0.05)
        await wait_for(ioc, start(ioc, "DAQ:Acquire", 1))
        assert ioc.database["DAQ:Spectrum_RBV"].value.max() < 1e-10

    run(story())
