"""Setting up: what commissioning, calibration and tuning wait for, take, and leave behind."""

from __future__ import annotations

from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import Msg, MsgGenerator

from devices.parts.sweeping import sweep_settings, sweeps_of
from plans.haloscope import calibration, measure, tuning
from plans.haloscope.commissioning import cool_and_ramp
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import Y_FACTOR

MHZ = 1100.0


def test_the_magnet_waits_for_the_cold_and_the_record_for_the_cold_after_it(haloscope: Any) -> None:
    def named(message: Msg) -> str:
        if message.command == "set":
            return "ramp" if message.obj is haloscope.magnet.field else ""
        until = message.command == "trigger" and message.obj.name == "until_haloscope_fridge_mxc"
        return "cold" if until else message.command if message.command == "save" else ""

    messages = rehearse(cool_and_ramp(haloscope, 11.0), haloscope).messages
    told = [name for message in messages if (name := named(message))]
    assert told == ["cold", "save", "ramp", "cold", "save"]


def test_a_quenched_magnet_is_not_ramped(RE: RunEngine, haloscope: Any) -> None:
    haloscope.bench.machine.quench()
    haloscope.bench.let_pass(5.0)
    with pytest.raises(RuntimeError, match=r"quench is latched: Quench latched, coil at .* K"):
        RE(cool_and_ramp(haloscope, 11.0))


def test_the_amplifiers_noise_is_measured_against_a_cold_source(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    haloscope.noise_source.temperature.set(0.2).wait(60.0)
    RE(calibration.jpa_noise(haloscope, MHZ, Y_FACTOR))
    for event in documents.events():
        assert event["haloscope_noise_source_temperature"] == pytest.approx(0.025, abs=0.005)


def test_a_line_attenuation_is_taken_with_the_pump_off_and_leaves_the_cavity_connected(
    RE: RunEngine, haloscope: Any
) -> None:
    haloscope.jpa.pump.set("On").wait(10.0)
    RE(calibration.line_attenuation(haloscope, MHZ))
    assert haloscope.jpa.pump.get() == "Off"
    assert haloscope.switch.selected.get() == "Cavity"


def test_a_calibration_takes_five_times_as_many_spectra_for_the_amplifier(haloscope: Any) -> None:
    messages = rehearse(calibration.calibrate(haloscope, MHZ, averages=40), haloscope).messages
    runs = {m.kwargs["plan_name"]: m.kwargs for m in messages if m.command == "open_run"}
    assert runs["y_factor"]["plan_args"]["averages"] == 40
    assert runs["jpa_noise"]["plan_args"]["averages"] == 200


# What a gain is held against ----------------------------------------------------------------------


def _references(haloscope: Any, *resonances_mhz: float) -> list[bool]:
    """Whether the bypass was swept anew for each of these gains, one after the other."""
    amplifier, swept = tuning.Amplifier(), []

    def plan() -> MsgGenerator[None]:
        for resonance_mhz in resonances_mhz:
            before = amplifier.reference
            yield from tuning.pump_off(haloscope, resonance_mhz, "Cavity", amplifier, {})
            swept.append(amplifier.reference is not before)

    rehearse(plan(), haloscope)
    return swept


def test_one_reference_serves_the_gains_inside_its_span(haloscope: Any) -> None:
    end_mhz = 0.45 * sweeps_of(haloscope).reference.span_hz / 1e6
    assert _references(haloscope, MHZ, MHZ + 0.1, MHZ - end_mhz / 2) == [True, False, False]
    assert _references(haloscope, MHZ, MHZ + end_mhz) == [True, True]
    assert _references(haloscope, MHZ, MHZ - end_mhz) == [True, True]


def test_a_reference_is_used_up(haloscope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "REFERENCE_USES", 2)
    assert _references(haloscope, *[MHZ] * 5) == [True, False, True, False, True]


# What is being set while the rod moves ------------------------------------------------------------


@pytest.mark.parametrize("offset_hz", [0.0, float("nan")], ids=["known rod", "new rod"])
def test_what_is_being_set_has_been_set_before_the_first_look(
    haloscope: Any, offset_hz: float
) -> None:
    """Also where the first look is a search, which is set otherwise."""
    groups: list[str] = []

    def plan() -> MsgGenerator[None]:
        look = sweeps_of(haloscope).transmission
        ready = yield from measure.begin(sweep_settings(haloscope, look, MHZ))
        groups.append(ready)
        rod = tuning.Rod(offset_hz=offset_hz)
        yield from tuning.tune_to(haloscope, MHZ, rod=rod, ready={look: ready})

    messages = rehearse(plan(), haloscope).messages
    waits = [m for m in messages if m.command == "wait" and groups[0] in m.kwargs.values()]
    [wait] = waits
    later = messages[messages.index(wait) :]
    assert not any(m.command == "trigger" for m in messages[: messages.index(wait)])
    assert any(m.command == "trigger" for m in later)
