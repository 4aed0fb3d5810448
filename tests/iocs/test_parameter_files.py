"""A parameter file may say anything: what no parameter can be is refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from amrr.parameter_files import SHIPPED, parameters_of, shipped, written
from amrr.parameters import RefrigeratorParameters
from haloscope.parameters import HaloscopeParameters
from iocs.parameters import ParameterFileError, from_file

ODD = ('"x"', "''", "[]", "[1]", "['a']", "[[1]]", "[nan]", "[true]", "{}", "{a = 1}", "true",
       "nan", "inf", "-inf", "-1", "0", "1.5", "1e308", "9" * 400, "1979-05-27")  # fmt: skip
MACHINES: dict[str, tuple[Any, Any]] = {
    "amrr": (RefrigeratorParameters(), parameters_of),
    "haloscope": (HaloscopeParameters.capp12tb(), HaloscopeParameters.from_toml),
}


def leaves(tree: Any, group: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for item in fields(tree):
        value = getattr(tree, item.name)
        if is_dataclass(value):
            yield from leaves(value, (*group, item.name))
        elif item.name != "file_origins":
            yield (*group, item.name)


@pytest.mark.parametrize("value", ODD, ids=lambda text: text[:8])
@pytest.mark.parametrize("name", MACHINES)
def test_an_odd_value_is_taken_or_refused_in_one_line(
    tmp_path: Path, name: str, value: str
) -> None:
    path, refused = tmp_path / "p.toml", 0
    names = list(leaves(MACHINES[name][0]))
    for *group, leaf in names:
        table = f"[{'.'.join(group)}]\n" if group else ""
        path.write_text(f"{table}{leaf} = {value}\n")
        try:
            from_file(*MACHINES[name], path)
        except ParameterFileError as error:
            said, refused = str(error), refused + 1
            if not (said.isprintable() and leaf in said and len(said) < 400 + len(str(path))):
                pytest.fail(said)
    assert refused or value in ("0", "1.5", "1e308", "-1")
    assert len(names) > 50


@pytest.mark.parametrize("content", ["provenance = 5", "[provenance]\n'cavity.volume_m3' = 5",
                                     "name = 5", "cavity = 5", "cavity = [1]"])  # fmt: skip
def test_a_group_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "p.toml").write_text(content)
    with pytest.raises(ParameterFileError, match=r"p\.toml: "):
        from_file(*MACHINES["haloscope"], tmp_path / "p.toml")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_refrigerators_own_files_are_taken_with_their_provenance(
    tmp_path: Path, name: str
) -> None:
    machine = shipped(name)
    path = tmp_path / "p.toml"
    path.write_text(written(machine.parameters, machine.provenance))
    assert "[provenance]" in path.read_text()
    assert from_file(*MACHINES["amrr"], path) == machine.parameters


@pytest.mark.parametrize(("content", "words"), [("provenance = 5", "provenance is no table"),
    ("[provenance]\ndt_s = 5", "provenance of dt_s is no text")])  # fmt: skip
def test_a_refrigerators_provenance_that_is_none_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "p.toml").write_text(content)
    with pytest.raises(ParameterFileError, match=words):
        from_file(*MACHINES["amrr"], tmp_path / "p.toml")
