"""From documents to spectra, and the analysis that follows a scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from haloscope.analysis import touched as touched_module
from haloscope.analysis.apparatus import CAPP_12TB, apparatus_of
from haloscope.analysis.distinct import SameDataError
from haloscope.analysis.exchange.documents import (
    Document,
    MissingMeasurementError,
    spectra_from_documents,
)
from haloscope.analysis.exchange.keys import AmbiguousFieldError, key_of, value_in
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.update import OnlineUpdate, highest
from haloscope.mode_map import form_factor
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.recorded import NAMED, OLD, event

CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.03,
    "receiver_temperature_k": 1.21,
    "line_attenuation_db": None,
}


T0 = 1.7e9  # When the first event was recorded, s.


def documents(
    spectra: Spectra,
    *,
    uid: str = "run-0001",
    calibration: Any = CALIBRATION,
    named: str = NAMED,
) -> Iterator[Document]:
    """A run as a RunEngine emits it, with a stream the analysis must leave alone."""
    yield "start", {"uid": uid, "plan_name": "scan", "calibration": calibration}
    yield "descriptor", {"uid": f"{uid}-b", "run_start": uid, "name": "baseline"}
    yield "event", {"descriptor": f"{uid}-b", "seq_num": 1, "data": {f"{named}magnet_field": 12.0}}
    yield "descriptor", {"uid": f"{uid}-p", "run_start": uid, "name": "primary"}
    for row in range(len(spectra)):
        data = event(spectra, row, named)
        yield (
            "event",
            {"descriptor": f"{uid}-p", "seq_num": row + 1, "data": data, "time": T0 + row},
        )
    yield "stop", {"uid": f"{uid}-s", "run_start": uid}


@pytest.fixture(scope="module")
def whole() -> Spectra:
    """30 full spectra of 100 000 bins."""
    return make(scan_targets(30), bins=100_000, seed=7, axions={1.10011e9: 1.4})


def test_a_field_is_found_with_and_without_its_instruments_name() -> None:
    data = {"halo_beta": 1.0, "halo_beta_error": 0.1, "rod": 3.0, "halo_magnet_field": 12.0}
    assert key_of(data, "beta") == "halo_beta"
    assert key_of(list(data), "rod") == "rod"
    assert value_in(data, "halo_beta") == 1.0
    assert value_in(data, "gamma") is None
    with pytest.raises(AmbiguousFieldError, match=r"field: several .* halo_field, other_field"):
        key_of(["halo_field", "other_field"], "field")


@pytest.mark.parametrize("named", [NAMED, OLD])
def test_documents_become_spectra_in_si_units(whole: Spectra, named: str) -> None:
    few = whole.subset(slice(0, 3))
    read = spectra_from_documents(documents(few, named=named), whole=True)
    assert np.array_equal(read.power_w, few.power_w)
    assert read.frequency_start_hz == pytest.approx(few.frequency_start_hz, abs=1e-3)
    assert read.jpa_bandwidth_hz == pytest.approx(few.jpa_bandwidth_hz)
    assert read.errors["jpa_bandwidth_hz"] == pytest.approx(np.full(3, 1500.0))
    assert read.error("beta") == pytest.approx(np.full(3, 0.01))
    assert read.form_factor == pytest.approx(form_factor(few.cavity_frequency_hz))
    assert read.labels == ("run-0001:1", "run-0001:2", "run-0001:3")
    assert read.time_s.tolist() == [T0, T0 + 1, T0 + 2]
    assert read.calibration.receiver_temperature_k == 1.21
    assert read.calibration.line_attenuation_db == 0.4
    assert read.calibration.line_attenuation_db_error is None
    assert read.calibration.assumed == (
        "line_attenuation_db", "volume_m3", "field_ratio", "form_factor"
    )  # fmt: skip


def test_everything_assumed_is_named(whole: Spectra) -> None:
    few = whole.subset(slice(0, 2))
    stream = list(documents(few, calibration=None))
    del stream[-2][1]["data"][f"{NAMED}measured_beta_error"]
    read = spectra_from_documents(stream)
    assert read.calibration.assumed == (
        "receiver_gain_db", "receiver_temperature_k", "line_attenuation_db", "volume_m3",
        "field_ratio", "form_factor", "beta_error",
    )  # fmt: skip
    assert "beta" not in read.errors
    more = whole.subset(slice(2, 4))
    both = [*documents(few), *documents(more, uid="run-0002", calibration=None)]
    assert "receiver_gain_db" in spectra_from_documents(both).calibration.assumed
    online = Online(Options(filter_average=False))
    for name, document in stream:
        online(name, document)
    assert set(read.calibration.assumed) <= set(online.result().calibration.assumed)


def test_a_calibration_that_is_no_number_is_refused(whole: Spectra) -> None:
    broken = CALIBRATION | {"receiver_gain_db": float("nan")}
    with pytest.raises(ValueError, match="receiver_gain_db is nan dB, must be finite"):
        spectra_from_documents(documents(whole.subset(slice(0, 1)), calibration=broken))


def test_a_run_states_its_own_apparatus(whole: Spectra) -> None:
    few = whole.subset(slice(0, 2))
    stated = {"name": "other", "volume_m3": 1e-3, "field_ratio": 0.9, "form_factor": 0.45,
              "parameters_hash": "a" * 12}  # fmt: skip
    stream = list(documents(few))
    stream[0][1]["apparatus"] = stated  # type: ignore[index]
    read = spectra_from_documents(stream)
    assert (read.volume_m3, read.field_ratio) == (1e-3, 0.9)
    assert read.form_factor.tolist() == [0.45, 0.45]
    assert read.calibration.assumed == ("line_attenuation_db",)
    assert apparatus_of({"apparatus": CAPP_12TB.recorded()}).assumed == ()
    other = apparatus_of({"apparatus": stated, "parameters_hash": "b" * 12})
    assert "stated for parameters aaaaaaaa, run has bbbbbbbb" in other.assumed[0]
    with pytest.raises(ValueError, match="scans of different apparatus"):
        spectra_from_documents([*stream, *documents(few, uid="run-0002")])
    for wrong in ({"form_factor": "guess"}, {"volume_m3": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            apparatus_of({"apparatus": stated | wrong})


def test_beside_a_mode_crossing_the_form_factor_is_that_of_the_tm_share(whole: Spectra) -> None:
    few = whole.subset(slice(0, 2))
    low = few.cavity_frequency_hz[0] * 1e-6 - 0.6
    stream = list(documents(few))
    stream[0][1]["crossings_mhz"] = [[low, low + 0.4]]  # type: ignore[index]
    read = spectra_from_documents(stream)
    share = read.form_factor / form_factor(few.cavity_frequency_hz)
    away_hz = few.cavity_frequency_hz - (low + 0.2) * 1e6
    square = 200e3 * 20e3  # g^2 = x p
    assert share == pytest.approx(away_hz**2 / (away_hz**2 + square))
    assert 0.95 < share[0] < 0.99


@pytest.mark.parametrize(
    "wrong", ["1094 to 1095", 3, [1094.0], [[1095.0, 1094.0]], [[1, 2, 3]], [["a", "b"]]]
)
def test_crossings_that_are_no_intervals_are_refused(whole: Spectra, wrong: object) -> None:
    stream = list(documents(whole.subset(slice(0, 1))))
    stream[0][1]["crossings_mhz"] = wrong  # type: ignore[index]
    with pytest.raises(ValueError, match="crossings_mhz"):
        spectra_from_documents(stream)


def test_what_is_kept_of_a_spectrum_is_all_the_analysis_needs(whole: Spectra) -> None:
    few = whole.subset(slice(0, 20))
    small = spectra_from_documents(documents(few))
    assert small.power_w.shape[1] == 15020
    assert small.power_w.dtype == np.float32
    full = spectra_from_documents(documents(few), whole=True)
    assert np.array_equal(analyze(small).normalised, analyze(full).normalised)


def test_runs_with_another_receiver_gain_are_brought_to_the_first(whole: Spectra) -> None:
    few, more = whole.subset(slice(0, 2)), whole.subset(slice(2, 4))
    louder = replace(more, power_w=more.power_w * np.float32(2.0))
    second = CALIBRATION | {"receiver_gain_db": 104.0 + 10 * np.log10(2.0)}
    both = [*documents(few), *documents(louder, uid="run-0002", calibration=second)]
    read = spectra_from_documents(both, whole=True)
    assert read.power_w[2:] == pytest.approx(more.power_w, rel=1e-6)


def test_the_same_run_twice_is_refused_whatever_it_is_called(whole: Spectra) -> None:
    few = whole.subset(slice(0, 3))
    with pytest.raises(SameDataError, match=r"both labelled 'run-0001:1'.* \(2 more labels"):
        spectra_from_documents([*documents(few), *documents(few)])
    louder = replace(few, power_w=few.power_w * np.float32(1.7))
    second = CALIBRATION | {"receiver_gain_db": 104.0 + 10 * np.log10(1.7)}
    copies = [*documents(few), *documents(louder, uid="run-0002", calibration=second)]
    with pytest.raises(SameDataError, match=r"run-0001:1\) and spectrum 3 \(run-0002:1\) carry"):
        spectra_from_documents(copies)


def test_runs_of_different_lines_are_not_joined(whole: Spectra) -> None:
    few, more = whole.subset(slice(0, 2)), whole.subset(slice(2, 4))
    first = CALIBRATION | {"line_attenuation_db": 0.4, "line_attenuation_db_error": 0.05}
    other = CALIBRATION | {"line_attenuation_db": 0.5}
    both = [*documents(few, calibration=first), *documents(more, uid="r-2", calibration=other)]
    read = spectra_from_documents(both).calibration
    assert (read.line_attenuation_db, read.line_attenuation_db_error) == (0.5, None)
    far = CALIBRATION | {"line_attenuation_db": 1.4}
    with pytest.raises(ValueError, match=r"line attenuations 0\.4, 1\.4 dB .* analyse them apart"):
        spectra_from_documents(
            [*documents(few, calibration=first), *documents(more, uid="r-2", calibration=far)]
        )


def test_a_spectrum_of_another_length_is_named(whole: Spectra) -> None:
    stream = list(documents(whole.subset(slice(0, 4))))
    data = stream[-3][1]["data"]
    data[f"{NAMED}daq_spectrum"] = data[f"{NAMED}daq_spectrum"][:40_000]
    with pytest.raises(ValueError, match="event run-0001:3 has a spectrum of 40000 bins, the oth"):
        spectra_from_documents(stream, whole=True)


def test_bin_widths_that_differ_by_rounding_are_one(whole: Spectra) -> None:
    stream = list(documents(whole.subset(slice(0, 3))))
    stream[-2][1]["data"][f"{NAMED}daq_frequency_step"] = 10.0 * (1 + 1e-12)
    assert len(spectra_from_documents(stream)) == 3
    stream[-2][1]["data"][f"{NAMED}daq_frequency_step"] = 10.001
    with pytest.raises(ValueError, match=r"10\.0 Hz of event run-0001:1 and 10\.001 Hz of event"):
        spectra_from_documents(stream)


def test_pages_of_events_are_read_too(whole: Spectra) -> None:
    few = whole.subset(slice(0, 2))
    rows = [event(few, 0), event(few, 1)]
    page = {
        "descriptor": "run-0001-p",
        "seq_num": [1, 2],
        "time": [T0, T0 + 9],
        "data": {key: [row[key] for row in rows] for key in rows[0]},
    }
    start = [d for d in documents(few) if d[0] in {"start", "descriptor"}]
    read = spectra_from_documents([*start, ("event_page", page)], whole=True)
    assert np.array_equal(read.power_w, few.power_w)
    assert read.time_s.tolist() == [T0, T0 + 9]
    del page["time"]
    untimed = spectra_from_documents([*start, ("event_page", page)], whole=True)
    assert untimed.time_s.tolist() == [0.0, 0.0]


def test_runs_of_before_and_after_are_one_campaign(whole: Spectra) -> None:
    old, new = whole.subset(slice(0, 2)), whole.subset(slice(2, 4))
    both = [*documents(old, named=OLD), *documents(new, uid="run-0002")]
    assert len(spectra_from_documents(both)) == 4


def test_spectra_of_two_instruments_in_one_event_are_refused(whole: Spectra) -> None:
    stream = list(documents(whole.subset(slice(0, 1))))
    data = stream[-2][1]["data"]
    data["other_daq_spectrum"] = data[f"{NAMED}daq_spectrum"]
    with pytest.raises(AmbiguousFieldError, match="halo_2_daq_spectrum, other_daq_spectrum"):
        spectra_from_documents(stream)


def test_a_missing_measurement_is_named(whole: Spectra) -> None:
    stream = list(documents(whole.subset(slice(0, 1))))
    del stream[-2][1]["data"][f"{NAMED}measured_beta"]
    with pytest.raises(MissingMeasurementError, match="event run-0001:1: no measured_beta"):
        spectra_from_documents(stream)
    with pytest.raises(ValueError, match="no scan event"):
        spectra_from_documents(stream[:3])


def test_thirty_full_spectra_show_the_axion(whole: Spectra) -> None:
    result = analyze(whole)
    assert result.checks.all_converged
    assert len(result.candidates) == 1
    assert abs(result.candidates[0].frequency_hz - 1.10011e9) < 1000
    assert result.candidates[0].global_p < 1e-6


def test_online_and_offline_give_the_same_numbers(whole: Spectra) -> None:
    updates: list[OnlineUpdate] = []
    online = Online(publish=updates.append)
    for name, document in documents(whole):
        online(name, document)
    offline = spectra_from_documents(documents(whole))
    plain = analyze(offline, Options(filter_average=False))
    shown = online.result()
    assert np.array_equal(shown.normalised, plain.normalised)
    np.testing.assert_array_equal(shown.limit.coupling_per_gev, plain.limit.coupling_per_gev)
    assert shown.candidates == plain.candidates
    assert np.array_equal(shown.checks.width, plain.checks.width)
    finished, full = online.finish(), analyze(offline)
    assert np.array_equal(finished.normalised, full.normalised)
    assert len(updates) == 30


@pytest.mark.parametrize("baseline", ["letter", "pade"])
def test_a_spectrum_that_is_cut_changes_no_bit_of_the_others(baseline: Any) -> None:
    spectra = make(scan_targets(30), seed=6)
    spectra.power_w[[3, 20], [9000, 7500]] *= 2
    options = Options(filter_average=False, baseline=baseline)
    online = Online(options)
    for row in range(len(spectra)):
        online.add(spectra.subset([row]))
    shown, plain = online.result().grand, analyze(spectra, options)
    assert len(plain.spikes) == 2
    for item in fields(shown):
        one, other = getattr(shown, item.name), getattr(plain.grand, item.name)
        assert np.array_equal(one, other), item.name


def test_an_update_covers_what_one_spectrum_touches(whole: Spectra) -> None:
    updates: list[OnlineUpdate] = []
    online = Online(publish=updates.append, keep=False)
    for row in range(12):
        online.add(whole.subset([row]))
    sizes = {len(u.grand) for u in updates if u.grand is not None}
    assert max(sizes) - min(sizes) <= 12
    last = updates[-1]
    assert last.spectra == 12
    assert last.limit is not None
    shown = online.result()
    at = np.searchsorted(shown.frequency_hz, last.limit.frequency_hz[0] - 1)
    part = shown.limit.coupling_per_gev[at : at + len(last.limit.frequency_hz)]
    assert np.array_equal(part, last.limit.coupling_per_gev)
    assert highest(last)[1] == last.grand.normalised.max() if last.grand else False


def test_online_says_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="not 'savgol'"):
        Online(Options(baseline="savgol"))
    with pytest.raises(ValueError, match="no spectrum yet"):
        Online().result()
    with pytest.raises(ValueError, match="no windows kept"):
        Online(keep=False).finish()


def test_bins_are_worked_out_for_those_who_listen_and_the_result_is_the_same(
    whole: Spectra, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    stock = touched_module.grand_spectrum

    def counted(*given: Any, **more: Any) -> Any:
        looked.append(1)
        return stock(*given, **more)

    monkeypatch.setattr(touched_module, "grand_spectrum", counted)
    alone, heard, updates = Online(), Online(), list[OnlineUpdate]()
    heard.tell(updates.append)
    for name, document in documents(whole):
        alone(name, document)
    assert not looked
    for name, document in documents(whole):
        heard(name, document)
    assert len(looked) == len(updates) == len(whole)
    one, other = alone.result(), heard.result()
    assert one.quality.recorded() == other.quality.recorded()
    np.testing.assert_array_equal(one.limit.coupling_per_gev, other.limit.coupling_per_gev)
    np.testing.assert_array_equal(one.normalised, other.normalised)
