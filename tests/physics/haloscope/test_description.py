"""The description of an apparatus: what is in it, what is refused of it, its hash."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloscope.description import Description, MistakesError, describe
from haloscope.description.checking import doubts, quantities
from haloscope.description.stated import DESCRIBED, LONGEST_JSON
from haloscope.parameters import GROUPS, SHIPPED, HaloscopeParameters
from haloscope.parameters.reviewing import reviewed
from haloscope.parameters.writing import template, written

CAPP = describe(HaloscopeParameters.capp12tb())


def _changed(**values: Any) -> dict[str, Any]:
    """CAPP-12TB's description as plain values, some replaced: ``group__value=...``."""
    content = CAPP.as_dict()
    for name, value in values.items():
        group, _, key = name.partition("__")
        content[group][key] = value
    return content


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_comes_back_from_json_the_same(name: str) -> None:
    described = describe(HaloscopeParameters.shipped(name))
    back = Description.from_json(described.as_json())
    assert back == described
    assert back.hash() == described.hash()
    assert len(described.as_json()) < LONGEST_JSON
    low_hz, high_hz = described.operation.band_low_hz, described.operation.band_high_hz
    for edge_hz in (low_hz, high_hz):
        assert described.mode_map.lowest_hz < edge_hz < described.mode_map.highest_hz


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_shipped_is_doubtful(name: str) -> None:
    parameters = HaloscopeParameters.shipped(name)
    assert doubts(parameters.groups()) == []


def test_no_truth_of_a_simulation_is_in_it() -> None:
    truth = {
        f"{group}.{item.name}"
        for group, kind in GROUPS.items()
        for item in fields(kind)
        if item.name not in {known.name for known in fields(DESCRIBED[group])}
    }
    assert {"cavity.te_frequency_hz", "antenna.depth_scale_mm", "jpa.flux_offset_a"} <= truth
    stated = {f"{g}.{k}" for g, part in CAPP.as_dict().items() if isinstance(part, dict)
              for k in part}  # fmt: skip
    assert not truth & stated
    machined = HaloscopeParameters.from_mapping({"cavity": {"drift_hz": 1.0}})
    assert replace(describe(machined), parameters_hash=CAPP.parameters_hash) == CAPP


def test_a_code_has_no_values() -> None:
    """A group cannot be made without all of them: no default is left in it."""
    for kind in GROUPS.values():
        with pytest.raises(TypeError, match="missing"):
            kind()


def test_all_mistakes_are_told_at_once_each_with_value_range_and_what_it_is() -> None:
    content = _changed(cavity__volume_m3=-1.0, operation__gain_db=90, digitizer__bins=10.5)
    del content["safety"]["suspend_above_k"]
    content["magnet"]["full_feld_t"] = 12.0
    content["weather"] = {}
    with pytest.raises(MistakesError) as refused:
        Description.from_mapping(content)
    found = list(refused.value.found)
    assert len(found) == 6
    for words in (
        "cavity.volume_m3 is -1.0, must be above 0 to 1000 m^3: inner volume less rods",
        "operation.gain_db is 90, must be 3 to 30 dB: gain of the first amplifier",
        "digitizer.bins is 10.5, must be a whole number, 1 to 1e+07: bins of a spectrum",
        "safety.suspend_above_k is not stated: plans are held",
        "magnet.full_feld_t does not exist; is full_field_t meant?",
        "group 'weather' does not exist",
    ):
        assert [words in line for line in found].count(True) == 1, words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cryostat__base_temperature_k": 0.127}, r"base_temperature_k is 0\.127 K, must be below "
         r"safety\.resume_below_k, which is 0\.06 K"),
        ({"operation__beta_low": 2.5}, r"beta_low is 2\.5, must be below operation\.beta_high"),
        ({"jpa__highest_resonance_hz": 1e9}, "above the amplifier's place at the reference"),
        ({"cavity__reference_hz": 2e9, "jpa__highest_resonance_hz": 3e9}, "the mode map has"),
        ({"rod__base_temperature_k": 0.025}, r"is 0\.025 K, must be below rod\.base_temperature_k"),
        ({"analysis__baseline": "best"}, "one of auto, letter, pade, savgol"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(MistakesError, match=words):
        Description.from_mapping(_changed(**values))


TREES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(tree=TREES, group=st.sampled_from([*DESCRIBED, "table", "name", "parameters_hash"]))
def test_whatever_is_served_is_refused_in_words(tree: Any, group: str) -> None:
    content = {**CAPP.as_dict(), group: tree}
    for text in (json.dumps(tree), json.dumps(content)):
        try:
            found = Description.from_json(text)
        except ValueError:
            continue
        assert group in ("name", "parameters_hash")
        assert isinstance(found, Description)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"name": "x"}', "x" * 300_000, "1e999"])
def test_no_json_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Description.from_json(text)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([], "shape"),
        ([[0, 3, 0.7, 2]] * 5, "shape"),
        ([[0.1, 3 - i, 0.7, 2, 2] for i in range(5)], "ascend"),
        ([[0.1 * i, 3.0, 0.7, 2, 2] for i in range(5)], "descend"),
        ([[0.1 * i, 3 - 0.1 * i, 0.0, 2, 2] for i in range(5)], "form factor"),
        ([[1e-4 * i, 1e300 - i, 0.7, 2, 2] for i in range(5)], "beyond"),
        ([[1e-4 * i, 3 - 1e-3 * i, 0.7, 2, 2] for i in range(1001)], "rows"),
        ([["a"] * 5] * 5, "numbers"),
        ([[str(x) for x in row] for row in CAPP.table], "numbers"),
        ([[1, 2, 3, 4, None]] * 5, "numbers"),
    ],
)
def test_a_table_that_is_no_mode_map_is_refused(table: Any, words: str) -> None:
    with pytest.raises(MistakesError, match=words):
        Description.from_mapping({**CAPP.as_dict(), "table": table})


def test_the_hash_follows_every_value() -> None:
    moved = Description.from_mapping(_changed(safety__suspend_above_k=0.11))
    assert moved.hash() != CAPP.hash()
    rows = CAPP.as_dict()
    rows["table"][3][2] += 1e-6
    assert Description.from_mapping(rows).hash() != CAPP.hash()


# Files --------------------------------------------------------------------------------------------


def test_what_is_written_is_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    for name in SHIPPED:
        parameters = HaloscopeParameters.shipped(name)
        path.write_text(written(parameters, "A copy."))
        read = HaloscopeParameters.from_toml(path)
        assert read.groups() == parameters.groups()
        assert read.hash() == parameters.hash()
        assert dict(read.file_origins) == dict(parameters.file_origins)


def test_every_value_of_capp12tb_stands_in_its_file_with_its_origin() -> None:
    parameters = HaloscopeParameters.capp12tb()
    names = {what.name for what in quantities(GROUPS)}
    assert set(parameters.file_origins) == names
    assert not any(origin.startswith("inherited") for origin in parameters.file_origins.values())


def test_what_a_file_takes_over_is_marked() -> None:
    provenance = HaloscopeParameters.shipped("haystac").provenance()
    assert provenance["cavity.volume_m3"][1].kind == "assumed"
    assert provenance["digitizer.efficiency"][1].kind == "inherited from capp12tb"
    assert provenance["digitizer.efficiency"][1].note.startswith("paper: over 99 %")


def test_a_template_is_accepted_once_its_blanks_are_filled_in() -> None:
    import tomllib

    capp = HaloscopeParameters.capp12tb()
    blank = template(capp, "capp12tb", blank=True)
    with pytest.raises(MistakesError) as refused:
        HaloscopeParameters.from_mapping(tomllib.loads(blank))
    missing = [line.split()[1] for line in refused.value.found]
    assert len(missing) > 50
    assert all("is not stated" in line for line in refused.value.found)
    filled, group = [], ""
    for line in blank.splitlines():
        group = line.strip("[]") if line.startswith("[") else group
        if line.startswith("# ") and line.endswith(" ="):
            key = line[2:-2]
            line = f"{key} = {json.dumps(getattr(getattr(capp, group), key))}"
        filled.append(line)
    read = HaloscopeParameters.from_mapping(tomllib.loads("\n".join(filled)))
    assert read.groups() == capp.groups()
    copied = template(capp, "capp12tb", blank=False)
    assert HaloscopeParameters.from_mapping(tomllib.loads(copied)).groups() == capp.groups()


def test_a_mode_map_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    rows = "\n".join(",".join(str(x) for x in row) for row in CAPP.table)
    (tmp_path / "own.csv").write_text(f"# mine\n{rows}\n")
    (tmp_path / "own.toml").write_text('base = "capp12tb"\n[rod]\nmode_map = "own.csv"\n')
    described = describe(HaloscopeParameters.from_toml(tmp_path / "own.toml"))
    assert described.table == CAPP.table


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_a_mode_map_without_rows_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.csv").write_text(text)
    (tmp_path / "own.toml").write_text('base = "capp12tb"\n[rod]\nmode_map = "own.csv"\n')
    [told] = reviewed(str(tmp_path / "own.toml")).mistakes
    assert "mode map own.csv: no rows" in told
