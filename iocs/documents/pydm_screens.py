"""Operator screens for PyDM, one Qt file (``.ui``) per instrument, from its table.

What goes where is that of the Phoebus screens (``iocs.documents.screens``). The prefix is the macro
``${P}``:

    pydm -m P=AMRR: docs/screens/amrr.ui
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from iocs.documents.screens import (
    COLUMN_WIDTH,
    LABEL_WIDTH,
    MARGIN,
    PLOT_HEIGHT,
    ROW,
    TITLE,
    VALUE_WIDTH,
    Plot,
    ScreenFrame,
    frames,
    plots,
    size,
)
from pvdb.records import Record

#: PyDM's widgets: the Qt class that each extends and the module it is in.
CUSTOM = {
    "PyDMLabel": ("QLabel", "pydm.widgets.label"),
    "PyDMLineEdit": ("QLineEdit", "pydm.widgets.line_edit"),
    "PyDMEnumComboBox": ("QComboBox", "pydm.widgets.enum_combo_box"),
    "PyDMPushButton": ("QPushButton", "pydm.widgets.pushbutton"),
    "PyDMWaveformPlot": ("QGraphicsView", "pydm.widgets.waveformplot"),
}
BLUE = "#1f77b4"


def screen(title: str, records: Sequence[Record]) -> str:
    """The Qt file of one instrument, as XML text."""
    ui = Xml.Element("ui", version="4.0")
    Xml.SubElement(ui, "class").text = "Screen"
    form = _widget(ui, "QWidget", "Screen", 0, 0, *size(records))
    _property(form, "windowTitle", "string", f"{title} (${{P}})")
    heading = _widget(form, "QLabel", "Heading", MARGIN, MARGIN, 600, TITLE - MARGIN)
    _property(heading, "text", "string", f"{title} (${{P}})")
    for frame in frames(records):
        _frame(form, frame)
    for plot in plots(records):
        _plot(form, plot)
    _declare(ui)
    Xml.indent(ui)
    return Xml.tostring(ui, encoding="unicode", xml_declaration=True) + "\n"


def channel(name: str) -> str:
    """PyDM's address of a PV."""
    return f"ca://${{P}}{name}"


def _frame(form: Xml.Element, placed: ScreenFrame) -> None:
    box = _widget(
        form, "QGroupBox", f"Group{placed.name}", placed.x, placed.y, COLUMN_WIDTH, placed.height
    )
    _property(box, "title", "string", placed.name)
    for index, (target, readback) in enumerate(placed.rows):
        told = target or readback
        assert told is not None
        top = TITLE + index * ROW
        label = _widget(
            box, "QLabel", f"Label{told.name}", MARGIN, top, LABEL_WIDTH - MARGIN, ROW - 4
        )
        _property(label, "text", "string", told.description)
        if target is not None:
            _entry(box, target, top)
        if readback is not None:
            left = LABEL_WIDTH + VALUE_WIDTH + MARGIN
            value = _widget(
                box, "PyDMLabel", f"Value{readback.name}", left, top, VALUE_WIDTH, ROW - 4
            )
            _channel(value, readback.name)
            _property(value, "showUnits", "bool", "true", designer=False)


def _entry(box: Xml.Element, record: Record, top: int) -> None:
    """A widget that puts to a setpoint."""
    kind = "PyDMEnumComboBox" if record.states else "PyDMLineEdit"
    kind = "PyDMPushButton" if record.momentary else kind
    entry = _widget(box, kind, f"Entry{record.name}", LABEL_WIDTH, top, VALUE_WIDTH, ROW - 4)
    _channel(entry, record.name)
    if record.momentary:
        _property(entry, "text", "string", "Do")
        _property(entry, "pressValue", "string", "1", designer=False)


def _plot(form: Xml.Element, placed: Plot) -> None:
    plot = _widget(
        form,
        "PyDMWaveformPlot",
        f"Plot{placed.name}",
        placed.x,
        placed.y,
        COLUMN_WIDTH,
        PLOT_HEIGHT,
    )
    curve = {
        "name": placed.name,
        "y_channel": channel(placed.name),
        # PyDM asks for it: null stands for the index.
        "x_channel": channel(placed.abscissa) if placed.abscissa else None,
        "color": BLUE,
    }
    _property(plot, "title", "string", placed.name, designer=False)
    curves = Xml.SubElement(
        Xml.SubElement(plot, "property", name="curves", stdset="0"), "stringlist"
    )
    Xml.SubElement(curves, "string").text = json.dumps(curve)


def _declare(ui: Xml.Element) -> None:
    """Tell Qt where PyDM's widgets are."""
    declared = Xml.SubElement(ui, "customwidgets")
    for name, (extends, module) in CUSTOM.items():
        widget = Xml.SubElement(declared, "customwidget")
        for key, text in (("class", name), ("extends", extends), ("header", module)):
            Xml.SubElement(widget, key).text = text


def _widget(
    parent: Xml.Element, kind: str, name: str, x: int, y: int, width: int, height: int
) -> Xml.Element:
    plain = "".join(c if c.isalnum() else "_" for c in name)
    widget = Xml.SubElement(parent, "widget", {"class": kind, "name": plain})
    rect = Xml.SubElement(Xml.SubElement(widget, "property", name="geometry"), "rect")
    for key, value in (("x", x), ("y", y), ("width", width), ("height", height)):
        Xml.SubElement(rect, key).text = str(value)
    return widget


def _channel(widget: Xml.Element, name: str) -> None:
    _property(widget, "channel", "string", channel(name), designer=False)
    _property(widget, "toolTip", "string", name)


def _property(
    widget: Xml.Element, name: str, kind: str, text: str, *, designer: bool = True
) -> None:
    """A property; ``designer`` says whether Qt's own class has it."""
    extra = {} if designer else {"stdset": "0"}
    found = Xml.SubElement(widget, "property", {"name": name, **extra})
    Xml.SubElement(found, kind).text = text
