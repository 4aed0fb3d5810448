"""What devices read: every key under its instrument's name, all that is set, true lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.protocols import Locatable, Movable, Readable
from ophyd.utils import ReadOnlyError
from ophyd.utils.errors import LimitError

from devices.signals.reading import LengthError
from devices.signals.settable import Settable
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.exchange.documents import spectra_from_documents
from plans.haloscope.campaign import campaign
from plans.haloscope.resuming import resumed
from plans.shared.baseline import baseline
from plans.shared.common import record
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import PLANS, Y_FACTOR

INSTRUMENTS = ("haloscope", "refrigerator")
#: What moves or is set as a whole.
DEVICES = {
    "haloscope": (
        *("rod", "antenna", "magnet.field", "magnet.current", "noise_source.temperature"),
        *("cavity", "settings", "measured"),
    ),
    "refrigerator": (
        *(f"{side}.{what}" for side in ("pump_a", "regen_b") for what in ("field", "current")),
        *("chx.heater_power", "settings"),
    ),
}
SET = [(instrument, name) for instrument, names in DEVICES.items() for name in names]


def everything(device: Any) -> Iterator[Any]:
    """A device, its sub-devices and all signals."""
    yield device
    yield from (part for _, part in device.walk_subdevices(include_lazy=True))
    yield from (walk.item for walk in device.walk_signals(include_lazy=True))


def part_of(instrument: Any, path: str) -> Any:
    for name in path.split("."):
        instrument = getattr(instrument, name)
    return instrument


@pytest.fixture(params=INSTRUMENTS)
def instrument(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_every_key_of_both_instruments_is_its_own_and_begins_with_its_parents_name(
    haloscope: Any, refrigerator: Any
) -> None:
    names = []
    for device in (haloscope, refrigerator):
        for part in everything(device):
            names.append(part.name)
            if part is not device:
                assert part.name.startswith(part.parent.name)
                assert part.name.startswith(f"{device.name}_")
    shared = {name for name in names if names.count(name) > 1}
    # A positioner's readback has the positioner's own name: what it reads is where it is.
    assert all(part_name in POSITIONERS for part_name in shared), shared
    keys = [key for device in (haloscope, refrigerator) for key in device.describe()]
    assert len(keys) == len(set(keys)) > 100


POSITIONERS = {
    *("haloscope_rod", "haloscope_antenna", "haloscope_magnet_field", "haloscope_magnet_current"),
    *("haloscope_noise_source_temperature", "haloscope_cavity", "refrigerator_cycle_phase"),
    *(f"refrigerator_{m}_{x}_field" for m in ("pump", "regen") for x in "ab"),
    *(f"refrigerator_{m}_{x}_current" for m in ("pump", "regen") for x in "ab"),
    *("refrigerator_chx_heater_power", "refrigerator_detector1_power"),
    "refrigerator_detector2_power",
}  # fmt: skip


@pytest.mark.parametrize("configuration", [False, True])
def test_what_is_read_is_described(instrument: Any, configuration: bool) -> None:
    for part in everything(instrument):
        if configuration:
            assert set(part.read_configuration()) == set(part.describe_configuration())
        else:
            assert set(part.read()) == set(part.describe())
            assert set(part.hints.get("fields", [])) <= set(part.describe())


def test_everything_settable_is_readable_and_hinted(instrument: Any) -> None:
    own = 0
    for part in everything(instrument):
        if not isinstance(part, Movable):
            continue
        assert isinstance(part, Readable)
        if isinstance(part, Settable) or not hasattr(part, "put"):
            own += 1
            assert part.hints["fields"], part.name
            assert isinstance(part, Locatable), part.name
            assert set(part.locate()) == {"setpoint", "readback"}
    assert own > 15


@pytest.mark.parametrize(("name", "path"), SET)
def test_whatever_is_set_can_be_read_back_by_a_plan(
    RE: RunEngine, request: pytest.FixtureRequest, name: str, path: str
) -> None:
    part = part_of(request.getfixturevalue(name), path)
    where = RE(bps.locate(part)).plan_result
    np.testing.assert_equal(RE(bps.rd(part)).plan_result, where["readback"])
    np.testing.assert_equal(part.locate()["setpoint"], where["setpoint"])


def test_a_scan_of_the_cavity_records_where_it_was_sent_and_where_it_is(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    RE(bp.scan([haloscope.fridge], haloscope.cavity, 1100.0, 1100.005, 2))
    for event, target in zip(documents.events(), (1100.0, 1100.005), strict=True):
        assert event["haloscope_cavity_setpoint"] == target
        assert event["haloscope_cavity"] == pytest.approx(target, abs=1e-3)
    [descriptor] = documents.of("descriptor")
    assert descriptor["hints"]["haloscope_cavity"] == {"fields": ["haloscope_cavity"]}
    [start] = documents.of("start")
    assert [list(one) for one in start["hints"]["dimensions"]] == [
        [["haloscope_cavity"], "primary"]
    ]
    assert RE(bps.rd(haloscope.cavity)).plan_result == documents.events()[-1]["haloscope_cavity"]


@pytest.mark.parametrize(
    ("path", "start", "stop"),
    [("magnet.field", 12.0, 11.9), ("rod", 34.2, 34.3), ("noise_source.temperature", 0.03, 0.04)],
)
def test_a_scan_of_a_positioner_is_against_where_it_is(
    RE: RunEngine, haloscope: Any, documents: Documents, path: str, start: float, stop: float
) -> None:
    mover = part_of(haloscope, path)
    RE(bp.scan([haloscope.fridge], mover, start, stop, 2))
    [begun] = documents.of("start")
    assert [list(one) for one in begun["hints"]["dimensions"]] == [[[mover.name], "primary"]]
    told = mover.locate()
    event = documents.events()[-1]
    assert event[mover.name] == pytest.approx(stop, abs=0.01)
    asked = mover.user_setpoint if path == "rod" else mover.setpoint
    assert event[asked.name] == told["setpoint"] == pytest.approx(stop)


def test_a_step_from_where_an_untuned_cavity_is_is_refused(RE: RunEngine, haloscope: Any) -> None:
    assert np.isnan(RE(bps.rd(haloscope.cavity)).plan_result)
    with pytest.raises(LimitError, match="haloscope_cavity = nan MHz is outside 550 to 1650 MHz"):
        RE(bps.mvr(haloscope.cavity, 0.1))


def test_a_setting_that_is_scanned_is_what_the_scan_shows(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    RE(bp.list_scan([haloscope.lo], haloscope.jpa.pump_power, [-40.0, -38.0]))
    assert [event["haloscope_jpa_pump_power"] for event in documents.events()] == [-40.0, -38.0]
    [start] = documents.of("start")
    assert [list(one) for one in start["hints"]["dimensions"]] == [
        [["haloscope_jpa_pump_power"], "primary"]
    ]


def test_settings_are_scanned_together(RE: RunEngine, haloscope: Any, documents: Documents) -> None:
    points = [{"vna_span": 0.2, "vna_path": "Weak"}, {"vna_span": 0.4, "vna_path": "Bypass"}]
    RE(bp.list_scan([haloscope.fridge], haloscope.settings, points))
    for event, point in zip(documents.events(), points, strict=True):
        assert {name: event[f"haloscope_settings_{name}"] for name in point} == point


def test_a_relative_move_starts_at_the_setpoint(RE: RunEngine, haloscope: Any) -> None:
    RE(bps.mvr(haloscope.magnet.field, -0.1))
    assert haloscope.magnet.field.position == pytest.approx(11.9, abs=0.005)
    assert haloscope.magnet.field.locate()["setpoint"] == pytest.approx(11.9)


@pytest.mark.parametrize("whole", [True, False], ids=["whole instruments", "plans.shared.baseline"])
def test_both_instruments_in_one_baseline(
    RE: RunEngine, haloscope: Any, refrigerator: Any, documents: Documents, whole: bool
) -> None:
    both = [haloscope, refrigerator]
    devices = both if whole else [*baseline(haloscope), *baseline(refrigerator)]
    RE(bpp.baseline_wrapper(bp.count([haloscope.fridge]), devices))
    for event in documents.events("baseline"):
        for name in ("sim_time", *(["interlock_active"] if whole else [])):
            assert {f"haloscope_{name}", f"refrigerator_{name}"} <= set(event)
    [descriptor] = [d for d in documents.of("descriptor") if d["name"] == "baseline"]
    recorded = {**descriptor["data_keys"], **{
        key: 0 for one in descriptor["configuration"].values() for key in one["data_keys"]
    }}  # fmt: skip
    assert {"haloscope_ioc_version", "refrigerator_ioc_version"} <= set(recorded)


def test_a_rehearsal_says_where_things_were_sent(haloscope: Any) -> None:
    def plan() -> Any:
        assert (yield from bps.rd(haloscope.cavity, default_value=0)) == 0
        yield from bps.mv(haloscope.cavity, 1100.1, haloscope.vna.span, 0.2)
        yield from bps.mvr(haloscope.vna.span, 0.1)
        span = yield from bps.rd(haloscope.vna.span)
        return (yield from bps.rd(haloscope.cavity)), span

    assert rehearse(plan(), haloscope).result == (1100.1, pytest.approx(0.3))


@pytest.fixture
def renamed() -> Iterator[Any]:
    """A haloscope under a name that no plan can know."""
    device = Haloscope(name="halo_2", seed=11)
    yield device
    device.bench.close()


@pytest.mark.parametrize("name", PLANS)
def test_no_plan_knows_the_name_of_its_haloscope(renamed: Any, haloscope: Any, name: str) -> None:
    one, other = (
        rehearse(PLANS[name](haloscope), haloscope),
        rehearse(PLANS[name](renamed), renamed),
    )
    assert [m.command for m in one.messages] == [m.command for m in other.messages]
    assert other.duration_s == pytest.approx(one.duration_s)
    assert other.events == one.events


def test_a_campaign_of_a_haloscope_of_another_name_is_read_and_goes_on(
    RE: RunEngine, renamed: Any, documents: Documents
) -> None:
    targets = [1100.0, 1100.01]
    more: dict[str, Any] = {"averages": 50, "rescan_averages": 50, "find_crossings": True}
    first = campaign(renamed, "named", targets, calibration=Y_FACTOR, **more)
    assert RE(first).plan_result.taken_mhz == targets
    spectra = spectra_from_documents(documents)
    assert spectra.target_frequency_hz * 1e-6 == pytest.approx(targets)
    old = [(kind, _before(document)) for kind, document in documents]
    assert resumed("named", old) == resumed("named", documents)
    assert (
        RE(campaign(renamed, "named", targets, documents=old, **more)).plan_result.taken_mhz == []
    )


def _before(document: dict[str, Any]) -> dict[str, Any]:
    """A document as it was before keys held their instrument's name."""
    if "data" not in document:
        return document
    data = {key.removeprefix("halo_2_"): value for key, value in document["data"].items()}
    return {**document, "data": data}


def waveforms(device: Any) -> list[Any]:
    signals = (walk.item for walk in device.walk_signals(include_lazy=True))
    return [s for s in signals if s.describe()[s.name]["dtype"] == "array"]


def test_every_waveform_has_the_length_of_its_description_or_says_that_it_varies(
    instrument: Any,
) -> None:
    found = waveforms(instrument)
    assert len(found) == {"haloscope": 9, "refrigerator": 9}[instrument.name]
    for signal in found:
        described = signal.describe()[signal.name]["shape"]
        varies = described == [None]
        lengths_vary = ("haloscope_vna", "haloscope_high_resolution")
        assert varies == (signal.parent.name in lengths_vary), signal.name
        assert varies or list(signal.read()[signal.name]["value"].shape) == described


def test_traces_of_different_lengths_in_one_scan(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    vna = haloscope.vna
    vna.magnitude.kind = vna.phase.kind = "normal"
    RE(bp.list_scan([vna], vna.num_points, [101, 201, 3]))
    [descriptor] = documents.of("descriptor")
    for part in ("frequency", "real", "imaginary", "magnitude", "phase"):
        assert descriptor["data_keys"][f"haloscope_vna_{part}"]["shape"] == [None]
        lengths = [len(event[f"haloscope_vna_{part}"]) for event in documents.events()]
        assert lengths == [101, 201, 3]


@pytest.mark.parametrize("path", ["daq.spectrum", "daq.preview"])
def test_a_waveform_that_is_not_as_long_as_described_is_refused(
    RE: RunEngine, haloscope: Any, documents: Documents, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An IOC that comes back with other parameters, for example."""
    signal = part_of(haloscope, path)
    whole = signal.get()

    def run() -> Any:
        yield from record([signal], "primary")
        monkeypatch.setattr(signal, "get", lambda **_: whole[:-1])
        yield from record([signal], "primary")

    length = len(whole)
    with pytest.raises(
        LengthError, match=f"{signal.name}: {length - 1} values, .* {length} values"
    ):
        RE(bpp.run_wrapper(run()))
    assert len(documents.events()) == 1
    assert len(signal.read()[signal.name]["value"]) == length - 1  # a new run describes it anew


def test_what_cannot_be_set_says_so(haloscope: Any) -> None:
    with pytest.raises(ReadOnlyError, match="haloscope_daq_spectrum is read-only"):
        haloscope.daq.spectrum.set(1.0)
