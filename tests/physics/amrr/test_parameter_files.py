"""Parameter files of the refrigerator: what they change, and what they are refused for."""

from dataclasses import replace
from pathlib import Path

import pytest

from amrr.parameter_files import SHIPPED, parse, read, shipped, written
from amrr.parameters import RefrigeratorParameters

DEFAULT = RefrigeratorParameters()


def test_a_file_overrides_and_says_where_from(tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    path.write_text(
        "concentration = 0.12\n[regenerator]\nlength_m = 0.09\nnodes = 60\n"
        "[pump_magnet.solenoid]\nturns = 30000\n[cycle]\nflow_time_s = 60\n"
        '[provenance]\n"cycle.flow_time_s" = "assumed: shorter"\n'
    )
    found = read(path)
    p = found.parameters
    assert (p.concentration, p.regenerator.length_m, p.regenerator.nodes) == (0.12, 0.09, 60)
    assert p.pump_magnet.solenoid.turns == 30000
    assert isinstance(p.cycle.flow_time_s, float)
    assert p.cycle.hold_time_s == DEFAULT.cycle.hold_time_s
    assert found.provenance == {"cycle.flow_time_s": "assumed: shorter"}
    assert parse({}).parameters == DEFAULT


def test_what_is_written_makes_the_machine_again(tmp_path: Path) -> None:
    p = replace(
        DEFAULT,
        concentration=0.1525,
        fluid_closure="osmotic",
        regenerator=replace(DEFAULT.regenerator, length_m=1 / 11),
        cycle=replace(DEFAULT.cycle, square_ramp=False),
        detector2=replace(DEFAULT.detector2, fitted=False),
    )
    path = tmp_path / "machine.toml"
    path.write_text(written(p, {"concentration": 'found, "so"'}))
    assert read(path).parameters == p
    assert read(path).provenance == {"concentration": 'found, "so"'}
    assert parse({}).parameters == DEFAULT
    assert written(DEFAULT).strip() == ""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"colour": "red"}, "no parameter 'colour'"),
        ({"regenerator": {"colour": 1}}, "no parameter 'regenerator.colour'"),
        ({"regenerator": 3}, "regenerator is a table"),
        ({"concentration": {"x": 0.1}}, "concentration is no table"),
        ({"concentration": "much"}, "concentration = 'much' is no float"),
        ({"concentration": True}, "concentration = True is no float"),
        ({"regenerator": {"nodes": 40.5}}, "regenerator.nodes = 40.5 is no int"),
        ({"cycle": {"square_ramp": 1}}, "cycle.square_ramp = 1 is no bool"),
        ({"concentration": 0.5}, "concentration = 0.5 is outside 0.01 to 0.25"),
        ({"concentration": float("nan")}, "concentration"),
        ({"refrigerant": "salt"}, "refrigerant 'salt'"),
        ({"provenance": 7}, "provenance is no table"),
        ({"provenance": {"colour": "x"}}, "provenance of a parameter that does not exist"),
        ({"provenance": {"concentration": 1}}, "provenance of concentration is no text"),
    ],
)
def test_what_makes_no_machine_is_refused_by_name(content: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(content)


def test_an_unknown_shipped_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="no machine 'gadolinium' is shipped"):
        shipped("gadolinium")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_machine_has_the_origin_of_each_value(name: str) -> None:
    found = shipped(name)
    assert found.parameters.refrigerant == "GLF"
    assert found.parameters.pump.refrigerant == "GGG"
    default = DEFAULT.flat()
    changed = {k for k, v in found.parameters.flat().items() if v != default[k]}
    fields = {k for k in changed if k.startswith("cycle.regen_")}
    assert changed - fields <= set(found.provenance)
    assert any(k in found.provenance for k in fields)
