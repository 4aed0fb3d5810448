"""The generated documents are what the tables say, and what is committed."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from iocs.documents.pages import documents
from tests.iocs.plants import shared

DOCS = Path(__file__).parents[3] / "docs"


@cache
def generated() -> dict[str, str]:
    return documents()


def test_the_committed_documents_are_up_to_date() -> None:
    stale = [name for name, text in generated().items() if (DOCS / name).read_text() != text]
    assert not stale, "run: python -m iocs.documents"


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_every_pv_is_listed(name: str) -> None:
    text = generated()["reference/pvs.md"]
    assert not [pv for pv in shared(name).database.channels if f"`{pv}`" not in text]


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_screens_name_pvs_that_exist_and_widgets_do_not_overlap(name: str) -> None:
    display = Xml.fromstring(generated()[f"screens/{name}.bob"])
    known = set(shared(name).database.channels)
    shown = {pv.text.removeprefix("$(P)") for pv in display.iter("pv_name") if pv.text}
    assert shown <= known
    assert len(shown) > 50
    boxes = [_box(widget) for widget in display.findall("widget")]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if _overlap(a, b)]


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_both_screens_show_the_same_pvs_and_name_none_that_does_not_exist(name: str) -> None:
    ui = Xml.fromstring(generated()[f"screens/{name}.ui"])
    bob = Xml.fromstring(generated()[f"screens/{name}.bob"])
    channels = [text for node in ui.iter("string") if "ca://" in (text := node.text or "")]
    named = {name for text in channels for name in re.findall(r"ca://\$\{P\}([\w:.]+)", text)}
    assert named <= set(shared(name).database.channels)
    in_bob = {
        text.removeprefix("$(P)")
        for tag in ("pv_name", "x_pv", "y_pv")
        for node in bob.iter(tag)
        if (text := node.text)
    }
    assert named == in_bob


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_the_qt_file_declares_its_widgets_and_gives_each_a_name_and_a_place(name: str) -> None:
    ui = Xml.fromstring(generated()[f"screens/{name}.ui"])
    widgets = list(ui.iter("widget"))
    assert len({widget.get("name") for widget in widgets}) == len(widgets)
    declared = {node.findtext("class") for node in ui.iter("customwidget")}
    assert {w.get("class") for w in widgets if w.get("class", "").startswith("PyDM")} <= declared
    for parent in (node for node in widgets if node.findall("widget")):
        boxes = [_rect(widget) for widget in parent.findall("widget")]
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if _overlap(a, b)]
        _, _, width, height = _rect(parent)
        left, top, *_ = _rect(parent)
        assert all(box[2] <= width - left and box[3] <= height - top for box in boxes)


@pytest.mark.parametrize(("name", "count"), [("amrr", 4), ("haloscope", 2)])
def test_every_curve_says_what_it_is_plotted_over(name: str, count: int) -> None:
    """PyDM 1.29 draws no curve of a file that leaves ``x_channel`` out."""
    ui = Xml.fromstring(generated()[f"screens/{name}.ui"])
    curves = [json.loads(node.text or "") for node in ui.iterfind(".//stringlist/string")]
    assert len(curves) == count
    assert all({"x_channel", "y_channel", "name"} <= set(curve) for curve in curves)


def _rect(widget: Xml.Element) -> tuple[int, int, int, int]:
    rect = widget.find("property[@name='geometry']/rect")
    assert rect is not None
    return _box(rect)


def _box(widget: Xml.Element) -> tuple[int, int, int, int]:
    x, y, width, height = (int(widget.findtext(key) or 0) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_the_archiver_gets_no_large_arrays(name: str) -> None:
    database = shared(name).database
    lines = generated()[f"reference/archiver_{name}.txt"].splitlines()
    listed = [line.split(",")[0] for line in lines]
    records = [database[pv.removeprefix(database.prefix)].record for pv in listed]
    assert len(records) > 60
    assert all(not record.array or record.length <= 1000 for record in records)
    assert not [record.name for record in records if record.secret or record.group == "TRUTH"]
