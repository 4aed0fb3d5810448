"""Calibrations at several frequencies and times, brought to each spectrum with an error."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from haloscope.analysis.budget.contributions import Origin
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.exchange.interchange import read_spectra, write_spectra
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra, concatenate
from haloscope.analysis.tracking import Point, points_of, track
from tests.physics.analysis.exchange.test_documents_and_online import T0, documents
from tests.physics.analysis.generator import make, scan_targets

OPTIONS = Options(filter_average=False)


WHOLE = {
    "frequency_mhz": 1100.0, "time_s": 1.0, "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02, "line_attenuation_db": 0.4, "line_attenuation_db_error": 0.03,
}  # fmt: skip


def points(values: dict[float, float], *, round_s: float = 0.0, error: float = 0.01) -> list[Point]:
    """Gains by frequency in MHz; the loss is 0.4 dB."""
    return [
        Point(mhz * 1e6, round_s, round_s, value, error, 0.4, error)
        for mhz, value in values.items()
    ]


def at(known: list[Point], mhz: list[float], time_s: float = 0.0) -> np.ndarray:
    nu = 1e6 * np.array(mhz)
    return track(known, "gain", nu, np.full(len(nu), time_s)).value_db


def test_a_round_is_a_line_from_point_to_point_and_flat_beyond() -> None:
    known = points({1090: 104.0, 1100: 104.2, 1110: 104.1})
    found = at(known, [1080, 1090, 1095, 1105, 1120])
    assert found == pytest.approx([104.0, 104.0, 104.1, 104.15, 104.1])
    assert at([*known, *known], [1095]) == pytest.approx([104.1])


def test_between_two_rounds_time_decides() -> None:
    early, late = points({1100: 104.0}), points({1100: 104.4}, round_s=1000.0)
    found = [at([*late, *early], [1100], when)[0] for when in (-50.0, 0.0, 250.0, 1000.0, 9e9)]
    assert found == pytest.approx([104.0, 104.0, 104.1, 104.4, 104.4])


def test_rounds_are_in_the_order_of_their_times_whatever_they_are_called() -> None:
    early, late = points({1100: 104.0}, round_s=9.0), points({1100: 104.4}, round_s=5.0)
    known = [*(replace(p, time_s=0.0) for p in early), *(replace(p, time_s=1e3) for p in late)]
    found = [at(known, [1100], when)[0] for when in (-50.0, 250.0, 2000.0)]
    assert found == pytest.approx([104.0, 104.1, 104.4])


def test_what_lies_between_points_is_told_by_those_between_two_others() -> None:
    assert track(points({1090: 104.0, 1100: 104.3}), "gain", *np.ones((2, 3))).between_db is None
    rng, scatter, seen = np.random.default_rng(5), 0.04, []
    for _ in range(400):
        values = {1090 + 2.5 * k: float(scatter * rng.standard_normal()) for k in range(9)}
        known = points(values, error=0.0)
        seen.append(track(known, "gain", np.array([1.1e9]), np.zeros(1)).between_db)
    # With the error assumed, 0.05 dB, counted as one residual more.
    expected = math.sqrt((7 * scatter**2 + 0.05**2) / 8)
    assert math.sqrt(np.mean(np.square(seen))) == pytest.approx(expected, rel=0.05)


def test_points_that_miss_the_line_by_their_errors_alone_tell_of_nothing_more() -> None:
    rng, seen = np.random.default_rng(6), []
    for _ in range(200):
        values = {1090 + 2.5 * k: float(0.2 * rng.standard_normal()) for k in range(9)}
        known = points(values, error=0.2)
        seen.append(track(known, "gain", np.array([1.1e9]), np.zeros(1)).between_db)
    assert np.median(seen) < 0.15


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ({"points": 3}, "points is no list"),
        ({"points": [3]}, "point 0 is no set of values"),
        ({"points": [{"frequency_mhz": 1100.0}]}, "point 0 has no time_s"),
        ({"points": [{"frequency_mhz": 1.0, "time_s": 1.0, "receiver_gain_db": float("nan")}]},
         "receiver_gain_db is nan, must be finite"),
        ({"points": [WHOLE | {"line_attenuation_db": -3.0}]},
         "point 0: line_attenuation_db is -3.0 dB, must be 0 to 60 dB"),
        ({"points": [WHOLE | {"frequency_mhz": 1.1e9}]}, "frequency_mhz is 1100000000.0 MHz, must"),
        ({"points": [WHOLE | {"time_s": -1.0}]}, "time_s is -1.0 s, must"),
        ({"points": [WHOLE | {"receiver_gain_db_error": -0.1}]}, "db_error is -0.1, must not be"),
    ],
)  # fmt: skip
def test_points_that_are_none_are_refused_by_name(recorded: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        points_of(recorded)


# -- what the analysis makes of them -------------------------------------------------------------


@pytest.fixture(scope="module")
def stack() -> Spectra:
    return make(scan_targets(24), seed=4, axions={1.1e9 + 115e3: 2.0})


def test_a_line_that_gains_is_refused(stack: Spectra) -> None:
    offset = np.zeros(len(stack))
    offset[3] = -stack.calibration.line_attenuation_db
    replace(stack, line_attenuation_offset_db=offset)
    offset[3] -= 2.6
    words = r"loss of the line of spectrum 3 is -2\.6.* dB, must be 0 to 60 dB"
    with pytest.raises(ValueError, match=words):
        replace(stack, line_attenuation_offset_db=offset)


def test_an_offset_is_as_a_calibration_of_that_value(stack: Spectra) -> None:
    for offset, field in (
        ("line_attenuation_offset_db", "line_attenuation_db"),
        ("receiver_gain_offset_db", "receiver_gain_db"),
    ):
        by_offset = replace(stack, **{offset: np.full(len(stack), 0.1)})
        value = getattr(stack.calibration, field) + 0.1
        by_value = replace(stack, calibration=replace(stack.calibration, **{field: value}))
        one, other = analyze(by_offset, OPTIONS), analyze(by_value, OPTIONS)
        assert one.limit.coupling_per_gev == pytest.approx(other.limit.coupling_per_gev, rel=1e-6)
        plain = analyze(stack, OPTIONS).limit.coupling_per_gev
        assert np.all(np.abs(one.limit.coupling_per_gev / plain - 1) > 0.005)


def test_stacks_of_different_losses_are_right_together(stack: Spectra) -> None:
    low, high = stack.subset(slice(0, 12)), stack.subset(slice(12, 24))
    lossy = replace(high, calibration=replace(high.calibration, line_attenuation_db=0.55))
    whole = concatenate([low, lossy])
    assert whole.calibration.line_attenuation_db == 0.55
    loss_db = whole.calibration.line_attenuation_db + whole.line_attenuation_offset_db
    assert loss_db == pytest.approx([0.4] * 12 + [0.55] * 12)
    online = Online(OPTIONS)
    for part in (low, lossy):
        for row in range(len(part)):
            online.add(part.subset(slice(row, row + 1)))
    found = online.result().limit.coupling_per_gev
    assert found == pytest.approx(analyze(whole, OPTIONS).limit.coupling_per_gev, rel=1e-6)


def test_offsets_survive_the_interchange_file(stack: Spectra, tmp_path: Path) -> None:
    few = replace(stack.subset(slice(0, 3)), line_attenuation_offset_db=np.array([0.1, 0.0, -0.1]))
    write_spectra(tmp_path / "s.h5", few)
    after = read_spectra(tmp_path / "s.h5")
    assert np.array_equal(after.line_attenuation_offset_db, few.line_attenuation_offset_db)
    with h5py.File(tmp_path / "s.h5") as file:  # readers of before would pass over them
        assert file.attrs["version"] == 3
    write_spectra(tmp_path / "plain.h5", stack.subset(slice(0, 3)))
    with h5py.File(tmp_path / "plain.h5") as file:
        assert file.attrs["version"] == 1


# -- in documents --------------------------------------------------------------------------------


def point(
    mhz: float, loss_db: float, *, gain_db: float = 104.0, when: float = T0
) -> dict[str, float]:
    return {
        "frequency_mhz": mhz, "time_s": when, "round_s": when, "receiver_gain_db": gain_db,
        "receiver_gain_db_error": 0.02, "line_attenuation_db": loss_db,
        "line_attenuation_db_error": 0.01,
    }  # fmt: skip


def calibration(*known: dict[str, float]) -> dict[str, Any]:
    return {
        "receiver_gain_db": 104.0, "receiver_gain_db_error": 0.02, "receiver_temperature_k": 1.2,
        "line_attenuation_db": 0.4, "line_attenuation_db_error": 0.01, "points": list(known),
    }  # fmt: skip


def test_each_spectrum_takes_its_own_values_from_the_points(stack: Spectra) -> None:
    along = calibration(
        point(1100.0, 0.3), point(1100.115, 0.41, gain_db=104.1), point(1100.23, 0.5)
    )
    read = spectra_from_documents(documents(stack, calibration=along))
    mhz = stack.cavity_frequency_hz * 1e-6
    loss_db = read.calibration.line_attenuation_db + read.line_attenuation_offset_db
    assert loss_db == pytest.approx(np.interp(mhz, [1100.0, 1100.115, 1100.23], [0.3, 0.41, 0.5]))
    gain = np.interp(mhz, [1100.0, 1100.115, 1100.23], [0.0, 0.1, 0.0])
    assert read.receiver_gain_offset_db == pytest.approx(gain)
    origins = {line.term.name: line.origin for line in analyze(read, OPTIONS).budget.lines}
    assert origins["gain_between"] is Origin.MEASURED
    assert origins["loss_between"] is Origin.MEASURED


def test_what_lies_between_points_is_not_forgotten_beside_a_run_without(stack: Spectra) -> None:
    first, rest = stack.subset(slice(0, 10)), stack.subset(slice(10, 24))

    def between(middle_db: float) -> Any:
        rough = calibration(point(1100.0, 0.4), point(1100.1, middle_db), point(1100.2, 0.4))
        runs = [*documents(first, uid="run-0001", calibration=rough),
                *documents(rest, uid="run-0002", calibration=calibration())]  # fmt: skip
        return spectra_from_documents(runs).errors.get("line_attenuation_offset_db")

    found = between(1.4)
    assert found is not None
    assert np.all(found > 0.4)
    assert between(0.4) is None  # Assumed: more than the points of one run tell.


def test_one_calibration_is_the_simple_case(stack: Spectra) -> None:
    read = spectra_from_documents(documents(stack, calibration=calibration()))
    assert not read.receiver_gain_offset_db.any()
    assert not read.line_attenuation_offset_db.any()
    origins = {line.term.name: line.origin for line in analyze(read, OPTIONS).budget.lines}
    assert origins["gain_between"] is Origin.ASSUMED


def test_a_later_round_of_the_campaign_counts_for_the_spectra_before_it(stack: Spectra) -> None:
    first, rest = stack.subset(slice(0, 10)), stack.subset(slice(10, 24))
    early, late = point(1100.1, 0.4), point(1100.1, 0.6, when=T0 + 20.0)

    def stream(name: str) -> list[Any]:
        runs = [*documents(first, uid="run-0001", calibration=calibration(early)),
                *documents(rest, uid="run-0002", calibration=calibration(early, late))]  # fmt: skip
        return [(kind, {**doc, "campaign": name} if kind == "start" else doc) for kind, doc in runs]

    def loss_db(read: Spectra) -> np.ndarray:
        return read.calibration.line_attenuation_db + read.line_attenuation_offset_db

    together = loss_db(spectra_from_documents(stream("march")))
    assert together[:10] == pytest.approx(0.4 + 0.2 * np.arange(10) / 20)
    alone = loss_db(spectra_from_documents(stream("")))
    assert alone[:10] == pytest.approx(np.full(10, 0.4))
    assert alone[10:] == pytest.approx(0.4 + 0.2 * np.arange(14) / 20)


def test_a_part_of_a_calibration_before_the_scan_is_not_its_reference(stack: Spectra) -> None:
    few = stack.subset(slice(0, 3))
    part = {"uid": "run-0000", "plan_name": "jpa_noise", "calibration": {"receiver_gain_db": 90.0}}
    read = spectra_from_documents([("start", part), *documents(few, calibration=calibration())])
    assert read.calibration.receiver_gain_db == 104.0
    assert read.power_w == pytest.approx(few.power_w, rel=1e-6)
