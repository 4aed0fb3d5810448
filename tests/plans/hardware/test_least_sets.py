"""Instruments with nothing but their least set: what works, what refuses, by which name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bluesky import RunEngine

from devices.amrr import Refrigerator as RefrigeratorDevice
from devices.haloscope import Haloscope as HaloscopeDevice
from devices.hardware.absent import AbsentError, is_absent
from devices.hardware.aliases import Laboratory
from devices.hardware.leaving_out import leave_out, leaves_of_class, missing_for, unwatched_in
from devices.simulated.amrr import Refrigerator
from devices.simulated.haloscope import Haloscope
from plans.offered import offered
from plans.shared.baseline import baseline
from plans.shared.needs import needs_of
from plans.shared.rehearsal import rehearse
from plans.shared.safety import clear_interlocks, suspenders
from tests.plans.conftest import Documents
from tests.plans.haloscope import table
from tests.plans.refrigerator import test_amrr_plans

OFFERED = {plan.__name__: plan for plan in offered()}
HALOSCOPE = [name for name in table.PLANS if name in OFFERED]
REFRIGERATOR = list(test_amrr_plans.PLANS)


def without(device: Any, keep: tuple[str, ...] = ()) -> Any:
    """The same device, left with its least set and with what those parts need."""
    leaves = leaves_of_class(type(device))
    gone = {
        leaf.path
        for leaf in leaves
        if not leaf.needed and not any(leaf.needed_for(part) for part in keep)
    }
    leave_out(device, gone)
    return device


@pytest.fixture
def halo() -> Any:
    device = Haloscope(name="haloscope", seed=11)
    given = device.apparatus
    without(device)
    device._given = given
    yield device
    device.bench.close()


def rehearsed(device: Any, plan: Callable[[Any], Any]) -> None:
    assert rehearse(plan(device), device).messages


@pytest.mark.parametrize("name", HALOSCOPE)
def test_a_haloscope_plan_needs_what_it_states_and_no_more(name: str) -> None:
    device = Haloscope(name="haloscope", seed=11)
    device._given = device.apparatus
    try:
        rehearsed(without(device, needs_of(OFFERED[name])), table.PLANS[name])
    finally:
        device.bench.close()


@pytest.mark.parametrize("name", REFRIGERATOR)
def test_a_refrigerator_plan_needs_what_it_states_and_no_more(name: str) -> None:
    device = Refrigerator(name="refrigerator")
    device._given = device.apparatus
    phases = ("cycle.phase",) if name == "run_cycles" else ()
    waypoint = ("cycle.pump_high",) if "waypoint" in name else ()
    keep = (*needs_of(OFFERED[name]), *phases, *waypoint)
    try:
        rehearsed(without(device, keep), test_amrr_plans.PLANS[name])
    finally:
        device.bench.close()


@pytest.mark.parametrize("name", [name for name in HALOSCOPE if needs_of(OFFERED[name])])
def test_a_plan_refuses_before_its_first_message(halo: Any, name: str) -> None:
    plan = table.PLANS[name](halo)
    missing = missing_for(halo, needs_of(OFFERED[name]))
    assert missing
    if name == "set_coupling":  # the table tunes first
        plan = OFFERED[name](halo)
    with pytest.raises(AbsentError, match=missing[0]) as refused:
        next(plan)
    assert str(refused.value).startswith(f"{name} needs")


def test_time_is_real_without_a_simulated_clock(halo: Any) -> None:
    assert halo.sim.speed_now() == 1.0
    assert halo.sim.timeout(100.0) == 230.0
    assert halo.sim.read() == {}


def test_readings_lack_what_is_absent_and_runs_are_whole(
    halo: Any, RE: RunEngine, documents: Documents
) -> None:
    from plans.haloscope.measure import transmission
    from plans.shared.common import in_run, record

    def plan() -> Any:
        yield from transmission(halo, 1100.0)
        yield from record([halo.vna, halo.fridge, halo.sim, halo.seal, *baseline(halo)], "primary")

    RE(in_run(plan(), {}))
    [event] = documents.events()
    assert "haloscope_vna_real" in event
    assert "haloscope_rod" in event
    assert not any("fridge" in key or "sim" in key for key in event)


def test_what_is_absent_refuses_by_its_pv(halo: Any) -> None:
    for act in (
        lambda: halo.magnet.field.set(1.0),
        lambda: halo.noise_source.temperature.check_value(0.1),
        lambda: halo.antenna.set(3.0),
        lambda: halo.high_resolution.trigger(),
        lambda: halo.settings.set({"high_resolution_center": 1100.0}),
        lambda: halo.seal.envelope_hash.get(),
    ):
        with pytest.raises(AbsentError, match="there is no HALO:"):
            act()
    assert halo.connected
    halo.stop()  # what there is


def test_it_is_said_what_is_not_watched(halo: Any, caplog: pytest.LogCaptureFixture) -> None:
    found = suspenders(halo)
    assert len(found) == 1  # the IOC itself
    told = unwatched_in(halo)
    assert [words.partition(":")[0] for words in told] == ["HALO"] * len(told)
    for pv in ("Interlock:Active_RBV", "Magnet:Quench_RBV", "Fridge:MXC_RBV", "JPA:Fault_RBV"):
        assert f"is not watched: there is no HALO:{pv}" in caplog.text
    with pytest.raises(AbsentError, match=r"clear_interlocks needs .*HALO:Interlock:Reset"):
        next(clear_interlocks(halo))


def test_a_device_states_what_it_is_without() -> None:
    laboratory = Laboratory("HALO:", absent=frozenset(["Sim:", "Interlock:"]))
    device = Haloscope(name="haloscope", laboratory=laboratory, description="any")
    try:
        assert is_absent(device.seal.blind)
        assert is_absent(device.interlock.active)
        assert not is_absent(device.ioc.heartbeat)
    finally:
        device.bench.close()


@pytest.mark.parametrize("device", [HaloscopeDevice, RefrigeratorDevice])
def test_every_part_that_plans_need_is_there(device: type) -> None:
    paths = {leaf.path for leaf in leaves_of_class(device)}
    for plan in OFFERED.values():
        for part in needs_of(plan):
            halo = any(path == part or path.startswith(f"{part}.") for path in paths)
            other = RefrigeratorDevice if device is HaloscopeDevice else HaloscopeDevice
            there = {leaf.path for leaf in leaves_of_class(other)}
            assert halo or any(path == part or path.startswith(f"{part}.") for path in there)
