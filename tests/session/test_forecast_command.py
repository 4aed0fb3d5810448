"""``cryohalo forecast``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from tests.session.commands import run

BAND = ("forecast", "1100", "1100.2")


def test_a_forecast_is_printed_written_and_drawn(tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "f.json"), "--figure", str(tmp_path / "f.png")]
    said = run(*BAND, "--ksvz", "0.5", "--step", "10", "--beta", "2", *files)
    content = json.loads((tmp_path / "f.json").read_text())
    assert f"{content['averages']} spectra averaged" in said
    assert content["steps"] == len(content["targets_mhz"])
    assert max(content["curve"]["over_ksvz"]) == pytest.approx(0.5, rel=0.02)
    assert content["total_s"] == content["scan_s"] + content["calibration_s"]
    assert (tmp_path / "f.png").stat().st_size > 5000


def test_a_measured_calibration_takes_the_place_of_the_stated_one(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps({"line_attenuation_db": 3.4, "points": [1, 2]}))
    fixed = (*BAND, "--averages", "1000", "--step", "10", "--beta", "2")

    def worst(*more: str) -> float:
        target = tmp_path / "f.json"
        run(*fixed, *more, "--json", str(target))
        return float(json.loads(target.read_text())["worst_per_gev"])

    # 3 dB more before the amplifier: half the power, and more of the walls' noise instead.
    assert worst("--calibration", str(file)) / worst() == pytest.approx(10**0.15, rel=0.1)
    assert "0 of them" in run(*fixed, "--calibration", str(file))


def test_other_machines_are_forecast_by_name_and_by_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "Mine"\n[cavity]\nvolume_m3 = 0.01\n')
    assert run(*BAND, "--averages", "10", "--apparatus", str(file)).startswith("Mine: 1100")
    said = run("forecast", "700", "700.1", "--averages", "10", "--apparatus", "admx")
    assert said.startswith("ADMX: 700")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["forecast", "5700", "5710", "--ksvz", "1"], "the cavity of CAPP-12TB is tuned from"),
        ([*BAND], "needs a target coupling"),
        ([*BAND, "--ksvz", "1", "--averages", "10"], "not both"),
        (["forecast", "1101", "1100", "--ksvz", "1"], "band 1101 to 1100 MHz: its lower end must"),
        (["forecast", "1.1e9", "1.2e9", "--ksvz", "1"], "1100000000: 1 to 1000000 MHz"),
        ([*BAND, "--ksvz", "1", "--dfsz", "1"], "one of --coupling, --ksvz, --dfsz"),
        ([*BAND, "--averages", "10", "--skip", "1100"], "LOW:HIGH in MHz"),
        ([*BAND, "--averages", "10", "--apparatus", "nobodys"], "nobodys"),
        ([*BAND, "--averages", "10", "--besides", "-1"], "must not be below 0 s"),
    ],
)
def test_what_cannot_be_forecast_is_said(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code != 0
    assert words in " ".join(f"{done.output} {done.exception}".split())
