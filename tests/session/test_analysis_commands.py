"""The commands that analyse: candidates, limits, verdicts, what is chosen and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryohalo.catalog import DocumentWriter
from cryohalo.errors import CatalogError
from haloscope.analysis.apparatus import recorded
from haloscope.analysis.exchange.interchange import write_spectra
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.spectra import Spectra
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from tests.physics.analysis.exchange.test_documents_and_online import documents
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.quality.nasty import library
from tests.physics.analysis.vetoes.interference import in_one_step
from tests.session.commands import invoke, run

AXION_HZ = 1.1e9 + 1234.0
LIBRARY = dict(library())


@pytest.fixture(scope="module")
def spectra_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen windows with an axion three times as strong as DFSZ in power."""
    path = tmp_path_factory.mktemp("spectra") / "scan.h5"
    targets = scan_targets(16, 1.1e9 - 75e3)
    write_spectra(path, make(targets, seed=5, axions={AXION_HZ: 3.0}))
    return path


def test_analyze_finds_the_axion_and_writes_its_files(spectra_file: Path, tmp_path: Path) -> None:
    run("analyze", str(spectra_file), "--output", str(tmp_path))
    content = json.loads((tmp_path / "candidates.json").read_text())
    nearest = min(abs(c["frequency_hz"] - AXION_HZ) for c in content["candidates"])
    assert nearest < 4050
    table = np.genfromtxt(tmp_path / "grand_spectrum.csv", delimiter=",", names=True)
    assert len(table) == content["summary"]["grand_bins"]
    assert (tmp_path / "result.h5").exists()
    assert (tmp_path / "limit.txt").exists()


def test_a_vetoed_candidate_is_told_in_words(tmp_path: Path) -> None:
    write_spectra(tmp_path / "disturbed.h5", in_one_step(10, 2e-2, 6))
    output = run("analyze", str(tmp_path / "disturbed.h5"), "--output", str(tmp_path))
    lines = [line.strip() for line in output.splitlines()]
    (at,) = [k for k, line in enumerate(lines) if line.startswith("candidate 1100.1001")]
    assert "sigma, coupling" in lines[at]
    assert "global" in lines[at]
    assert lines[at + 1].startswith("vetoed: power all from spectrum 10 (")
    content = json.loads((tmp_path / "candidates.json").read_text())
    (found,) = content["candidates"]
    assert found["vetoed"]
    assert found["verdict"].startswith("vetoed: power all from spectrum 10 (")
    assert found["false_veto_probability"] == pytest.approx(0.01)
    assert len(found["steps"]["strength_dfsz"]) == len(found["steps"]["spectra"]) == 15
    assert content["summary"]["candidates_vetoed"] == 1
    assert content["summary"]["grand_bins_not_excluded"] == 0
    told = "# gaps at 0 candidates that stand; the power of 1 vetoed ones is taken as an axion's"
    assert told in (tmp_path / "limit.txt").read_text().splitlines()
    run("report", str(tmp_path / "disturbed.h5"), "--output", str(tmp_path))
    page = (tmp_path / "report.html").read_text()
    assert page.count("vetoed: power all from spectrum 10 (") == 2  # in the table, and its figure


def catalog_of(folder: Path, **runs: tuple[Spectra, dict[str, Any]]) -> str:
    """A catalog of scans with more in their start documents."""
    for number, (uid, (spectra, more)) in enumerate(runs.items()):
        writer = DocumentWriter(folder)
        for name, document in documents(spectra, uid=uid):
            if name == "start":
                document = {**document, "time": 1.7e9 + number, **more}
            elif name == "descriptor":
                document = {**document, "data_keys": {}}
            elif name == "event":
                document = {"uid": f"{document['descriptor']}{document['seq_num']}", **document}
            writer(name, document)
        writer.close()
    return str(folder)


def test_spectra_without_field_are_found_and_used(tmp_path: Path) -> None:
    hidden = make(scan_targets(20), seed=4, axions={1.1001e9: 2.0})
    same = replace(make(scan_targets(20), seed=5, axions={1.1001e9: 2.0}),
                   magnet_field_t=np.zeros(20))  # fmt: skip
    gone = replace(make(scan_targets(20), seed=6), magnet_field_t=np.zeros(20))
    label = {"purpose": "field off", "plan_name": "field_off"}
    catalog = catalog_of(
        tmp_path / "runs",
        aaaa1111=(hidden, {}),
        bbbb2222=(same, {**label, "field_off_of": ["aaaa1111"]}),
        cccc3333=(gone, {**label, "campaign": "another"}),
        dddd4444=(gone, {"plan_name": "scan"}),
    )

    def said(*arguments: str) -> tuple[dict[str, Any], list[str]]:
        run("analyze", *arguments, "--catalog", catalog, "--output", str(tmp_path))
        content = json.loads((tmp_path / "candidates.json").read_text())
        best = max(content["candidates"], key=lambda found: found["excess"])
        return best, content["provenance"].get("field_off", [])

    found, used = said("aaaa1111")
    assert used == ["bbbb2222"]
    assert found["vetoed"]
    assert "power stays without the field" in found["verdict"]
    found, used = said("aaaa1111", "bbbb2222")  # labelled: no part of the search
    assert found["vetoed"]
    assert used == ["bbbb2222"]
    next((tmp_path / "runs").glob("bbbb2222*")).unlink()
    found, used = said("aaaa1111", "--field-off", "dddd4444")  # by hand: nothing labels it
    assert used == ["dddd4444"]
    assert not found["vetoed"]
    assert "field" in [test["name"] for test in found["tests"]]
    found, used = said("aaaa1111")
    assert used == []
    assert "field" not in [test["name"] for test in found["tests"]]
    with pytest.raises(ValueError, match="field off: 12 T with the field on and 12 T with it off"):
        run("analyze", "aaaa1111", "--field-off", "aaaa1111", "--catalog", catalog,
            "--output", str(tmp_path))  # fmt: skip


def test_a_campaign_is_analysed_by_its_name(tmp_path: Path) -> None:
    targets = scan_targets(20)
    first, second = make(targets[:10], seed=1), make(targets[10:], seed=2)
    march = {"campaign": "march"}
    catalog = catalog_of(
        tmp_path / "runs",
        aaaa1111=(first, march),
        bbbb2222=(make(targets, seed=3), {"campaign": "april"}),
        cccc3333=(second, march),
        dddd4444=(first, {"campaign": "aaaa"}),
        eeee5555=(first, {**march, "plan_name": "y_factor"}),
    )

    def sources(*given: str) -> list[str]:
        run("analyze", *given, "--catalog", catalog, "--output", str(tmp_path))
        known = json.loads((tmp_path / "candidates.json").read_text())["provenance"]
        return sorted(name for name in known if name.startswith("run_"))

    assert sources("march") == sources("march", "cccc3333") == ["run_aaaa1111", "run_cccc3333"]
    assert sources("bbbb") == ["run_bbbb2222"]
    with pytest.raises(CatalogError, match="'aaaa' is a campaign, and run aaaa1111"):
        sources("aaaa")
    with pytest.raises(CatalogError, match=r"0 runs begin with 'may'.*no campaign has that name"):
        sources("may")
    listed = run("runs", "--catalog", catalog).splitlines()
    shown = [line.split()[-1] for line in listed]
    assert shown == [
        "campaign",
        "march",
        "april",
        "march",
        "aaaa",
        "march",
    ]


def test_field_off_runs_that_do_not_go_together_stop_no_analysis(tmp_path: Path) -> None:
    hidden = make(scan_targets(20), seed=4, axions={1.1001e9: 2.0})
    off = replace(make(scan_targets(20), seed=5), magnet_field_t=np.zeros(20))
    on = replace(make(scan_targets(20), seed=6), magnet_field_t=np.full(20, 12.0))
    label = {"purpose": "field off", "plan_name": "field_off", "campaign": "march"}
    lossy = {"receiver_gain_db": 104.0, "receiver_temperature_k": 1.2, "line_attenuation_db": 3.0}
    cases: dict[str, tuple[dict[str, Any], list[str]]] = {
        "the same twice": ({"bbbb2222": (off, label), "cccc3333": (off, label)}, ["bbbb2222"]),
        "another line": (
            {"bbbb2222": (off, label),
             "cccc3333": (on, {**label, "calibration": lossy})}, ["bbbb2222"],
        ),
        "none off": ({"bbbb2222": (on, label)}, []),
    }  # fmt: skip
    for number, (runs, expected) in enumerate(cases.values()):
        folder = tmp_path / str(number)
        catalog = catalog_of(folder, aaaa1111=(hidden, {"campaign": "march"}), **runs)
        run("analyze", "aaaa1111", "--catalog", catalog, "--output", str(tmp_path))
        content = json.loads((tmp_path / "candidates.json").read_text())
        assert content["provenance"].get("field_off", []) == expected
        best = max(content["candidates"], key=lambda found: found["excess"])
        assert ("field" in [test["name"] for test in best["tests"]]) == bool(expected)


def with_a_fault(folder: Path, times: float = 1.0) -> Path:
    """17 spectra of which number 4 is dead, and the last five have another gain."""
    path = folder / "faulty.h5"
    spectra = make(scan_targets(17), seed=6)
    spectra.power_w[4] = spectra.power_w[4].mean()
    spectra.power_w[12:] *= np.float32(times)
    write_spectra(path, replace(spectra, labels=tuple(f"run:{k}" for k in range(17))))
    return path


def test_no_limit_without_the_verdict_on_its_spectra(tmp_path: Path) -> None:
    path = str(with_a_fault(tmp_path))
    for name in ("analyze", "report", "montecarlo"):
        more = ["--experiments", "100"] if name == "montecarlo" else []
        output = run(name, path, "--output", str(tmp_path / name), *more)
        assert "cut: spectrum 4 (run:4): every bin is" in output
        assert "verdict: 1 of 17 spectra cut (1 constant)" in output
    assert "1 of 17 spectra cut" in (tmp_path / "analyze" / "limit.txt").read_text()


def test_a_result_not_to_be_believed_is_told_aloud_with_its_own_exit_code(tmp_path: Path) -> None:
    path = str(with_a_fault(tmp_path, times=0.8))
    for name in ("analyze", "report"):
        done = invoke(name, path, "--output", str(tmp_path / name))
        assert done.exit_code == 3
        (line,) = done.stderr.splitlines()
        assert line.startswith("cryohalo: NOT TO BE BELIEVED: noise temperature over the stack")


@pytest.mark.parametrize("command", ["analyze", "report", "montecarlo"])
@pytest.mark.parametrize(
    ("name", "model", "advised"),
    [
        ("kink, N 1e+03", ["--baseline", "letter"], ["--baseline", "pade", "--degree", "6"]),
        (
            "step 2 %, N 1e+03",
            ["--baseline", "pade", "--degree", "5"],
            ["--baseline", "pade", "--degree", "7"],
        ),
        # The next degree is beyond what the command takes.
        ("step 2 %, N 1e+03", ["--baseline", "pade", "--degree", "8"], ["--baseline", "auto"]),
    ],
)
def test_a_baseline_that_may_settle_a_doubt_is_told_as_it_is_given(
    command: str, name: str, model: list[str], advised: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "spectra.h5"
    write_spectra(path, LIBRARY[name]({}).spectra)
    output = ["--output", str(tmp_path / "out")]
    more = ["--experiments", "100"] if command == "montecarlo" else output
    given = [command, str(path), *more, *model]
    done = invoke(*given)
    assert done.exit_code == 3
    doubt, advice = done.stderr.splitlines()
    assert doubt.startswith("cryohalo: NOT TO BE BELIEVED: ")
    words = "cryohalo: the doubt of the baseline may be settled by "
    assert advice.removeprefix(words).split() == advised
    assert "verdict: all 25 spectra used" in run(*given, *advised)


def test_strict_refuses_and_a_bad_spectrum_can_be_dropped_or_kept(tmp_path: Path) -> None:
    path, output = str(with_a_fault(tmp_path)), ["--output", str(tmp_path / "out")]
    strict = invoke("analyze", path, "--strict", *output)
    assert isinstance(strict.exception, QualityError)
    assert "1 of 17 spectra fail (1 constant): spectrum 4 (run:4)" in str(strict.exception)
    assert not (tmp_path / "out" / "limit.txt").exists()
    dropped = run("analyze", path, "--strict", "--drop", "run:4", *output)
    assert "all 16 spectra used" in dropped
    with pytest.raises(ValueError, match="no spectrum is called 'run:44'"):
        run("analyze", path, "--drop", "run:44", *output)
    with pytest.raises(ValueError, match="no spectrum is called 'run:44'"):
        run("analyze", path, "--keep", "run:44", *output)
    hot = str(with_a_fault(tmp_path, times=1.3))
    kept = [word for k in range(12, 17) for word in ("--keep", f"run:{k}")]
    assert "used: spectrum 13 (run:13): T_n" in invoke("analyze", hot, *kept, *output).output


def test_the_baseline_is_chosen_on_demand(spectra_file: Path, tmp_path: Path) -> None:
    output = run("analyze", str(spectra_file), "--baseline", "auto", "--output", str(tmp_path))
    assert "chosen" in output
    ladder = json.loads((tmp_path / "candidates.json").read_text())["quality"]["ladder"]
    assert sum(rung["chosen"] for rung in ladder) == 1


def test_files_of_another_line_width_are_analysed_as_they_are(tmp_path: Path) -> None:
    """Bins and lines of another receiver, through the command: merged as the line asks for."""
    path = tmp_path / "other.h5"
    write_spectra(path, LIBRARY["bump 10 %, N 1e+05"]({}).spectra)
    for baseline in ("pade", "auto", "letter"):
        output = run("analyze", str(path), "--baseline", baseline, "--output", str(tmp_path))
        assert "all 25 spectra used" in output
    # Without a JPA and without a word on it the baseline is left to the data.
    output = run("analyze", str(path), "--output", str(tmp_path))
    assert "chosen" in output
    assert "settings of CAPP-12TB, assumed: files state no apparatus" in output


def test_how_to_analyse_is_chosen_by_file_and_by_options(
    spectra_file: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text("window_hz = 120e3\nconfidence = 0.95\n")
    path, output = str(spectra_file), ("--output", str(tmp_path))
    told = run("analyze", path, "--options", str(own), "--window", "100", "--coarse-merge", "10",
               "--line-bins", "auto", "--snr", "5.5", *output)  # fmt: skip
    words = "window 100 kHz; bins of 10 Hz, 5 merged to 50 Hz, 10 of them to 500 Hz, 8 co-added: "
    assert words in told
    assert "0.95 to find 5.5 sigma" in told
    content = json.loads((tmp_path / "candidates.json").read_text())
    assert content["options"]["window_hz"] == 100e3
    assert content["options"]["line_bins"] == 8
    assert f"# {words}" in (tmp_path / "limit.txt").read_text()
    for wrong, why in (("2.5", "by a whole number"), ("0", "1 to 1000000"), ("few", "or auto")):
        refused = invoke("analyze", path, "--fine-merge", wrong, *output)
        assert refused.exit_code == 2
        assert why in refused.output


def test_dark_photons_and_a_published_limit(spectra_file: Path, tmp_path: Path) -> None:
    more = ("--beside", "capp6", "--dark-photon", "random", "--dark-photon", "fixed")
    told = run("analyze", str(spectra_file), "--output", str(tmp_path), *more,
               "--density-fraction", "0.5")  # fmt: skip
    assert "beside capp6: theirs / ours at " in told
    assert "axions 0.5 of the local density" in told
    for word in ("random", "fixed"):
        text = (tmp_path / f"limit_dark_photon_{word}.txt").read_text()
        assert f"{word} polarisation" in text
        assert "density 0.225 GeV/cm^3; average field 10.31 T" in text


def test_the_apparatus_of_a_run_that_states_none_is_named(tmp_path: Path) -> None:
    """Its settings and geometry are those of the file; a run's own are not put aside."""
    parameters = tmp_path / "own.toml"
    parameters.write_text(
        'name = "Own"\n[cavity]\nvolume_m3 = 0.0737\n[axion]\ndensity_gev_per_cm3 = 0.225\n'
        "[analysis]\nwindow_hz = 120e3\ncoarse_per_line = 5\nconfidence = 0.95\n"
    )
    spectra = make(scan_targets(16), seed=5)
    own = recorded(describe(HaloscopeParameters.shipped("capp12tb")))
    catalog = catalog_of(
        tmp_path / "runs", aaaa1111=(spectra, {}), bbbb2222=(spectra, {"apparatus": own})
    )

    def said(uid: str, *more: str) -> tuple[str, dict[str, Any]]:
        output = ("--catalog", catalog, "--output", str(tmp_path))
        told = run("analyze", uid, *more, *output)
        return told, json.loads((tmp_path / "candidates.json").read_text())

    told, plain = said("aaaa1111", "--confidence", "0.95")
    assert "CAPP-12TB, assumed: the runs state none" in told
    told, named = said("aaaa1111", "--apparatus", str(parameters))
    assert "Own, as named" in told
    assert "window 120 kHz; bins of 10 Hz, 5 merged to 50 Hz, 16 of them to 800 Hz, 5" in told
    assert "0.95 to find 5 sigma; axions 0.5 of the local density" in told
    # Twice the volume and half the density: the same power.
    ratio = named["summary"]["median_limit_per_gev"] / plain["summary"]["median_limit_per_gev"]
    assert ratio == pytest.approx(1, abs=0.06)
    assert "volume_m3" not in named["summary"]["assumed_not_measured"]
    told, _ = said("bbbb2222", "--apparatus", "capp12tb")
    assert "CAPP-12TB, as named" in told
    with pytest.raises(ValueError, match="the run states its own, CAPP-12TB"):
        said("bbbb2222", "--apparatus", "haystac")
    with pytest.raises(ValueError, match="no parameter set 'none'"):
        said("aaaa1111", "--apparatus", "none")


def test_results_are_combined(tmp_path: Path) -> None:
    named = []
    for seed in (31, 32):
        path, output = tmp_path / f"{seed}.h5", tmp_path / str(seed)
        write_spectra(path, make(scan_targets(16), seed=seed))
        run("analyze", str(path), "--output", str(output))
        named.append(f"machine {seed}={output}/result.h5")
    told = run("combine", *named, "--output", str(tmp_path / "both"))
    assert "(machine 31): 1099.9" in told
    assert "2 of 2 together at " in told
    assert "/GeV, by the power seen" in told
    table = np.genfromtxt(tmp_path / "both/combined.csv", delimiter=",", names=True)
    assert set(table["experiments"]) == {2}
    text = (tmp_path / "both/limit.txt").read_text()
    assert "# mass [eV] photon coupling [GeV^-1]" in text
    with pytest.raises(ValueError, match="the same data twice"):
        run("combine", named[0], named[0], "--output", str(tmp_path / "both"))
    with pytest.raises(OSError, match=r"none\.h5"):
        run("combine", named[0], "none.h5", "--output", str(tmp_path / "both"))
    with pytest.raises(ValueError, match="not a cryohalo-result file"):
        run("combine", named[0], str(tmp_path / "31.h5"), "--output", str(tmp_path / "both"))


def test_report_is_one_page(spectra_file: Path, tmp_path: Path) -> None:
    run("report", str(spectra_file), "--output", str(tmp_path))
    page = (tmp_path / "report.html").read_text()
    assert "<html" in page
    assert "data:image/png" in page


def test_montecarlo_agrees_with_its_closed_form(spectra_file: Path) -> None:
    output = run("montecarlo", str(spectra_file), "--experiments", "200", "--seed", "1")
    words = next(line for line in output.splitlines() if line.strip().startswith("xi")).split()
    xi, error, closed = float(words[1]), float(words[3]), float(words[6])
    assert abs(xi - closed) < 4 * error


def test_runs_and_files_are_not_mixed(spectra_file: Path) -> None:
    with pytest.raises(ValueError, match="not both"):
        run("analyze", str(spectra_file), "abcd")
