"""Operator screens for Phoebus, one display file (``.bob``) per instrument, from its table.

One frame per group of PVs, filled from the top, in as many columns as are needed. Each row has a
description, the setpoint in a widget that fits its kind, and the readback. Waveforms are plotted
below. The prefix is the macro ``$(P)``, so that the same screen serves every site.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.etree import ElementTree as Xml

from iocs.records import Record

ROW, MARGIN, TITLE = 24, 10, 30
LABEL_WIDTH, VALUE_WIDTH = 210, 120
COLUMN_WIDTH = LABEL_WIDTH + 2 * VALUE_WIDTH + 3 * MARGIN
TALLEST_COLUMN = 1000
PLOT_HEIGHT = 260
PLOTS = {
    "DAQ:Preview_RBV": "",
    "VNA:Magnitude_RBV": "VNA:Frequency_RBV",
    "RegenA:TempProfile_RBV": "RegenA:Position_RBV",
    "RegenB:TempProfile_RBV": "RegenB:Position_RBV",
}
"""Waveforms that are plotted, each with the waveform of its abscissa ("" for the index)."""
_WIDGETS = {
    "ao": "textentry", "longout": "textentry", "motor": "textentry", "bo": "combo", "mbbo": "combo",
}  # fmt: skip


def screen(title: str, prefix: str, records: Sequence[Record]) -> str:
    """The display file of one instrument, as XML text."""
    display = Xml.Element("display", version="2.0.0")
    _put(display, name=title)
    macros = Xml.SubElement(display, "macros")
    _put(macros, P=prefix)
    heading = _widget(display, "label", title, MARGIN, MARGIN, 600, TITLE)
    _put(heading, text=f"{title} ($(P))")
    x, y, width, height = MARGIN, MARGIN + TITLE, 0, 0
    for name, members in groupby(sorted(_shown(records), key=_group), key=_group):
        rows = _rows(list(members))
        frame_height = TITLE + ROW * len(rows) + 2 * MARGIN
        if y > MARGIN + TITLE and y + frame_height > TALLEST_COLUMN:
            x, y = x + COLUMN_WIDTH + MARGIN, MARGIN + TITLE
        _frame(display, name, rows, x, y, frame_height)
        y += frame_height + MARGIN
        width, height = x + COLUMN_WIDTH + MARGIN, max(height, y)
    height = _plots(display, {record.name for record in records}, height)
    _put(display, width=width, height=height)
    Xml.indent(display)
    return Xml.tostring(display, encoding="unicode", xml_declaration=True) + "\n"


def _shown(records: Iterable[Record]) -> list[Record]:
    """All but arrays; of a motor the fields that an operator needs."""
    fields = (".RBV", ".STOP", ".VELO", ".DMOV", ".HLM", ".LLM")
    return [
        record
        for record in records
        if not record.array
        and record.group != "TRUTH"
        and ("." not in record.name or record.name.endswith(fields))
    ]


def _group(record: Record) -> str:
    head, colon, _ = record.name.partition(":")
    return head if colon else head.partition(".")[0].removesuffix("_RBV")


def _rows(members: list[Record]) -> list[tuple[Record | None, Record | None]]:
    """Setpoints beside their readbacks; what has no partner stands alone."""
    by_name = {record.name: record for record in members}
    rows: list[tuple[Record | None, Record | None]] = []
    for record in members:
        if record.writable:
            readback = by_name.get(f"{record.name}_RBV") or by_name.get(f"{record.name}.RBV")
            rows.append((record, readback))
    paired = {readback.name for _, readback in rows if readback is not None}
    alone = [r for r in members if not r.writable and r.name not in paired]
    return [*rows, *((None, record) for record in alone)]


def _frame(
    display: Xml.Element,
    name: str,
    rows: Sequence[tuple[Record | None, Record | None]],
    x: int,
    y: int,
    height: int,
) -> None:
    frame = _widget(display, "group", name, x, y, COLUMN_WIDTH, height)
    for index, (target, readback) in enumerate(rows):
        told = target or readback
        assert told is not None
        top = index * ROW
        label = _widget(frame, "label", f"{told.name} label", 0, top, LABEL_WIDTH, ROW - 4)
        _put(label, text=told.description, tooltip=told.name)
        if target is not None:
            kind = "bool_button" if target.momentary else _WIDGETS.get(target.kind, "textentry")
            kind = "combo" if target.states and kind == "textentry" else kind
            entry = _widget(frame, kind, target.name, LABEL_WIDTH, top, VALUE_WIDTH, ROW - 4)
            _put(entry, pv_name=f"$(P){target.name}")
            if kind == "bool_button":
                _put(entry, mode="1", off_label="Do", on_label="Doing")
        if readback is not None:
            left = LABEL_WIDTH + VALUE_WIDTH + MARGIN
            update = _widget(frame, "textupdate", readback.name, left, top, VALUE_WIDTH, ROW - 4)
            _put(update, pv_name=f"$(P){readback.name}")


def _plots(display: Xml.Element, names: set[str], top: int) -> int:
    """Plots side by side below the frames; returns the height of the display."""
    plotted = [name for name in PLOTS if name in names]
    for index, name in enumerate(plotted):
        left = MARGIN + index * (COLUMN_WIDTH + MARGIN)
        plot = _widget(display, "xyplot", name, left, top, COLUMN_WIDTH, PLOT_HEIGHT, "3.0.0")
        _put(plot, title=name)
        trace = Xml.SubElement(Xml.SubElement(plot, "traces"), "trace")
        abscissa = f"$(P){PLOTS[name]}" if PLOTS[name] else ""
        _put(trace, name=name, x_pv=abscissa, y_pv=f"$(P){name}")
    return top + (PLOT_HEIGHT + MARGIN if plotted else 0)


def _widget(
    parent: Xml.Element,
    kind: str,
    name: str,
    x: int,
    y: int,
    width: int,
    height: int,
    version: str = "2.0.0",
) -> Xml.Element:
    widget = Xml.SubElement(parent, "widget", type=kind, version=version)
    _put(widget, name=name, x=x, y=y, width=width, height=height)
    return widget


def _put(element: Xml.Element, **values: object) -> None:
    for key, value in values.items():
        Xml.SubElement(element, key).text = str(value)
