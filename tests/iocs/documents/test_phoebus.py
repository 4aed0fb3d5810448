"""Phoebus' alarm tree and save-and-restore configuration name the right PVs."""

from __future__ import annotations

import csv
from xml.etree import ElementTree as Xml

import pytest

from iocs.documents.phoebus import alarm_tree, save_set
from tests.iocs.plants import shared

MACHINES = ["amrr", "haloscope"]


@pytest.mark.parametrize("name", MACHINES)
def test_the_alarm_tree_names_what_can_be_in_alarm(name: str) -> None:
    database = shared(name).database
    tree = Xml.fromstring(alarm_tree(name, "X:", database.records, "x.bob"))
    named = [pv.get("name", "") for pv in tree.iter("pv")]
    assert len(named) == len(set(named)) >= 15
    assert {pv.removeprefix("X:") for pv in named} <= set(database.channels)
    assert "X:Interlock:Active_RBV" in named
    assert not [pv for pv in named if pv.startswith(("X:Sim:", "X:IOC:"))]
    for pv in tree.iter("pv"):
        assert pv.findtext("description")
        assert pv.findtext("latching") == "true"


@pytest.mark.parametrize("name", MACHINES)
def test_the_save_set_names_setpoints_with_their_readbacks(name: str) -> None:
    database = shared(name).database
    rows = list(csv.DictReader(save_set("X:", database.records).splitlines()))
    assert len(rows) > 20
    for row in rows:
        record = database[row["PV"].removeprefix("X:")].record
        assert record.writable
        assert not record.momentary
        assert row["READBACK"] in ("", f"{row['PV']}_RBV")
        assert not row["READBACK"] or row["READBACK"].removeprefix("X:") in database.channels
        assert row["READ_ONLY"] == "false"
    assert any(row["READBACK"] for row in rows)
