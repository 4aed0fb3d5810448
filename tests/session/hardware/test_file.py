"""A laboratory's file: what is wrong with it is told, all at once, by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryohalo.cli import app
from cryohalo.hardware.catalogue import INSTRUMENTS, catalogue
from cryohalo.hardware.checking import Checked
from cryohalo.hardware.file import HardwareError, read_hardware
from cryohalo.hardware.needs import further, instrument_of, least
from cryohalo.hardware.softioc import database, served
from cryohalo.hardware.template import template
from plans.offered import offered

LAB = Path(__file__).parents[2] / "live" / "hardware" / "lab.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed = 3", "speed: there is no such key"),
        ("[haloscope]\nspeed = 3", "haloscope.speed: there is no such key"),
        ('[haloscope]\nabsent = ["Frige:"]', "Frige: is no PV of Haloscope"),
        ('[haloscope]\nabsent = ["DAQ:"]', "cannot do without DAQ:Acquire"),
        ('[haloscope.aliases]\n"Magnet:Feld" = "X"', "near it are Magnet:Field"),
        ('[haloscope.aliases]\n"Magnet:Field" = "a b"', "haloscope.aliases.Magnet:Field"),
        (
            '[haloscope.aliases]\n"Magnet:Field" = {pv = "X", unit = "G"}',
            "unit G is not T: say by factor",
        ),
        ('[haloscope.aliases]\n"Magnet:Field" = {pv = "X", factor = 0}', "factor = 0"),
        ('[haloscope.aliases]\n"Magnet:Field" = {pv = "X", factor = nan}', "finite"),
        ('[haloscope.aliases]\n"Magnet:Field" = {pv = "X", faktor = 1}', "faktor: there is no"),
        ('[haloscope.aliases]\n"Rod" = {pv = "X", factor = 2}', "map its fields"),
        ('[haloscope.aliases]\n"Rod" = "X.VAL"', "X.VAL is a field"),
        ('[haloscope.aliases]\n"JPA:Pump" = {pv = "X", unit = "V"}', "no unit to convert"),
        (
            '[haloscope.aliases]\n"JPA:Pump" = {pv = "X", states = {Of = "0"}}',
            "Of is none of Off, On",
        ),
        (
            '[haloscope.aliases]\n"JPA:Pump" = {pv = "X", states = {Off = "0", On = "0"}}',
            "two of ours have one name",
        ),
        (
            '[haloscope]\nabsent = ["Sim:"]\n[haloscope.aliases]\n"Sim:Speed" = "X"',
            "stated to be absent, too",
        ),
        (
            '[haloscope.aliases]\n"VNA:Center" = {pv = "X", factor = 2}\n"VNA:Span" = "X"',
            "X is converted otherwise for 'VNA:Center'",
        ),
        ("[haloscope", "lab.toml"),
    ],
)
def test_a_mistake_is_told_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(HardwareError) as refused:
        read_hardware(written(tmp_path, text))
    assert words in str(refused.value)
    assert "lab.toml" in str(refused.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = '[haloscope]\nabsent = ["DAQ:"]\n[haloscope.aliases]\n"A" = "X"\n"B" = "Y"'
    with pytest.raises(HardwareError) as refused:
        read_hardware(written(tmp_path, text))
    assert len(str(refused.value).splitlines()) == 3


def test_a_description_that_is_not_there_is_named(tmp_path: Path) -> None:
    hardware = read_hardware(written(tmp_path, '[haloscope]\ndescription = "nowhere.toml"'))
    with pytest.raises(HardwareError, match=r"haloscope.description = 'nowhere.toml'"):
        hardware.description("haloscope")


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_file_to_begin_with_can_be_read_and_names_all_that_is_needed(
    instrument: str, tmp_path: Path
) -> None:
    text = template(instrument)
    read_hardware(written(tmp_path, text))
    filled = text.replace('#"', '"').replace('" = ""', '" = "X"')
    names = set(tomllib.loads(filled)[instrument]["aliases"])
    needed = {one.name for one in least(instrument)}
    assert all(name in names or name.removesuffix("_RBV") in names for name in needed)


def test_each_pv_of_the_devices_is_in_the_pv_database() -> None:
    for instrument in INSTRUMENTS:
        known = catalogue(instrument)
        assert len(known) > 150
        assert all(one.what for one in known.values())


def test_the_needs_of_plans_are_pvs_beyond_the_least_set() -> None:
    plans = {plan.__name__: plan for plan in offered()}
    assert instrument_of(plans["clear_interlocks"]) == ["amrr", "haloscope"]
    names = [one.name for one in further(plans["y_factor"], "haloscope")]
    assert names == ["NoiseSource:Temp", "NoiseSource:Temp_RBV"]
    assert "Magnet:Field_RBV" in [one.name for one in further(plans["scan"], "haloscope")]
    assert not list(further(plans["tune_to"], "haloscope"))


def test_a_database_has_every_record_once_and_no_motor(tmp_path: Path) -> None:
    hardware = read_hardware(LAB)
    laboratory = hardware.laboratory("haloscope", "LAB:")
    assert laboratory is not None
    text = database("haloscope", laboratory)
    names = [line.split('"')[1] for line in text.splitlines() if line.startswith("record(")]
    assert len(names) == len(set(names))
    assert {one.pv for one in served("haloscope", laboratory).values()} <= set(names)
    other = read_hardware(written(tmp_path, '[haloscope.aliases]\n"Rod" = "BL:m1"'))
    with pytest.raises(HardwareError, match="softIoc has no motor record"):
        database("haloscope", other.laboratory("haloscope", "LAB:"))  # type: ignore[arg-type]


def test_the_commands_print_needs_and_write_files(tmp_path: Path) -> None:
    run = CliRunner().invoke
    told = run(app, ["hardware", "needs", "--plan", "scan"])
    assert told.exit_code == 0
    assert "haloscope: 42 PVs are needed" in told.output
    assert "scan: 5 more" in told.output
    assert run(app, ["hardware", "needs", "laser"]).exit_code == 2
    assert run(app, ["hardware", "needs", "--all"]).exit_code == 0
    begun = tmp_path / "new.toml"
    assert run(app, ["hardware", "new", str(begun)]).exit_code == 0
    again = run(app, ["hardware", "new", str(begun)])
    assert again.exit_code == 2
    assert "there already, name another" in again.output
    assert begun.read_text() == template("haloscope")
    output = tmp_path / "lab.db"
    arguments = ["hardware", "softioc", str(LAB), "-o", str(output), "--target", "1100"]
    assert run(app, arguments).exit_code == 0
    assert 'record(subArray, "DIG:PSD")' in output.read_text()


@pytest.mark.parametrize(
    ("listed", "automatic", "place"),
    [
        ("10.0.0.7:5064", "NO", "at 10.0.0.7:5064 ("),
        ("10.0.0.7:5064", "YES", "at 10.0.0.7:5064 and this host's networks by broadcast ("),
        ("", "YES", "at this host's networks by broadcast ("),
        (" ", "no", "at no address ("),
    ],
)
def test_a_check_to_which_no_record_answers_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, listed: str, automatic: str, place: str
) -> None:
    def none_found(instrument: str, *_: object) -> list[Checked]:
        return [Checked(one, one.name, found=False) for one in catalogue(instrument).values()]

    monkeypatch.setenv("EPICS_CA_ADDR_LIST", listed)
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", automatic)
    monkeypatch.setattr("cryohalo.hardware.checking.check", none_found)
    done = CliRunner().invoke(app, ["hardware", "check", str(LAB), "--wait", "2"])
    told = " ".join(done.output.split())
    assert "records answers within 2 s: is their IOC up? It was looked for" in told
    assert place in told
