"""What the IOCs do by themselves when something is wrong, and the words for it."""

from __future__ import annotations

import asyncio

import pytest

from instruments.errors import Refused
from iocs.ioc import Ioc
from tests.iocs.conftest import Run
from tests.iocs.driving import let_pass, start, wait_for
from tests.iocs.plants import make


@pytest.fixture
def haloscope() -> Ioc:
    ioc = make("haloscope", "--seed", "2")
    ioc.clock.paused = True
    return ioc


def value(ioc: Ioc, name: str) -> object:
    return ioc.database[name].value


def test_nothing_moves_while_the_digitizer_acquires(haloscope: Ioc, run: Run) -> None:
    async def story() -> None:
        spectrum = start(haloscope, "DAQ:Acquire", 1)
        await let_pass(haloscope, 1.0)
        for motor in ("Rod", "Antenna"):
            with pytest.raises(Refused, match="no motion while digitizing"):
                await haloscope.database.put(motor, 30.0 if motor == "Rod" else 4.0)
        assert value(haloscope, "Interlock:Active_RBV") == "No", "a lock, not a fault"
        await haloscope.database.put("DAQ:Abort", 1)
        await let_pass(haloscope, 1.0)
        await spectrum
        await wait_for(haloscope, start(haloscope, "Antenna", 4.9))

    run(story())


LOCKED_WHILE_DIGITIZING = {
    "Switch": "Noise source",
    "LO:Frequency": 1100.0,
    "JPA:FluxCurrent": 1.0,
    "JPA:Resonance": 1100.0,
    "JPA:PumpFrequency": 2200.0,
    "JPA:PumpPower": -60.0,
    "JPA:Pump": "On",
}


def test_nothing_that_shapes_the_spectrum_changes_while_digitizing(
    haloscope: Ioc, run: Run
) -> None:
    async def story() -> None:
        await haloscope.database.put("JPA:Pump", "Off")
        spectrum = start(haloscope, "DAQ:Acquire", 1)
        await let_pass(haloscope, 1.0)
        for name, wanted in LOCKED_WHILE_DIGITIZING.items():
            before = value(haloscope, name)
            with pytest.raises(Refused, match=r"digitizing|while acquiring"):
                await haloscope.database.put(name, wanted)
            assert value(haloscope, name) == before
        await haloscope.database.put("JPA:Pump", "Off")
        await haloscope.database.put("DAQ:Abort", 1)
        await let_pass(haloscope, 1.0)
        await spectrum
        await haloscope.database.put("Switch", "Noise source")

    run(story())


@pytest.mark.parametrize(("axis", "target"), [("Rod", 30.0), ("Antenna", 4.0)])
def test_the_digitizer_does_not_start_while_an_axis_moves(
    haloscope: Ioc, run: Run, axis: str, target: float
) -> None:
    async def story() -> None:
        move = start(haloscope, axis, target)
        await let_pass(haloscope, 0.1)
        reason = str(value(haloscope, "DAQ:Message_RBV"))
        assert reason == f"no digitizing while moving: {axis.lower()}"
        with pytest.raises(Refused, match=reason):
            await haloscope.database.put("DAQ:Acquire", 1)
        assert value(haloscope, "DAQ:Acquire_RBV") == "Done"
        assert value(haloscope, "Interlock:Active_RBV") == "No"
        stop = start(haloscope, f"{axis}.STOP", 1)
        await let_pass(haloscope, 1.0)
        await asyncio.gather(move, stop)
        assert value(haloscope, "DAQ:Message_RBV") == ""
        spectrum = start(haloscope, "DAQ:Acquire", 1)
        await let_pass(haloscope, 1.0)
        assert not spectrum.done()
        await haloscope.database.put("DAQ:Abort", 1)
        await let_pass(haloscope, 1.0)
        await spectrum

    run(story())


def test_a_quench_switches_pump_and_noise_source_off(haloscope: Ioc, run: Run) -> None:
    async def story() -> None:
        await haloscope.database.put("JPA:Pump", "On")
        warm = start(haloscope, "NoiseSource:Temp", 0.3)
        await let_pass(haloscope, 5.0)
        haloscope.plant.machine.quench()
        await let_pass(haloscope, 5.0)
        assert value(haloscope, "Magnet:State_RBV") == "Quench"
        assert value(haloscope, "JPA:Pump_RBV") == "Off"
        assert value(haloscope, "NoiseSource:Temp") == 0.025
        assert value(haloscope, "Interlock:Active_RBV") == "Yes"
        assert "quenched" in str(value(haloscope, "Interlock:Reason_RBV"))
        for name, wanted in (("JPA:Pump", 1), ("NoiseSource:Temp", 0.1), ("Magnet:Field", 5.0)):
            with pytest.raises(Refused, match="quench"):
                await haloscope.database.put(name, wanted)
        with pytest.raises(Refused, match=r"0\.3 K is not reached: .*quenched"):
            await wait_for(haloscope, warm)

    run(story())


def test_a_warm_mixing_chamber_cuts_the_noise_source(haloscope: Ioc, run: Run) -> None:
    machine = haloscope.plant.machine

    async def story() -> None:
        warm = start(haloscope, "NoiseSource:Temp", 0.3)
        await let_pass(haloscope, 5.0)
        machine.fridge.load(0.0, 0.0, 0.05)
        await let_pass(haloscope, 60.0)
        assert value(haloscope, "NoiseSource:Temp") == 0.025
        assert "mixing chamber" in str(value(haloscope, "Interlock:Reason_RBV"))
        with pytest.raises(Refused, match=r"0\.3 K is not reached: .*mixing chamber"):
            await wait_for(haloscope, warm)

    run(story())


def test_an_oscillating_amplifier_loses_its_pump_until_switched_on_again(
    haloscope: Ioc, run: Run
) -> None:
    async def story() -> None:
        await haloscope.database.post()
        good_dbm = haloscope.database["JPA:PumpPower"].value
        await haloscope.database.put("JPA:PumpPower", -20.0)
        await haloscope.database.put("JPA:Pump", "On")
        await let_pass(haloscope, 2.0)
        assert value(haloscope, "JPA:Pump_RBV") == "Off"
        assert value(haloscope, "JPA:Fault_RBV") == "Yes"
        assert "oscillation" in str(value(haloscope, "JPA:Message_RBV"))
        assert "pump switched off" in str(value(haloscope, "Interlock:Reason_RBV"))
        await haloscope.database.put("JPA:PumpPower", good_dbm)
        await haloscope.database.put("JPA:Pump", "On")
        await let_pass(haloscope, 2.0)
        assert value(haloscope, "JPA:Pump_RBV") == "On"
        assert value(haloscope, "JPA:Fault_RBV") == "No"
        assert value(haloscope, "Interlock:Active_RBV") == "No"

    run(story())


def test_a_quench_in_one_magnet_ramps_its_partners_down(run: Run) -> None:
    ioc = make("amrr")
    ioc.clock.paused = True

    async def story() -> None:
        ramps = [start(ioc, f"{name}:Current", 1.0) for name in ("PumpA", "PumpB")]
        for ramp in ramps:
            await wait_for(ioc, ramp)
        ioc.plant.machine.magnets["PumpA"].quench()
        await let_pass(ioc, 2.0)
        assert value(ioc, "PumpA:State_RBV") == "Quench"
        assert value(ioc, "PumpB:State_RBV") == "Zeroing"
        assert value(ioc, "PumpA:Quench_RBV") == "Yes"
        assert "PumpA quenched" in str(value(ioc, "Interlock:Reason_RBV"))
        with pytest.raises(Refused, match="quenched"):
            await ioc.database.put("PumpB:Current", 2.0)
        with pytest.raises(Refused, match="latched"):
            await ioc.database.put("Cycle:Run", "Run")

    run(story())


def test_a_low_bath_stops_the_cycle_and_helium_frees_it(run: Run) -> None:
    ioc = make("amrr")
    ioc.clock.paused = True

    async def story() -> None:
        await ioc.database.put("Cycle:Run", "Run")
        await let_pass(ioc, 60.0)
        assert value(ioc, "Stage:HeLevel_RBV") == pytest.approx(100.0, abs=0.1)
        await ioc.database.put("Sim:FaultHeLevel", "Yes")
        await let_pass(ioc, 1000.0)
        assert ioc.database["Stage:HeLevel_RBV"].alarm.severity == 1
        assert value(ioc, "Cycle:State_RBV") == "Running"
        await let_pass(ioc, 100.0)
        assert value(ioc, "Cycle:State_RBV") == "Ramping down"
        assert ioc.database["Stage:HeLevel_RBV"].alarm.severity == 2
        assert "below 10 %" in str(value(ioc, "Interlock:Reason_RBV"))
        await let_pass(ioc, 300.0)
        assert value(ioc, "Cycle:State_RBV") == "Stopped"
        assert abs(ioc.database["PumpA:Current_RBV"].value) < 1e-3
        with pytest.raises(Refused, match="below 10 %"):
            await ioc.database.put("Cycle:Run", "Run")
        await ioc.database.put("Sim:FaultHeLevel", "No")
        await ioc.database.put("Stage:HeTransfer", "On")
        await let_pass(ioc, 600.0)
        assert value(ioc, "Interlock:Active_RBV") == "No"
        await ioc.database.put("Cycle:Run", "Run")
        await let_pass(ioc, 10.0)
        assert value(ioc, "Cycle:Run") == "Run"

    run(story())


def test_a_reset_at_idle_forgets_what_has_gone_since_the_last_step(
    haloscope: Ioc, run: Run
) -> None:
    machine = haloscope.plant.machine

    async def story() -> None:
        for _ in range(2):  # the cut of the heater works the loads out anew
            machine.fridge.load(0.0, 0.0, 0.05)
            await let_pass(haloscope, 60.0)
        await haloscope.database.put("Interlock:Reset", 1)
        assert "mixing chamber" in str(value(haloscope, "Interlock:Reason_RBV")), "still there"
        machine.fridge.load(0.0, 0.0, 0.0)
        machine.step(36_000.0)  # cold again; the IOC has taken no step of its own
        await haloscope.database.post()
        assert value(haloscope, "Interlock:Active_RBV") == "Yes", "latched"
        await haloscope.database.put("Interlock:Reset", 1)
        assert value(haloscope, "Interlock:Active_RBV") == "No"
        assert value(haloscope, "Interlock:Reason_RBV") == ""

    run(story())


def test_the_pump_may_be_switched_off_during_a_quench(haloscope: Ioc, run: Run) -> None:
    async def story() -> None:
        haloscope.plant.machine.quench()
        await let_pass(haloscope, 5.0)
        await haloscope.database.put("JPA:Pump", "Off")
        with pytest.raises(Refused, match="JPA: magnet quenched"):
            await haloscope.database.put("JPA:Pump", "On")

    run(story())


def test_an_interlock_sees_the_reading_of_a_faulty_sensor(haloscope: Ioc, run: Run) -> None:
    """Reading too much, it cuts the heater of a cold refrigerator; without a signal it is quiet."""
    faults = {"Sim:FaultSensor": "MXC", "Sim:FaultSize": 0.1, "Sim:FaultKind": "Offset"}

    async def story() -> None:
        for name, wanted in faults.items():
            await haloscope.database.put(name, wanted)
        await let_pass(haloscope, 1.0)
        assert "mixing chamber at 1" in str(value(haloscope, "Interlock:Reason_RBV"))
        with pytest.raises(Refused, match="NoiseSource: mixing chamber"):
            await haloscope.database.put("NoiseSource:Temp", 0.1)
        await haloscope.database.put("Sim:FaultKind", "Drop-out")
        await haloscope.database.put("Interlock:Reset", 1)
        await let_pass(haloscope, 1.0)
        assert value(haloscope, "Interlock:Active_RBV") == "No"

    run(story())


def test_a_reason_is_posted_before_what_its_interlock_has_done(run: Run) -> None:
    """A client that is told of the end of the cycle finds the reason when it asks for it."""
    ioc = make("amrr")
    ioc.clock.paused = True
    posted: list[str] = []

    async def story() -> None:
        await ioc.database.put("Cycle:Run", "Run")
        await let_pass(ioc, 60.0)
        ioc.database.watchers.append(lambda channel, _: posted.append(channel.record.name))
        ioc.plant.machine.magnets["PumpA"].quench()
        await let_pass(ioc, 2.0)
        assert value(ioc, "Cycle:State_RBV") == "Ramping down"
        assert posted.index("Interlock:Reason_RBV") < posted.index("Cycle:State_RBV")

    run(story())
