"""What once was told twice and differed, held on both back ends."""

from __future__ import annotations

import pytest

from tests.backends.backends import Backend


def test_the_heaters_power_is_refused_while_the_loop_is_closed(refrigerator: Backend) -> None:
    refrigerator.put("CHX:Mode", "Closed loop")
    before = refrigerator.value("CHX:HeaterPower")
    begun = refrigerator.put("CHX:HeaterPower", before + 10.0)
    assert begun.words == "CHX:HeaterPower: the closed loop sets the power; open it first"
    assert refrigerator.value("CHX:HeaterPower") == before


def test_a_pause_in_the_middle_of_a_ramp_lets_the_put_wait(refrigerator: Backend) -> None:
    begun = refrigerator.put("PumpA:Current", 1.0)
    refrigerator.let_pass(0.5)
    assert refrigerator.put("PumpA:Command", "Pause").words == ""
    refrigerator.let_pass(5.0)
    assert refrigerator.value("PumpA:State_RBV") == "Paused"
    assert not begun.done
    refrigerator.put("PumpA:Command", "Ramp")
    refrigerator.let_pass(60.0)
    assert begun.words == ""
    assert refrigerator.value("PumpA:Current_RBV") == pytest.approx(1.0, abs=1e-3)


def test_the_setpoints_follow_the_supply_to_zero(refrigerator: Backend) -> None:
    refrigerator.put("PumpA:Current", 2.0)
    refrigerator.let_pass(60.0)
    refrigerator.put("PumpA:Command", "Zero")
    refrigerator.let_pass(1.0)
    assert refrigerator.value("PumpA:State_RBV") == "Zeroing"
    assert refrigerator.value("PumpA:Current") == 0.0
    assert refrigerator.value("PumpA:Field") == 0.0
    refrigerator.let_pass(60.0)
    assert refrigerator.value("PumpA:State_RBV") == "At zero"
    assert refrigerator.value("PumpA:Current") == 2.0  # kept: Ramp goes there again


def test_a_paused_cycle_still_runs(refrigerator: Backend) -> None:
    refrigerator.put("Cycle:Run", "Run")
    refrigerator.let_pass(30.0)
    refrigerator.put("Cycle:Pause", "Yes")
    assert refrigerator.value("Cycle:State_RBV") == "Paused"
    assert refrigerator.value("Cycle:Run") == "Run"


def test_the_supplys_message_is_in_words(refrigerator: Backend) -> None:
    assert refrigerator.value("PumpA:Message_RBV") == "At zero"
    refrigerator.put("PumpA:Current", 1.0)
    assert refrigerator.value("PumpA:Message_RBV") == "Ramping to 1 A"


def test_the_helium_is_there(refrigerator: Backend) -> None:
    assert refrigerator.value("Stage:HeLevel_RBV") > 50.0
    refrigerator.put("Sim:FaultHeLevel", "Yes")
    refrigerator.let_pass(600.0)
    refrigerator.put("Sim:FaultHeLevel", "No")
    low = refrigerator.value("Stage:HeLevel_RBV")
    assert refrigerator.put("Stage:HeTransfer", "On").words == ""
    refrigerator.let_pass(60.0)
    assert refrigerator.value("Stage:HeLevel_RBV") > low


def test_a_later_target_supersedes_and_a_quench_ends(haloscope: Backend) -> None:
    first = haloscope.put("Magnet:Current", 299.0)
    second = haloscope.put("Magnet:Field", 11.9)
    assert first.words == "Magnet:Current: superseded by a later put to Magnet:Field"
    haloscope.let_pass(1.0)
    assert not second.done
    assert haloscope.refusal == first.words, "who is told asks why"
    haloscope.plant.machine.quench()  # type: ignore[attr-defined]
    haloscope.let_pass(2.0)
    assert second.words is not None
    assert "quench" in second.words
    assert haloscope.refusal == second.words
    assert haloscope.value("Magnet:Quench_RBV") == "Yes"
    assert haloscope.alarm("Magnet:Quench_RBV")[1] == 2
    assert haloscope.put("Magnet:Field", 1.0).words


def test_an_acquisition_is_joined_by_a_second_put(haloscope: Backend) -> None:
    first = haloscope.put("DAQ:Acquire", 1)
    second = haloscope.put("DAQ:Acquire", 1)
    assert second.words == "" or second.words is None or "acquir" in second.words
    haloscope.let_pass(1.0)
    assert not first.done
    haloscope.put("DAQ:Abort", 1)
    haloscope.let_pass(1.0)
    assert first.words == ""


def test_an_interlock_refuses_in_words(haloscope: Backend) -> None:
    haloscope.plant.machine.quench()  # type: ignore[attr-defined]
    haloscope.let_pass(5.0)
    assert haloscope.value("Interlock:Active_RBV") == "Yes"
    begun = haloscope.put("JPA:Pump", "On")
    assert begun.words
    assert "quench" in begun.words
    assert haloscope.value("JPA:Pump") == "Off"


def test_a_single_step_wants_a_paused_clock(haloscope: Backend) -> None:
    haloscope.put("Sim:Pause", "No")
    assert haloscope.put("Sim:Step", 1.0).words == "the clock runs: pause it before stepping"
