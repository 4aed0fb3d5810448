"""Operator screens for Phoebus, one display file (``.bob``) per instrument, from its table.

One frame per group of PVs, filled from the top, in as many columns as are needed. Each row has a
description, the setpoint in a widget that fits its kind, and the readback. Waveforms are plotted
below. The prefix is the macro ``$(P)``, so that the same screen serves every site. What goes where
(``frames``, ``plots``) holds for the screens of ``iocs.documents.pydm_screens`` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.etree import ElementTree as Xml

from pvdb.records import Record

ROW, MARGIN, TITLE = 24, 10, 30
LABEL_WIDTH, VALUE_WIDTH = 260, 120
COLUMN_WIDTH = LABEL_WIDTH + 2 * VALUE_WIDTH + 3 * MARGIN
TALLEST_COLUMN = 1000
PLOT_HEIGHT = 260
#: Waveforms that are plotted, each with the waveform of its abscissa ("" for the index).
PLOTS = {
    "DAQ:Preview_RBV": "",
    "VNA:Magnitude_RBV": "VNA:Frequency_RBV",
    "RegenA:TempProfile_RBV": "RegenA:Position_RBV",
    "RegenB:TempProfile_RBV": "RegenB:Position_RBV",
    "ColdPath:TempProfile_RBV": "ColdPath:Position_RBV",
    "ColdPath:Load_RBV": "ColdPath:Position_RBV",
}
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
    for frame in frames(records):
        _frame(display, frame)
    for plot in plots(records):
        _plot(display, plot)
    width, height = size(records)
    _put(display, width=width, height=height)
    Xml.indent(display)
    return Xml.tostring(display, encoding="unicode", xml_declaration=True) + "\n"


#: A setpoint, its readback, or both.
Row = tuple[Record | None, Record | None]


@dataclass(frozen=True)
class ScreenFrame:
    """A group of PVs with its place on the screen, in pixels."""

    name: str
    rows: Sequence[Row]
    x: int
    y: int

    @property
    def height(self) -> int:
        """With title and margins."""
        return TITLE + ROW * len(self.rows) + 2 * MARGIN


@dataclass(frozen=True)
class Plot:
    """A waveform over another ("" for the index) with its place on the screen, in pixels."""

    name: str
    abscissa: str
    x: int
    y: int


def frames(records: Iterable[Record]) -> list[ScreenFrame]:
    """All groups, placed in columns."""
    placed: list[ScreenFrame] = []
    x, y = MARGIN, MARGIN + TITLE
    for name, members in groupby(sorted(_shown(records), key=_group), key=_group):
        frame = ScreenFrame(name, _rows(list(members)), x, y)
        if y > MARGIN + TITLE and y + frame.height > TALLEST_COLUMN:
            x, y = x + COLUMN_WIDTH + MARGIN, MARGIN + TITLE
            frame = ScreenFrame(name, frame.rows, x, y)
        placed.append(frame)
        y += frame.height + MARGIN
    return placed


def plots(records: Sequence[Record]) -> list[Plot]:
    """The waveforms to plot, side by side below the frames."""
    names = {record.name for record in records}
    top = max(frame.y + frame.height + MARGIN for frame in frames(records))
    plotted = [name for name in PLOTS if name in names]
    return [
        Plot(name, PLOTS[name], MARGIN + index * (COLUMN_WIDTH + MARGIN), top)
        for index, name in enumerate(plotted)
    ]


def size(records: Sequence[Record]) -> tuple[int, int]:
    """Width and height of the screen, pixels."""
    boxes = [(f.x, f.y + f.height) for f in frames(records)]
    boxes += [(p.x, p.y + PLOT_HEIGHT) for p in plots(records)]
    right, bottom = (max(edge) for edge in zip(*boxes, strict=True))
    return right + COLUMN_WIDTH + MARGIN, bottom + MARGIN


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


def _rows(members: list[Record]) -> list[Row]:
    """Setpoints beside their readbacks; what has no partner stands alone."""
    by_name = {record.name: record for record in members}
    rows: list[Row] = []
    for record in members:
        if record.writable:
            readback = by_name.get(f"{record.name}_RBV") or by_name.get(f"{record.name}.RBV")
            rows.append((record, readback))
    paired = {readback.name for _, readback in rows if readback is not None}
    alone = [r for r in members if not r.writable and r.name not in paired]
    return [*rows, *((None, record) for record in alone)]


def _frame(display: Xml.Element, placed: ScreenFrame) -> None:
    frame = _widget(display, "group", placed.name, placed.x, placed.y, COLUMN_WIDTH, placed.height)
    for index, (target, readback) in enumerate(placed.rows):
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


def _plot(display: Xml.Element, placed: Plot) -> None:
    box = (placed.x, placed.y, COLUMN_WIDTH, PLOT_HEIGHT)
    plot = _widget(display, "xyplot", placed.name, *box, version="3.0.0")
    _put(plot, title=placed.name)
    trace = Xml.SubElement(Xml.SubElement(plot, "traces"), "trace")
    abscissa = f"$(P){placed.abscissa}" if placed.abscissa else ""
    _put(trace, name=placed.name, x_pv=abscissa, y_pv=f"$(P){placed.name}")


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
