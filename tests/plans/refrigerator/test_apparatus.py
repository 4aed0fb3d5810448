"""What is fixed about a refrigerator comes from its parameter file: the default's, the GLF ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from bluesky import RunEngine
from ophyd.utils import LimitError

from amrr.describing import describe
from amrr.description import LONGEST_JSON, MistakesError, RefrigeratorDescription
from amrr.parameter_files import SHIPPED, shipped
from amrr.parameters import OperationParameters, RefrigeratorParameters
from devices.amrr import Refrigerator as OverPVs
from devices.parts.described import NoDescriptionError
from devices.simulated.amrr import Refrigerator
from plans.refrigerator.cooling import temperature_curve
from plans.refrigerator.running import cooldown
from plans.refrigerator.stability import temperature_stability
from plans.refrigerator.startup import safe_start
from plans.refrigerator.waypoints import waypoint_scan
from plans.shared.rehearsal import rehearse
from pvdb.refrigerator.alarms import bed_alarms, cold_alarms, stage_alarms

DEFAULT = describe(RefrigeratorParameters())
GLF = describe(shipped("glf").parameters)


@pytest.fixture
def another() -> Iterator[Any]:
    made = []

    def make(name: str = "", **more: Any) -> Any:
        parameters = shipped(name).parameters if name else RefrigeratorParameters()
        made.append(Refrigerator(name="refrigerator", parameters=parameters, **more))
        return made[-1]

    yield make
    for device in made:
        device.bench.close()


@pytest.mark.parametrize("name", ["", *SHIPPED])
def test_the_device_has_the_description_of_its_ioc(another: Any, name: str) -> None:
    device = another(name)
    machine = device.bench.machine
    assert device.apparatus == describe(machine.parameters)
    assert RefrigeratorDescription.from_json(device.apparatus.as_json()) == device.apparatus
    assert len(device.apparatus.as_json()) < LONGEST_JSON
    limits = device.apparatus.magnets
    for waypoint in ("pump_high", "regen_cold_start"):
        highest_t = limits.highest_pump_t if waypoint[0] == "p" else limits.highest_regenerator_t
        getattr(device.cycle, waypoint).check_value(highest_t * 0.999)
        with pytest.raises(LimitError):
            getattr(device.cycle, waypoint).check_value(highest_t * 1.001)


def _sets(plan: Any, device: Any, signal: Any) -> list[Any]:
    messages = rehearse(plan, device).messages
    return [m.args[0] for m in messages if m.command == "set" and m.obj is signal]


def test_a_cool_down_takes_the_load_of_its_machine(another: Any) -> None:
    for name, load_uw in (("", 600.0), ("glf", 175.0), ("glf_second", 100.0)):
        device = another(name)
        plan = cooldown(device, max_cycles=3)
        assert _sets(plan, device, device.chx.heater_power) == [pytest.approx(load_uw)]


def test_a_stage_that_another_machine_holds_is_not_set(another: Any) -> None:
    held, own = another("glf_second"), another()
    assert held.apparatus.stage.held
    assert _sets(safe_start(held), held, held.one_k_stage.setpoint) == []
    assert _sets(safe_start(own), own, own.one_k_stage.setpoint) == [1.6]


def test_what_glf_reaches_may_be_held_and_what_ggg_does_not_may_not(another: Any) -> None:
    glf, ggg = another("glf"), another()
    settings = _sets(temperature_curve(glf, [0.35, 0.25]), glf, glf.chx.setpoint)
    assert list(dict.fromkeys(settings)) == [0.35, 0.25]
    with pytest.raises(ValueError, match=r"0\.25 K is outside 0\.3 to 1\.6 K"):
        rehearse(temperature_curve(ggg, [0.25]), ggg)
    assert _sets(temperature_stability(glf), glf, glf.chx.setpoint) == [0.35]
    assert _sets(temperature_stability(ggg), ggg, ggg.chx.setpoint) == [0.9]
    second = another("glf_second")
    with pytest.raises(ValueError, match=r"0\.95 K is outside 0\.2 to 0\.9 K"):
        rehearse(temperature_curve(second, [0.95]), second)
    with pytest.raises(LimitError):
        rehearse(waypoint_scan(glf, "pump_high", [9.0]), glf)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_glf_machine_starts_by_the_plan_and_nothing_is_in_alarm(
    another: Any, RE: RunEngine, name: str
) -> None:
    device = another(name)
    RE(safe_start(device))
    assert device.cycle.state.get() == "Running"
    assert device.one_k_stage.temperature.alarm_severity == 0
    assert device.interlock.active.get() in (0, "No")
    setpoint_k = device.apparatus.cold.setpoint_k
    device.chx.setpoint.put(setpoint_k)
    assert device.chx.setpoint.get() == setpoint_k


def test_a_run_states_its_machine(another: Any, RE: RunEngine, documents: Any) -> None:
    from plans.refrigerator.running import run_cycles

    device = another("glf")
    RE(run_cycles(device, 1, record_phases=False))
    [start] = documents.of("start")
    stated = start["apparatus"]
    assert stated["name"] == "AMRR with GLF"
    assert RefrigeratorDescription.from_mapping(stated["description"]) == device.apparatus


def test_the_description_has_nothing_but_what_is_stated() -> None:
    assert set(GLF.as_dict()) == {
        "name", "stage", "cold", "cycle", "magnets", "helium", "parameters_hash"
    }  # fmt: skip
    assert GLF.hash() != DEFAULT.hash()
    run = replace(RefrigeratorParameters().operation, load_w=5e-4)
    other = replace(RefrigeratorParameters(), operation=run)
    assert other.digest() == RefrigeratorParameters().digest()
    assert describe(other).hash() != DEFAULT.hash()


@pytest.mark.parametrize("name", [item.name for item in fields(OperationParameters)])
def test_every_value_of_operation_is_served(name: str) -> None:
    """In the description, or as an alarm limit."""
    default = RefrigeratorParameters()
    value = getattr(default.operation, name)
    other = f"{value}2" if isinstance(value, str) else 0.99 * value
    changed = replace(default, operation=replace(default.operation, **{name: other}))

    def told(p: RefrigeratorParameters) -> tuple[Any, ...]:
        return describe(p), stage_alarms(p), cold_alarms(p), bed_alarms(p)

    assert told(changed) != told(default)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("stage", "setpoint_k"), "cold", "stage.setpoint_k is 'cold'"),
        (("cycle", "pump_high_t"), 19.0, "may not be above magnets.highest_pump_t"),
        (("cold", "load_w"), -1.0, "cold.load_w is -1.0, must be 0 to 10 W"),
        (("helium", "colour"), 1.0, "helium.colour does not exist"),
    ],
)
def test_a_served_description_that_cannot_be_is_refused(
    path: tuple[str, str], value: Any, words: str
) -> None:
    content = json.loads(DEFAULT.as_json())
    content[path[0]][path[1]] = value
    with pytest.raises(MistakesError, match=words):
        RefrigeratorDescription.from_mapping(content)


def test_without_a_description_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*_: Any, **__: Any) -> None:
        raise TimeoutError("Failed to connect to all signals")

    monkeypatch.setattr(OverPVs.__dict__["described"].cls, "wait_for_connection", not_found)
    alone = OverPVs("NOBODY:", name="refrigerator")
    with pytest.raises(NoDescriptionError, match="give the device a description"):
        _ = alone.apparatus
    alone.destroy()
    given = OverPVs("NOBODY:", name="refrigerator", description=GLF)
    assert given.apparatus is GLF
    given.destroy()
