"""The refrigerator's plans: rehearsed, and run on the refrigerator simulated in process."""

from __future__ import annotations

from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, Msg, MsgGenerator
from ophyd.utils.errors import LimitError

from plans.refrigerator import cooling, stability, waypoints
from plans.refrigerator import running as amrr
from plans.refrigerator.cycles import still_to_come
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents

BOX = {"pump_high": (1.2, 1.5)}
PLANS = {
    "safe_start": amrr.safe_start,
    "safe_shutdown": amrr.safe_shutdown,
    "run_cycles": lambda r: amrr.run_cycles(r, 3),
    "cooldown": amrr.cooldown,
    "recover_from_quench": lambda r: amrr.recover_from_quench(r, restart=True),
    "load_curve": lambda r: cooling.load_curve(r, [300.0, 600.0]),
    "temperature_curve": lambda r: cooling.temperature_curve(r, [1.2, 1.0]),
    "load_map": lambda r: cooling.load_map(r, [200.0, 0.0], [200.0, 300.0], [200.0, 300.0]),
    "temperature_stability": lambda r: stability.temperature_stability(r, cycles=3),
    "waypoint_scan": lambda r: waypoints.waypoint_scan(r, "pump_high", [1.3, 1.4]),
    "optimize_waypoints": lambda r: waypoints.optimize_waypoints(r, BOX, points=4),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_rehearsal_moves_nothing(refrigerator: Any, name: str) -> None:
    before = refrigerator.bench.machine.state()
    estimate = rehearse(PLANS[name](refrigerator), refrigerator)
    assert estimate.messages
    after = refrigerator.bench.machine.state()
    assert all((before[key] == after[key]).all() for key in ("machine", "supplies", "cycle"))


def test_a_rehearsal_estimates_the_duration(refrigerator: Any) -> None:
    estimate = rehearse(amrr.run_cycles(refrigerator, 3, record_phases=False), refrigerator)
    assert estimate.duration_s == 3 * 180.0
    assert estimate.events == 3


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (lambda r: amrr.cooldown(r, heater_power_uw=-1.0), "heater_power_uw = -1 uW"),
        (lambda r: amrr.cooldown(r, tolerance_k=float("nan")), "tolerance_k = nan K"),
        (lambda r: amrr.run_cycles(r, 0), "cycles = 0"),
        (lambda r: cooling.load_curve(r, []), "powers_uw is empty"),
        (lambda r: cooling.load_map(r, [1.0], [1.0, 2.0], [1.0]), "1, 2 and 1 loads"),
        (lambda r: cooling.load_map(r, [1.0], [-1.0], [1.0]), "detector1_uw = -1 uW"),
        (lambda r: stability.temperature_stability(r, 9.0), "temperature_k = 9 K"),
        (lambda r: stability.temperature_stability(r, cycles=1), "cycles = 1"),
        (lambda r: stability.temperature_stability(r, learning=2.0), "learning = 2"),
        (lambda r: cooling.temperature_curve(r, [5.0]), "temperatures_k = 5 K"),
        (lambda r: waypoints.waypoint_scan(r, "pump", [1.0]), "'pump' is none of"),
        (lambda r: waypoints.waypoint_scan(r, "pump_high", []), "values is empty"),
        (lambda r: cooling.load_curve(r, [6000.0]), "powers_uw = 6000 uW"),
        (lambda r: cooling.load_curve(r, [600.0], max_cycles=2), "max_cycles = 2"),
        (
            lambda r: cooling.temperature_curve(r, [1.0], tolerance_uw=-1.0),
            "tolerance_uw = -1 uW",
        ),
        (lambda r: waypoints.optimize_waypoints(r, {}), "nothing to optimise"),
        (lambda r: waypoints.optimize_waypoints(r, BOX, objective="cold"), "'cold' is unknown"),
        (lambda r: waypoints.optimize_waypoints(r, BOX, points=0), "points = 0"),
        (
            lambda r: waypoints.optimize_waypoints(r, BOX, temperature_k=4.0),
            "temperature_k = 4 K",
        ),
        (
            lambda r: waypoints.optimize_waypoints(r, {"pump_high": (2.0, 3.0)}),
            "outside the limits",
        ),
    ],
)
def test_nonsense_is_refused_before_anything_moves(
    refrigerator: Any, plan: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rehearse(plan(refrigerator), refrigerator)


def test_a_waypoint_beyond_the_supply_is_refused(refrigerator: Any) -> None:
    with pytest.raises(LimitError, match="pump_high"):
        rehearse(waypoints.waypoint_scan(refrigerator, "pump_high", [1.2, 9.0]), refrigerator)


def test_a_start_brings_the_stage_to_temperature_and_leaves_a_running_cycle_alone(
    RE: RunEngine, refrigerator: Any
) -> None:
    assert refrigerator.one_k_stage.temperature.get() < 1.65
    RE(amrr.safe_start(refrigerator, stage_temperature_k=1.7))
    assert refrigerator.one_k_stage.mode.get() == "Closed loop"
    assert refrigerator.one_k_stage.temperature.get() == pytest.approx(1.7, abs=0.05)
    assert refrigerator.cycle.state.get() == "Running"
    RE(amrr.safe_start(refrigerator, stage_temperature_k=1.6))
    assert refrigerator.one_k_stage.setpoint.get() == 1.7  # it ran already


def test_a_cooldown_ends_when_cycles_agree_and_leaves_the_machine_running(
    RE: RunEngine, refrigerator: Any, documents: Documents
) -> None:
    end = RE(amrr.cooldown(refrigerator, tolerance_k=0.03, max_cycles=30)).plan_result
    temperatures = [
        event["refrigerator_cycle_mean_chx_temperature"] for event in documents.events()
    ]
    assert end.converged
    assert end.cycles == len(temperatures) < 30
    assert temperatures[0] > 1.5 > 1.0 > temperatures[-1] == end.mean_temperature_k
    assert still_to_come(temperatures) <= 0.03 < still_to_come(temperatures[:-2])
    counts = [event["refrigerator_cycle_count"] for event in documents.events()]
    assert counts == list(range(1, len(counts) + 1))
    assert refrigerator.cycle.state.get() == "Running"
    assert documents.of("start")[0]["parameters_hash"]
    assert documents.of("stop")[0]["exit_status"] == "success"


def test_phases_are_recorded_one_by_one_and_the_shutdown_leaves_no_field(
    RE: RunEngine, refrigerator: Any, documents: Documents
) -> None:
    assert RE(amrr.run_cycles(refrigerator, 2)).plan_result == amrr.Recorded(2, unseen=0)
    phases = [event["refrigerator_cycle_phase"] for event in documents.events("phases")]
    assert phases[-8:] == ["No flow 1", "Flow B to A", "No flow 2", "Flow A to B"] * 2
    counts = [event["refrigerator_cycle_count"] for event in documents.events("phases")]
    assert counts[-8:] == [0, 0, 0, 1, 1, 1, 1, 2]
    assert {event["refrigerator_cycle_mean_chx_power"] for event in documents.events()} == {0.0}
    RE(amrr.safe_shutdown(refrigerator))
    assert refrigerator.cycle.state.get() == "Stopped"
    for magnet in refrigerator.magnets.values():
        assert abs(magnet.field.position) < 1e-3


def test_a_failure_ramps_the_magnets_down(
    RE: RunEngine, refrigerator: Any, documents: Documents
) -> None:
    with pytest.raises(RuntimeError, match="cut"):
        RE(_cut(amrr.run_cycles(refrigerator, 10, record_phases=False), saves=2))
    assert documents.of("stop")[0]["exit_status"] == "fail"
    assert refrigerator.cycle.state.get() == "Stopped"


def test_a_quench_is_named_and_recovered_from(RE: RunEngine, refrigerator: Any) -> None:
    RE(amrr.run_cycles(refrigerator, 1, record_phases=False))
    refrigerator.bench.machine.magnets["RegenA"].quench()
    with pytest.raises(FailedStatus) as failure:
        RE(amrr.run_cycles(refrigerator, 5, record_phases=False))
    assert "RegenA quenched" in str(failure.value.__cause__)
    assert refrigerator.regen_a.quench.get() == 1
    with pytest.raises(amrr.NotReadyError, match="regen_a: a quench is latched"):
        RE(amrr.safe_start(refrigerator))
    RE(amrr.recover_from_quench(refrigerator, restart=True))
    assert refrigerator.regen_a.quench.get() == 0
    assert refrigerator.cycle.state.get() == "Running"


def test_recovery_waits_for_a_current_that_still_flows(RE: RunEngine, refrigerator: Any) -> None:
    RE(amrr.run_cycles(refrigerator, 1, record_phases=False))
    refrigerator.bench.machine.magnets["RegenA"].quench()
    refrigerator.bench.let_pass(5.0)
    currents = [abs(m.current.readback.get()) for m in refrigerator.magnets.values()]
    assert max(currents) > 1.0
    RE(amrr.recover_from_quench(refrigerator))
    assert not any(magnet.quench.get() for magnet in refrigerator.magnets.values())
    for magnet in refrigerator.magnets.values():
        assert abs(magnet.current.readback.get()) < 0.02


def test_cycles_that_went_unseen_are_counted_in_the_events(
    RE: RunEngine,
    refrigerator: Any,
    documents: Documents,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trigger = type(refrigerator.cycle).trigger

    def late(cycle: Any) -> Any:
        """A client that looks away while one more cycle ends."""
        machine = refrigerator.bench.machine
        begin = machine.cycle.count
        while begin and machine.cycle.count == begin:
            refrigerator.bench.let_pass(10.0)
        return trigger(cycle)

    monkeypatch.setattr(type(refrigerator.cycle), "trigger", late)
    recorded = RE(amrr.run_cycles(refrigerator, 3, record_phases=False)).plan_result
    assert recorded == amrr.Recorded(3, unseen=2)
    assert [event["refrigerator_cycle_count"] for event in documents.events()] == [1, 3, 5]
    assert [event["refrigerator_cycle_unseen"] for event in documents.events()] == [0, 1, 1]
    documents.clear()
    [point] = RE(cooling.load_curve(refrigerator, [900.0], max_cycles=3)).plan_result
    assert point.unseen == 2
    assert sum(event["refrigerator_cycle_unseen"] for event in documents.events("cycles")) == 2
    assert caplog.text.count("cycles go by unseen") == 2


def test_no_cycle_goes_unseen_where_time_waits_for_the_client(
    RE: RunEngine, refrigerator: Any, documents: Documents
) -> None:
    assert RE(amrr.run_cycles(refrigerator, 3, record_phases=False)).plan_result.unseen == 0
    [descriptor] = documents.of("descriptor")
    assert (
        descriptor["data_keys"]["refrigerator_cycle_unseen"]["source"]
        == "PLAN:refrigerator_cycle_unseen"
    )
    assert [event["refrigerator_cycle_unseen"] for event in documents.events()] == [0, 0, 0]


def _cut(plan: MsgGenerator[Any], *, saves: int) -> MsgGenerator[Any]:
    """Throw an error into a plan after some events."""
    answer: Any = None
    left = saves
    while True:
        try:
            message: Msg = plan.send(answer) if left else plan.throw(RuntimeError("cut"))
        except StopIteration as end:
            return end.value
        if not left:
            left = -1
        answer = yield message
        left -= message.command == "save"


def test_descriptors_of_cycles_hold_the_cycles_own_configuration(
    RE: RunEngine, refrigerator: Any, documents: Documents
) -> None:
    RE(amrr.run_cycles(refrigerator, 1))
    primary = next(d for d in documents.of("descriptor") if d["name"] == "primary")
    assert "refrigerator_cycle_pump_high" in primary["configuration"]["refrigerator_cycle"]["data"]
    assert "refrigerator_cycle_unseen" in primary["data_keys"]
