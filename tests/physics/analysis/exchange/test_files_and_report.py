from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from haloscope.analysis.exchange import files
from haloscope.analysis.exchange.interchange import read_spectra, write_spectra
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.report import figures
from haloscope.analysis.report.page import checks, write_report
from haloscope.analysis.spectra import Calibration, Spectra
from haloscope.analysis.statistics.injection import recovery
from haloscope.axion import coupling_dfsz
from tests.physics.analysis.generator import MEASURED, make, scan_targets

PROVENANCE = {"runs": ["abc"], "software_version": "0.1.0", "seed": 3}


def test_a_result_file_explains_itself(noise_result: Result, tmp_path: Path) -> None:
    files.save(tmp_path / "result.h5", noise_result, PROVENANCE)
    grand, bound, more = files.load(tmp_path / "result.h5")
    assert np.array_equal(grand.normalised, noise_result.normalised)
    assert np.array_equal(bound.coupling_per_gev, noise_result.limit.coupling_per_gev)
    assert more["provenance"] == PROVENANCE
    assert more["options"]["window_hz"] == 150e3
    assert more["summary"]["spectra"] == 150
    with h5py.File(tmp_path / "result.h5") as file:
        assert file["grand/frequency_hz"].attrs["unit"] == "Hz"
        assert file["limit/coupling_per_gev"].attrs["unit"] == "1/GeV"
        assert file["combined/density"].shape == noise_result.sums.density.shape


def test_another_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(ValueError, match="not a cryohalo-result"):
        files.load(tmp_path / "x.h5")
    with pytest.raises(ValueError, match="not a cryohalo-spectra"):
        read_spectra(tmp_path / "x.h5")


def test_the_limit_reads_like_a_compilation_s(noise_result: Result, tmp_path: Path) -> None:
    files.save_limit(tmp_path / "limit.txt", noise_result, "test")
    mass, coupling = np.loadtxt(tmp_path / "limit.txt").T
    assert coupling[0] == coupling[-1] == 1.0
    assert np.all(np.diff(mass) >= 0)
    assert coupling[1:-1].max() < 1e-14
    files.save_csv(tmp_path / "grand.csv", noise_result)
    table = np.genfromtxt(tmp_path / "grand.csv", delimiter=",", names=True)
    assert table["normalised_excess"] == pytest.approx(noise_result.normalised)


def test_candidates_are_json(noise_result: Result, tmp_path: Path) -> None:
    files.save_candidates(tmp_path / "c.json", noise_result, PROVENANCE)
    content = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert content["summary"]["grand_bins"] == len(noise_result.grand)
    assert len(content["candidates"]) == len(noise_result.candidates)


def test_spectra_survive_the_interchange_file(tmp_path: Path) -> None:
    before = replace(make(scan_targets(12), seed=2), time_s=1e9 + np.arange(12.0))
    write_spectra(tmp_path / "s.h5", before)
    after = read_spectra(tmp_path / "s.h5")
    assert np.array_equal(after.time_s, before.time_s)
    assert after.calibration == before.calibration
    assert np.array_equal(analyze(after).normalised, analyze(before).normalised)
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        del file["beta"]
    with pytest.raises(ValueError, match="datasets missing: beta"):
        read_spectra(tmp_path / "s.h5")


def test_the_interchange_file_fills_nothing_in(tmp_path: Path) -> None:
    path = tmp_path / "s.h5"
    spectra = make(scan_targets(2))
    own = Calibration(line_attenuation_db=0.0, noise_temperature_k=3.5, assumed=("volume_m3",))
    write_spectra(path, replace(spectra, calibration=own))
    assert read_spectra(path).calibration == own
    with h5py.File(path, "r+") as file:
        del file["calibration"].attrs["noise_temperature_k"]
    with pytest.raises(ValueError, match="neither receiver_gain_db nor noise_temperature_k"):
        read_spectra(path)
    with h5py.File(path, "r+") as file:
        del file["calibration"].attrs["line_attenuation_db"]
    with pytest.raises(ValueError, match="calibration has no line_attenuation_db"):
        read_spectra(path)
    with h5py.File(path, "r+") as file:
        del file.attrs["volume_m3"]
    with pytest.raises(ValueError, match="attributes missing: volume_m3"):
        read_spectra(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"receiver_gain_db": float("inf")}, "receiver_gain_db is inf dB, must be finite"),
        ({"receiver_temperature_k": 0.0}, "receiver_temperature_k is 0.0 K, must be above 0 K"),
        ({"receiver_gain_db_error": -1.0}, "receiver_gain_db_error is -1.0 dB, must not be below"),
        ({"line_attenuation_db": float("nan")}, "line_attenuation_db is nan dB"),
        ({"receiver_gain_db": None}, "neither receiver_gain_db nor noise_temperature_k"),
    ],
)
def test_an_unusable_calibration_is_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(MEASURED, **wrong)  # type: ignore[arg-type]


def test_what_was_assumed_is_shown_everywhere(noise_result: Result, tmp_path: Path) -> None:
    assert files.summary(noise_result)["assumed_not_measured"] == "nothing"
    marked = replace(noise_result, calibration=MEASURED.assuming("line_attenuation_db"))
    assert files.summary(marked)["assumed_not_measured"] == "line_attenuation_db"
    seen = {c.name: c for c in checks(marked)}["assumed, not measured"]
    assert (seen.found, seen.passed) == ("line_attenuation_db", False)
    files.save_candidates(tmp_path / "c.json", marked)
    assert json.loads((tmp_path / "c.json").read_text("utf-8"))["calibration"]["assumed"]


def test_the_report_holds_everything_and_needs_nothing(
    noise_stack: Spectra, noise_result: Result, tmp_path: Path
) -> None:
    nu = float(noise_result.frequency_hz[700])
    fate = recovery(noise_result, nu, coupling_dfsz(nu))
    page = write_report(
        tmp_path / "deep" / "report.html", noise_result, provenance=PROVENANCE, injections=[fate]
    )
    text = page.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 11
    assert 'src="http' not in text
    assert "Injected axions" in text
    assert "software version" in text


def test_checks_pass_on_noise_and_fail_on_a_wrong_model(noise_result: Result) -> None:
    assert [c.name for c in checks(noise_result) if not c.passed] == []
    spoiled = make(scan_targets(40), seed=4)
    bend = 1 + 0.004 * np.sin(np.arange(15000) / 400)
    spoiled.power_w[:] *= bend.astype(np.float32)
    kept = analyze(spoiled, Options(demands=Demands(bad_spectra="keep")))
    failed = {c.name for c in checks(kept) if not c.passed}
    assert "correlation of neighbouring residuals" in failed
    assert "width of fit residuals / radiometer" in failed
    assert "residuals averaged over a line, all spectra" in failed
    assert not kept.believed
    with pytest.raises(QualityError, match=r"none of 40 spectra can be used \(40 misfit on the sc"):
        analyze(spoiled)


def test_figures_show_what_they_say(noise_result: Result) -> None:
    drawn = figures.all_figures(noise_result)
    assert set(drawn) == {
        "limit", "density", "spectrum", "histogram", "candidates", "efficiency", "residuals",
        "noise",
    }  # fmt: skip
    labels = [t.get_text() for t in drawn["limit"].axes[0].get_legend().get_texts()]
    assert {"KSVZ", "DFSZ", "this analysis, 90% limit", "published (digitised)"} <= set(labels)
    assert "standard" not in drawn["histogram"].axes[0].get_title()
    panels = figures.distributions(
        [("fit", noise_result.normalised + 5, noise_result.normalised)], "Figure 3"
    )
    assert len(panels.axes) == 1


def test_options_refuse_nonsense_and_have_a_fingerprint() -> None:
    with pytest.raises(ValueError, match=r"confidence is 0\.3"):
        Options(confidence=0.3)
    with pytest.raises(ValueError, match="coarse_merge is 0"):
        Options(coarse_merge=0)
    assert Options().fingerprint() == Options().fingerprint()
    assert Options().fingerprint() != Options(narrow_hz=0).fingerprint()
