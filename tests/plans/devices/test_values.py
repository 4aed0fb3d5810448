"""Whatever can be set refuses what it cannot take: one error, in words, before anything is put."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus

from devices.signals.fetches import Fetch
from devices.signals.reading import Readback
from devices.signals.settable import Settable, Targeting, limits_of
from devices.signals.values import InvalidValueError, UnknownNameError, check_number
from devices.waiting.claims import begins
from plans.shared.rehearsal import rehearse

POSITIONERS = {
    "haloscope": (
        "rod", "antenna", "magnet.field", "magnet.current", "noise_source.temperature", "cavity",
    ),
    "refrigerator": ("pump_a.field", "regen_b.current", "chx.heater_power"),
}  # fmt: skip


def settable(instrument: Any) -> Iterator[Any]:
    """All signals that can be set, and the positioners."""
    yield from (
        walk.item
        for walk in instrument.walk_signals()
        if isinstance(walk.item, Settable) and walk.item.metadata.get("write_access")
    )
    for path in POSITIONERS[instrument.name]:
        part = instrument
        for name in path.split("."):
            part = getattr(part, name)
        yield part


def what_it_takes(thing: Any) -> tuple[tuple[str, ...], tuple[float, float] | None, str]:
    """States, limits and unit of something that can be set."""
    if isinstance(thing, Settable):
        units = str(thing.metadata.get("units") or "")
        return thing.metadata.get("enum_strs") or (), limits_of(thing), units
    if thing.name.endswith("cavity"):
        return (), limits_of(thing.parent.vna.center), "MHz"
    return (), limits_of(thing.target), thing.egu


def misfits(thing: Any) -> list[Any]:
    states, limits, _ = what_it_takes(thing)
    if states:
        return ["Nowhere", "", None, -1, len(states), 0.5, math.nan, [0], object()]
    if isinstance(thing, Settable) and thing._string:
        return [None, True, 1.0, ["nine"], b"nine", math.nan, "n" * 40, "\u00e9" * 20, object()]
    wrong = ["nine", "", None, True, [1.0], np.array([1.0, 2.0]), 1j, math.nan, math.inf, -math.inf]
    wrong += [np.float64("nan"), np.ma.masked, np.ma.array(1.0, mask=True)]
    if limits is not None:
        low, high = limits
        wrong += [low - 1.0, high + 1.0, math.nextafter(high, math.inf)]
    if isinstance(thing, Settable) and thing.whole():
        wrong.append(0.5 + (limits[0] if limits else 0.0))
    return wrong


@pytest.mark.parametrize("name", POSITIONERS)
def test_all_that_can_be_set_refuses_what_it_cannot_take_and_puts_nothing(
    request: pytest.FixtureRequest, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instrument = request.getfixturevalue(name)
    puts: list[Any] = []
    monkeypatch.setattr(instrument.bench, "put", lambda *put: puts.append(put))
    tried = 0
    for thing in settable(instrument):
        states, limits, units = what_it_takes(thing)
        for value in misfits(thing):
            with pytest.raises(InvalidValueError) as refused:
                thing.set(value)
            message = str(refused.value)
            named = thing.parent if isinstance(thing, Targeting) else thing
            assert message.startswith(f"{named.name} = "), message
            if states:
                assert all(state in message for state in states), message
            elif limits is not None:
                assert f"{limits[0]:.10g} to {limits[1]:.10g} {units}".rstrip() in message, message
            tried += 1
    assert not puts
    assert tried > 400


def test_a_plan_is_told_the_states_of_a_switch(RE: RunEngine, haloscope: Any) -> None:
    words = "haloscope_switch_selected = 'Nowhere' is none of Cavity, Noise source, Open"
    with pytest.raises(InvalidValueError, match=words):
        RE(bps.mv(haloscope.switch.selected, "Nowhere"))
    with pytest.raises(InvalidValueError, match=words):
        rehearse(bps.mv(haloscope.switch.selected, "Nowhere"), haloscope)
    with pytest.raises(InvalidValueError, match=words):
        haloscope.settings.set({"vna_path": "Weak", "switch_selected": "Nowhere"})


@pytest.mark.parametrize("values", [5.0, None, "vna_path", ["vna_path"]])
def test_what_is_set_by_names_wants_a_mapping(haloscope: Any, values: Any) -> None:
    with pytest.raises(InvalidValueError, match="is no mapping from names to values"):
        haloscope.settings.set(values)
    with pytest.raises(InvalidValueError, match="is no mapping from names to values"):
        haloscope.measured.set(values)


def test_unknown_names_are_told_without_quotes(haloscope: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"^haloscope has no setting vna_colour$"):
        haloscope.settings.set({"vna_colour": 1.0})
    with pytest.raises(UnknownNameError, match=r"^haloscope_measured has no gamma$"):
        haloscope.measured.set({"gamma": 1.0})
    with pytest.raises(
        InvalidValueError, match=r"^haloscope_measured_beta = 'two' is not a number$"
    ):
        haloscope.measured.set({"beta": "two"})


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(1), np.array(0.5), 1, 0.5])
def test_every_kind_of_number_is_taken(value: Any) -> None:
    assert check_number("x", value, "T", (0.0, 1.0)) == float(value)


def test_a_value_just_beyond_its_limit_can_be_told_from_it() -> None:
    with pytest.raises(InvalidValueError, match=r"^x = 1\.0000001 T is outside 0 to 1 T$"):
        check_number("x", 1.0000001, "T", (0.0, 1.0))


def test_a_refused_command_fails_with_the_reason(RE: RunEngine, refrigerator: Any) -> None:
    refrigerator.chx.mode.set("Closed loop").wait(10.0)
    with pytest.raises(FailedStatus, match="closed loop sets the power; open it first"):
        RE(bps.mv(refrigerator.chx.heater_power, 100.0))
    refrigerator.pump_a.current.set(1.0).wait(60.0)
    refrigerator.bench.machine.magnets["PumpA"].quench()
    refrigerator.bench.let_pass(2.0)
    with pytest.raises(FailedStatus, match="pump_a_control refused: PumpA: quench is latched"):
        RE(bps.mv(refrigerator.pump_a.control, "Zero"))


@pytest.mark.parametrize("value", ["1101.0", True, None, [1101.0], float("nan"), 1e9, b"1101"])
def test_what_a_setting_holds_excuses_no_other_value(haloscope: Any, value: Any) -> None:
    haloscope.settings.set({"vna_center": 1101.0}).wait(10.0)
    with pytest.raises(InvalidValueError, match="vna_center"):
        haloscope.settings.set({"vna_path": "Weak", "vna_center": value})


def test_a_setting_of_another_type_that_is_held_is_not_put_again(haloscope: Any) -> None:
    haloscope.settings.set({"vna_num_points": 101, "vna_center": 1101.0}).wait(10.0)
    same = {"vna_num_points": np.int64(101), "vna_center": np.float32(1101.0)}
    assert haloscope.settings.set(same).done


def test_what_is_overtaken_by_an_action_while_it_is_asked_for_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overtaken(_: object) -> Fetch:
        begins()
        return Fetch("X")

    monkeypatch.setattr("devices.signals.reading.ask_for", overtaken)
    signal = Readback("X", name="x")
    signal.foresee()
    assert signal._foreseen is not None
    assert not signal._foreseen.holds()
    signal.destroy()
