"""``cryohalo iocs``: which IOCs it starts, and with what."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from cryohalo.commands.iocs import both, haloscope_file


def test_each_ioc_gets_its_own_parameter_file() -> None:
    files = {"amrr": Path("cold.toml"), "haloscope": Path("mine.toml")}
    amrr, haloscope = both(0.0, 3, None, parameters=files)
    own = ("--speed", "0.0", "--seed", "3", "--parameters", "cold.toml")
    assert amrr.arguments == ("--prefix", "AMRR:", *own)
    assert haloscope.arguments[-2:] == ("--parameters", "mine.toml")
    for ioc in both(1.0, 0, None, parameters={"amrr": None}):
        assert "--parameters" not in ioc.arguments


def test_prefixes_access_rules_and_ports_of_pv_access_reach_their_ioc() -> None:
    pair = both(1.0, 0, None, prefixes=("A:", "B:"), access=Path("site.acf"), pva=17110)
    for ioc, prefix, port in zip(pair, ("A:", "B:"), ("17110", "17111"), strict=True):
        assert ioc.arguments[:2] == ("--prefix", prefix)
        assert ioc.arguments[-4:] == ("--access", "site.acf", "--pva", port)


def test_an_axion_is_hidden_in_the_haloscope_alone() -> None:
    amrr, haloscope = both(1.0, 0, None, inject=2e-14, inject_band=(5749.0, 5751.0))
    assert "--inject" not in amrr.arguments
    hidden = ("--inject", "2e-14", "--inject-band", "5749.0", "5751.0")
    assert haloscope.arguments[-5:] == hidden
    _, haloscope = both(1.0, 0, None, inject=2e-14, inject_modulated=True)
    assert haloscope.arguments[-3:] == ("--inject", "2e-14", "--inject-modulated")
    _, haloscope = both(1.0, 0, None, inject=2e-14, inject_flow=0.5)
    assert haloscope.arguments[-4:] == ("--inject", "2e-14", "--inject-flow", "0.5")


def test_a_haloscope_is_told_by_its_file_or_by_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "own"')
    assert haloscope_file(str(own)) == own
    assert haloscope_file("haystac").read_text().startswith("# HAYSTAC")
    with pytest.raises(typer.BadParameter, match="orpheus: no parameter file, nor the name of one"):
        haloscope_file("orpheus")
