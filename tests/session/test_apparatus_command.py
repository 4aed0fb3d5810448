"""``cryohalo apparatus``: what it accepts, explains, writes and shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from haloscope.description import Description, describe
from haloscope.parameters import SHIPPED, HaloscopeParameters
from tests.session.commands import run


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 1
    return done.output


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_can_be_used_shown_and_listed(name: str) -> None:
    parameters = HaloscopeParameters.shipped(name)
    description = describe(parameters)
    said = run("apparatus", "check", name)
    assert f"{parameters.name}: can be used" in said
    assert description.hash() in said
    assert ("inherited from capp12tb" in said) is (name != "capp12tb")
    assert ("unverified" in said) is (name != "capp12tb")
    shown = run("apparatus", "show", name)
    assert f"{parameters.cavity.volume_m3} m^3" in shown
    assert parameters.file_origins["cavity.volume_m3"] in shown
    served = Description.from_mapping(json.loads(run("apparatus", "show", name, "--json")))
    assert served == description
    assert parameters.name in run("apparatus", "list")


def test_every_mistake_of_a_file_is_explained_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'base = "capp12tb"\n[cavity]\nvolume_m3 = -1\nradus_m = 0.1\n[magnet]\nfull_field_t = "9"\n'
        "[digitizer]\nbins = 1e12\n[provenance]\n'cavity.colour' = 'seen'\n"
    )
    said = refused("apparatus", "check", str(file))
    for words in (
        "cavity.volume_m3 is -1, must be above 0 to 1000 m^3: inner volume less rods",
        "cavity.radus_m does not exist; is radius_m meant?",
        "magnet.full_field_t is '9', must be a finite number, above 0 to 100 T: central field",
        "digitizer.bins is 1000000000000.0, must be 1 to 1e+07: bins of a spectrum",
        "provenance of a parameter that does not exist: 'cavity.colour'",
        "5 mistakes",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "it is no TOML"),
        (b"[cavity", "it is no TOML"),
        (b"[rod]\nmode_map = 'nowhere.csv'", "rod.mode_map is 'nowhere.csv'"),
        (b"[rod]\nmode_map = 'mine.toml'", "mode_map"),
        (b"[cavity]\nreference_hz = 0.9e9", "the mode map has"),
    ],
)
def test_what_is_no_parameter_file_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    said = refused("apparatus", "check", str(file))
    assert words in said
    assert "Traceback" not in said


def test_doubts_are_told_and_do_not_refuse(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[digitizer]\nbins = 1000\n[analysis]\ncoarse_per_line = 1000\n")
    said = run("apparatus", "check", str(file))
    assert "analysis.window_hz is 150000 Hz, a spectrum has only 10000 Hz" in said
    assert "has no 1000 bins" in said
    assert "digitizer.bins: no origin stated" in said


def test_a_new_file_is_not_written_over_another(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    run("apparatus", "new", str(file), "--from", "haystac")
    assert "can be used" in run("apparatus", "check", str(file))
    before = file.read_text()
    done = CliRunner().invoke(cli.app, ["apparatus", "new", str(file)])
    assert done.exit_code != 0
    assert file.read_text() == before


def test_a_blank_file_names_all_that_is_to_be_stated(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    run("apparatus", "new", str(file))
    said = refused("apparatus", "check", str(file))
    assert "parameter cavity.radius_m is not stated: inner radius, above 0 to 100 m" in said
    assert "parameter safety.suspend_above_k is not stated" in said


def test_a_blank_file_may_begin_in_proportion_to_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    run("apparatus", "new", str(file), "--frequency", "2400", "--unloaded-q", "60000")
    text = file.read_text()
    for line in (
        "tuning_tolerance_hz = 4000.0",
        "step_hz = 40000.0",
        "window_hz = 590e3",
        "te_frequency_hz = []",
        "# radius_m =",
        '"operation.step_hz" = "derived: from the widths at 2400 MHz, Q 60000"',
    ):
        assert f"\n{line}\n" in text
    said = refused("apparatus", "check", str(file))
    assert "operation" not in said
    done = CliRunner().invoke(cli.app, ["apparatus", "new", str(file), "--frequency", "2400"])
    assert done.exit_code == 2
    assert "go together" in done.output
