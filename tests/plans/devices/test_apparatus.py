"""What a device says of its apparatus: served, given, changed, not to be had, nonsense."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from bluesky import RunEngine

from devices.haloscope import Haloscope as OverPVs
from devices.haloscope import NoDescriptionError
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.apparatus import apparatus_of
from haloscope.description import Description, describe
from haloscope.parameters import SHIPPED, HaloscopeParameters
from haloscope.planning.rounds import temperatures_of
from plans.haloscope.scan import scan
from plans.shared.suspending import SuspendWarm, suspenders

CAPP = describe(HaloscopeParameters.capp12tb())


@pytest.fixture
def another() -> Iterator[Any]:
    made = []

    def make(name: str, **more: Any) -> Any:
        made.append(
            Haloscope(name="haloscope", parameters=HaloscopeParameters.shipped(name), **more)
        )
        return made[-1]

    yield make
    for device in made:
        device.bench.close()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_apparatus_is_the_ioc_s(another: Any, name: str) -> None:
    device = another(name)
    assert device.apparatus == describe(HaloscopeParameters.shipped(name))
    assert device.apparatus is device.apparatus
    assert device.described.apparatus_name.get() == device.apparatus.name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_refrigerator_at_its_base_suspends_nothing(
    another: Any, name: str, RE: RunEngine
) -> None:
    device = another(name)
    [warm] = [one for one in suspenders(device) if isinstance(one, SuspendWarm)]
    RE.install_suspender(warm)
    assert not warm.tripped
    base_k = device.apparatus.cryostat.base_temperature_k
    assert base_k < warm._resume_thresh < warm._suspend_thresh < 3 * base_k + 0.1
    RE.remove_suspender(warm)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_y_factor_keeps_to_the_noise_source_s_range(another: Any, name: str) -> None:
    device = another(name)
    temperatures = temperatures_of(device.apparatus.noise_source)
    assert len(temperatures) >= 3
    assert list(temperatures) == sorted(temperatures)
    for kelvin in temperatures:
        device.noise_source.temperature.check_value(kelvin)


def test_the_y_factor_has_three_temperatures_in_any_range() -> None:
    source = replace(CAPP.noise_source, lowest_k=0.39)
    assert temperatures_of(source) == pytest.approx((0.39, 0.395, 0.4))
    assert temperatures_of(CAPP.noise_source) == pytest.approx((0.025, 0.1, 0.2, 0.3, 0.4))


def test_a_given_description_is_not_asked_of_the_ioc(another: Any) -> None:
    assert another("haystac", description=CAPP).apparatus is CAPP
    alone = OverPVs("NOBODY:", name="haloscope", description=CAPP)
    assert alone.apparatus is CAPP
    assert "described" not in alone._signals
    alone.destroy()


class _Served:
    """Answers of an IOC that are not the simulation's."""

    def __init__(self, device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.text, self.hash = CAPP.as_json(), CAPP.hash()
        monkeypatch.setattr(device.described.content, "get", lambda **_: self.text)
        monkeypatch.setattr(device.described.hash, "get", lambda **_: self.hash)

    def serve(self, description: Description) -> None:
        self.text, self.hash = description.as_json(), description.hash()


def test_a_description_that_changes_is_told_and_taken(
    another: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device = another("capp12tb")
    served = _Served(device, monkeypatch)
    assert device.apparatus == CAPP
    warmer = replace(CAPP, safety=replace(CAPP.safety, suspend_above_k=0.2))
    served.serve(warmer)
    with caplog.at_level(logging.WARNING, "devices.described"):
        assert device.apparatus == warmer
    assert "another apparatus is described now" in caplog.text
    assert warmer.hash() in caplog.text
    assert CAPP.hash() in caplog.text


def test_plans_are_held_by_what_is_stated_now(
    another: Any, monkeypatch: pytest.MonkeyPatch, RE: RunEngine
) -> None:
    """An IOC comes back with the file of a warmer machine, and then serves nonsense."""
    device = another("capp12tb")
    served = _Served(device, monkeypatch)
    [warm] = [one for one in suspenders(device) if isinstance(one, SuspendWarm)]
    RE.install_suspender(warm)
    warm(0.127)
    assert warm.tripped
    served.serve(describe(HaloscopeParameters.shipped("haystac")))
    warm(0.127)
    assert not warm.tripped
    served.text = "nonsense"
    served.hash = "0" * 16
    warm(0.127)
    assert not warm.tripped  # the last ones hold
    warm(0.25)
    assert warm.tripped
    RE.remove_suspender(warm)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "too deep|no JSON"),
        ('{"name": 5}', "not stated"),
        (CAPP.as_json().replace("0.03685", "-1"), "volume_m3 is -1"),
        (CAPP.as_json().replace("0.03685", "0.04"), "Hash_RBV says"),
        ("\x1b[2J" * 10, "no JSON"),
        ("x" * 300_000, "characters, at most"),
    ],
)
def test_nonsense_is_refused_in_words(
    another: Any, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    device = another("capp12tb")
    served = _Served(device, monkeypatch)
    served.text = text
    with pytest.raises(NoDescriptionError, match=words) as refused:
        _ = device.apparatus
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000
    assert "description=" in str(refused.value)


def test_an_ioc_that_serves_none_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    component = OverPVs.__dict__["described"]
    suffix_of = component.cls
    monkeypatch.setattr(suffix_of, "wait_for_connection", _not_found)
    alone = OverPVs("NOBODY:", name="haloscope")
    with pytest.raises(NoDescriptionError, match="start the IOC, or give the device a description"):
        _ = alone.apparatus
    alone.destroy()


def _not_found(*_: Any, **__: Any) -> None:
    raise TimeoutError("Failed to connect to all signals")


def test_a_run_of_another_haloscope_says_so(another: Any, RE: RunEngine, documents: Any) -> None:
    device = another("capp12tb")
    RE(scan(device, [1100.0], averages=20))
    [start] = documents.of("start")
    told = apparatus_of(start)
    assert told.description == device.apparatus
    assert told.assumed == ()
    assert start["apparatus"]["parameters_hash"] == start["parameters_hash"]
    haystac = describe(HaloscopeParameters.shipped("haystac"))
    other = apparatus_of({"apparatus": {"description": haystac.as_dict()}})
    assert (other.name, other.volume_m3, other.assumed) == ("HAYSTAC", 1.545e-3, ())
    expected = haystac.mode_map.form_factor([5.75e9])
    assert other.form_factor_at([5.75e9]) == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"description: .*volume_m3"):
        apparatus_of(
            {"apparatus": {"description": {**haystac.as_dict(), "cavity": {"volume_m3": 0}}}}
        )


def test_an_ioc_that_goes_while_it_is_asked_leaves_the_last_description(
    another: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = another("capp12tb")
    known = device.apparatus

    def gone(**_: object) -> str:
        raise TimeoutError("Failed to read the hash within 10.00 sec")

    monkeypatch.setattr(device.described.hash, "get", gone)
    assert device.apparatus is known
