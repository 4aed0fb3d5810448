"""Every name that a page draws, charts or sets is in the PV database; what it sets is writable."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import amrr
from cryohalo.page.handlers import STATIC
from cryohalo.page.layout import LAYOUTS
from cryohalo.page.variables import Variable, variables_of
from pvdb.advice import ADVICE, OTHERWISE

INSTRUMENTS = sorted(LAYOUTS)
#: A PV's name as a drawing's script writes it.
QUOTED = re.compile(r'"([A-Z][A-Za-z0-9]*[:.][A-Z][A-Za-z0-9_]*)"')


@cache
def known(instrument: str) -> dict[str, Variable]:
    return {variable.name: variable for variable in variables_of(instrument)}


def drawn(instrument: str) -> set[str]:
    page = (STATIC / f"{instrument}.html").read_text()
    script = (STATIC / f"{instrument}.js").read_text()
    return {*re.findall(r'data-pv="([^"]*)"', page), *QUOTED.findall(script)}


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_every_name_of_a_drawing_is_a_pv(instrument: str) -> None:
    names = drawn(instrument)
    assert len(names) > 20
    assert names <= set(known(instrument))


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_every_name_of_a_layout_is_a_pv_of_its_kind(instrument: str) -> None:
    layout, variables = LAYOUTS[instrument], known(instrument)
    assert {variables[name].kind for name in layout.charted} == {"number"}
    assert {variables[name].kind for name in layout.arrays} == {"array"}
    assert all(variables[name].settable for name in layout.settable)
    assert {name for name, one in variables.items() if one.settable} == layout.settable


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_neither_secrets_nor_the_truth_are_subscribed_to(instrument: str) -> None:
    hidden = ("Sim:True", "Sim:UnsealKey", "Sim:Envelope_RBV", "DAQ:Spectrum_RBV")
    assert not [name for name in known(instrument) if name.startswith(hidden)]


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_page_cannot_unseal_reset_or_break(instrument: str) -> None:
    forbidden = ("Sim:Unseal", "Sim:Fault", "IOC:", "Sim:Step")
    assert not [name for name in LAYOUTS[instrument].settable if name.startswith(forbidden)]


NAMES_NOT_ADDRESSES = {"http://www.w3.org/2000/svg", "https://github.com/leeoniya/uPlot"}
ADDRESS = re.compile(r"(?:https?:)?//[a-z][\w.-]*\.[a-z]{2,}[^\s\"')]*")


def test_nothing_of_another_site_is_asked_for() -> None:
    """Offline: no file of ours names another address."""
    for path in STATIC.rglob("*"):
        if path.suffix in {".html", ".css", ".js"}:
            assert set(ADDRESS.findall(path.read_text())) <= NAMES_NOT_ADDRESSES, path


def test_variables_are_those_of_the_machine_that_is_configured() -> None:
    file = Path(amrr.__file__).parent / "data" / "glf_second.toml"
    told = {v.name: v.description for v in variables_of("amrr", file)}
    assert told["Stage:Temp_RBV"] == "0.9 K stage" != known("amrr")["Stage:Temp_RBV"].description


def test_what_the_banner_advises_names_pvs() -> None:
    told = " ".join([*(one.do for one in ADVICE), OTHERWISE])
    names = set(re.findall(r"[A-Z][A-Za-z0-9]*:[A-Z][A-Za-z0-9]*", told))
    assert len(names) > 2
    assert names <= {*known("amrr"), *known("haloscope")}
