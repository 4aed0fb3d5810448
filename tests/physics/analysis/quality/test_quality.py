"""Verdicts on spectra and results: told everywhere, by name and number; kept, cut or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from haloscope.analysis.exchange import files
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.verdicts import Fault, QualityError
from haloscope.analysis.report.page import write_report
from haloscope.analysis.spectra import Calibration, Spectra
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.quality.nasty import OPTIONS, library

LIBRARY = dict(library())
STRICT, KEEP = Demands(bad_spectra="refuse"), Demands(bad_spectra="keep")


def labelled(spectra: Spectra) -> Spectra:
    return replace(spectra, labels=tuple(f"run:{row}" for row in range(len(spectra))))


def case(name: str) -> Spectra:
    return labelled(LIBRARY[name]({}).spectra)


@pytest.fixture(scope="module")
def forty() -> Spectra:
    """40 of the letter's spectra of which one is constant."""
    made = make(scan_targets(40), seed=17)
    made.power_w[13] = made.power_w[13].mean()
    return labelled(made)


@pytest.fixture(scope="module")
def cut(forty: Spectra) -> Result:
    return analyze(forty)


def test_a_dead_spectrum_is_cut_and_the_rest_comes_out_as_if_it_were_not_there(
    forty: Spectra, cut: Result
) -> None:
    rest = analyze(forty.subset(np.arange(40) != 13))
    assert np.array_equal(cut.normalised, rest.normalised)
    assert np.array_equal(cut.limit.coupling_per_gev, rest.limit.coupling_per_gev)
    assert cut.quality.counts == {"constant": 1}
    assert not cut.quality.used[13]
    assert cut.quality.cut == 1
    (found,) = cut.quality.findings
    assert str(found).startswith("spectrum 13 (run:13): every bin is ")
    assert cut.believed
    assert cut.verdict() == "1 of 40 spectra cut (1 constant)"


def test_files_and_report_tell_it(cut: Result, tmp_path: Path) -> None:
    files.save(tmp_path / "result.h5", cut)
    _, _, more = files.load(tmp_path / "result.h5")
    files.save_candidates(tmp_path / "candidates.json", cut)
    written = json.loads((tmp_path / "candidates.json").read_text())["quality"]
    for told in (more["quality"], written):
        assert told["believed"] is True
        assert told["cut"] == 1
        assert told["counts"] == {"constant": 1}
        assert told["findings"][0]["name"] == "spectrum 13 (run:13)"
        assert told["findings"][0]["used"] is False
        assert {"width of the grand spectrum", "spectra cut"} <= {t["name"] for t in told["tests"]}
    assert files.summary(cut)["verdict"] == "1 of 40 spectra cut (1 constant)"
    files.save_limit(tmp_path / "limit.txt", cut, "a search")
    head = [line for line in (tmp_path / "limit.txt").read_text().splitlines() if line[0] == "#"]
    assert any("1 of 40 spectra cut (1 constant)" in line for line in head)
    page = write_report(tmp_path / "report.html", cut).read_text()
    assert "spectrum 13 (run:13)" in page
    assert 'class="doubt"' not in page


def test_a_doubtful_result_is_told_aloud_everywhere(tmp_path: Path) -> None:
    doubtful = analyze(case("gain steps by 20%"), replace(OPTIONS, baseline="pade", pade_degree=4))
    assert not doubtful.believed
    assert doubtful.verdict().startswith("NOT TO BE BELIEVED: noise temperature over the stack")
    assert files.summary(doubtful)["believed"] == "NO"
    page = write_report(tmp_path / "report.html", doubtful).read_text()
    assert '<p class="doubt">NOT TO BE BELIEVED' in page
    files.save_limit(tmp_path / "limit.txt", doubtful, "a search")
    assert "NOT TO BE BELIEVED" in (tmp_path / "limit.txt").read_text()


@pytest.mark.parametrize(
    ("name", "baseline", "why"),
    [
        ("one row constant", "pade", "1 of 25 spectra fail"),
        ("kink, N 1e+03", "letter", "NOT TO BE BELIEVED: .*; all 25 spectra used"),
    ],
)
def test_strict_refuses_what_fails_or_is_doubtful(name: str, baseline: str, why: str) -> None:
    options = replace(OPTIONS, baseline=baseline, demands=STRICT)  # type: ignore[arg-type]
    with pytest.raises(QualityError, match=why) as refused:
        analyze(case(name), options)
    assert refused.value.quality is not None
    assert analyze(case("nothing"), options).believed


def test_a_spectrum_is_kept_by_name() -> None:
    spectra = case("beta of one row twice as high")
    options = replace(OPTIONS, baseline="pade", pade_degree=4)
    assert analyze(spectra, options).quality.counts == {"beta drift": 1}
    kept = analyze(spectra, replace(options, demands=Demands(kept=("run:4",))))
    assert kept.quality.cut == 0
    assert kept.quality.counts == {"beta drift": 1}
    assert "all 25 spectra used, 1 with faults (1 beta drift)" in kept.verdict()


def test_what_is_no_spectrum_is_not_even_kept() -> None:
    kept = analyze(case("one bin nan"), replace(OPTIONS, baseline="auto", demands=KEEP))
    assert kept.quality.cut == 1
    assert np.isfinite(kept.normalised).all()


def test_nothing_left_is_an_error_that_says_why() -> None:
    with pytest.raises(QualityError, match=r"none of 25 spectra can be used \(25 noise too high"):
        analyze(case("powers in mW"), replace(OPTIONS, baseline="auto"))


def with_noise(kelvin: float, receiver: str = "phase preserving") -> Result:
    """The letter's receiver with a stated gain that makes T_n at the cavity so and so."""
    spectra = make(scan_targets(15), seed=19)
    db = 104 + 10 * np.log10(0.2145 / kelvin)
    calibration = Calibration(
        receiver_gain_db=float(db), line_attenuation_db=0.4, receiver_gain_db_error=0.0
    )
    demands = Demands(receiver=receiver)  # type: ignore[arg-type]
    return analyze(replace(spectra, calibration=calibration), Options(demands=demands))


def test_noise_below_the_quantum_limit_is_refused() -> None:
    # h f/k is 52.8 mK at 1.1 GHz; a receiver that keeps the phase adds half of it.
    assert with_noise(0.054).quality.cut == 0
    with pytest.raises(QualityError, match=r"T_n [\d.]+ mK at the cavity is below the qu"):
        with_noise(0.0515)
    assert with_noise(0.0515, "phase sensitive").quality.cut == 0
    with pytest.raises(QualityError, match=r"15 noise below the quantum limit"):
        with_noise(0.0255, "phase sensitive")
    assert with_noise(19.9).quality.cut == 0
    with pytest.raises(QualityError, match="are power and gain in W and dB"):
        with_noise(20.1)


def test_online_cuts_what_offline_cuts_and_says_so_at_once(forty: Spectra, cut: Result) -> None:
    online = Online(Options(filter_average=False))
    updates = [online.add(forty.subset(np.array([row]))) for row in range(40)]
    (told,) = [update for update in updates if update.findings]
    assert told.label == "run:13"
    assert told.limit is None
    assert told.findings[0].fault is Fault.CONSTANT
    result = online.result()
    assert result.quality.counts == cut.quality.counts
    assert np.array_equal(result.quality.used, cut.quality.used)
    offline = analyze(forty, Options(filter_average=False))
    assert result.normalised == pytest.approx(offline.normalised, abs=1e-9)


def test_online_counts_a_spectrum_that_comes_twice(forty: Spectra) -> None:
    some = forty.subset(np.arange(12))
    online = Online(Options(filter_average=False))
    for row in [*range(12), 5]:
        online.add(some.subset(np.array([row])))
    again = replace(some.subset(np.array([7])), labels=("other:1",))
    update = online.add(again)
    assert "it carries the noise of spectrum 7 (run:7)" in update.findings[0].words
    result = online.result()
    assert result.spectra == 12
    assert result.quality.counts == {"same data twice": 2}


def test_online_holds_each_spectrum_to_those_before() -> None:
    spectra = case("gain of one row 20% low")
    online = Online(replace(OPTIONS, baseline="pade", filter_average=False))
    updates = [online.add(spectra.subset(np.array([row]))) for row in range(len(spectra))]
    assert [k for k, update in enumerate(updates) if update.findings] == [9]
    assert updates[9].findings[0].fault is Fault.NOISE_DRIFT
    assert online.result().believed


def test_online_doubts_what_offline_doubts() -> None:
    spectra = case("gain steps by 20%")
    online = Online(replace(OPTIONS, baseline="pade", filter_average=False))
    for row in range(len(spectra)):
        online.add(spectra.subset(np.array([row])))
    assert not online.result().believed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bad_spectra": "drop"}, "bad_spectra is 'drop': cut, refuse or keep"),
        ({"receiver": "noiseless"}, "receiver is 'noiseless'"),
        ({"noise_drift": -0.1}, "noise_drift is -0.1, must not be below 0"),
        ({"improbable": float("nan")}, "improbable is nan"),
    ],
)
def test_demands_that_make_no_sense_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Demands(**wrong)  # type: ignore[arg-type]
