"""A row for each event of a run, as it comes.

bluesky's own LiveTable knows no units and only fixed decimal places (a frequency in Hz fills its
column, a power in W is 0.000), warns of every array, and waits a tenth of a second at the end of
each run; so rows are made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.cells import cell_len, set_cell_size

from cryohalo.live.numbers import Format, format_of
from instruments.printable import escaped

__all__ = ["Table", "shown_fields"]

_HEADER_EVERY: Final = 25
_NARROWEST: Final = 9
_KINDS: Final = frozenset({"number", "integer", "string", "boolean"})

Out = Callable[[str], None]


class Table:
    """A bluesky callback that prints rows.

    Args:
        out: Takes a line.
        width: How many characters a line may have; fields that do not fit are left out.
        streams: Whose events have rows; None for all but baselines.
    """

    def __init__(self, out: Out, width: int = 100, streams: frozenset[str] | None = None) -> None:
        self._out, self._width, self._streams = out, width, streams
        self._columns: dict[str, _Columns] = {}
        self._last = ""

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document."""
        if name == "start":
            self._start(document)
        elif name == "descriptor" and self._wanted(document.get("name", "")):
            self._columns[document["uid"]] = _Columns(document, self._width)
        elif name == "event" and document["descriptor"] in self._columns:
            self._row(document)
        elif name == "stop":
            self._stop(document)

    def _wanted(self, stream: str) -> bool:
        return stream != "baseline" if self._streams is None else stream in self._streams

    def _start(self, start: Mapping[str, Any]) -> None:
        self._columns, self._last = {}, ""
        scan = f", scan {start['scan_id']}" if "scan_id" in start else ""
        plan = escaped(start.get("plan_name") or "a run", 60)
        self._out(f"{plan}{scan}, run {escaped(start['uid'][:8])}")

    def _row(self, event: Mapping[str, Any]) -> None:
        columns = self._columns[event["descriptor"]]
        if not columns.begun:
            columns.begin(event)
        if self._last != event["descriptor"] or columns.rows % _HEADER_EVERY == 0:
            for line in columns.header():
                self._out(line)
        self._last = event["descriptor"]
        self._out(columns.row(event))

    def _stop(self, stop: Mapping[str, Any]) -> None:
        counts = ", ".join(
            f"{n} {escaped(s, 30)}" for s, n in (stop.get("num_events") or {}).items()
        )
        why = f": {escaped(stop['reason'], 400)}" if stop.get("reason") else ""
        self._out(f"{stop.get('exit_status') or '?'}{why}; events: {counts or 'none'}")


class _Columns:
    """The columns of one stream, found at its first event."""

    def __init__(self, descriptor: Mapping[str, Any], width: int) -> None:
        self._keys = descriptor["data_keys"]
        self._fields = shown_fields(descriptor)
        self._stream, self._width = descriptor.get("name", ""), width
        self._formats: dict[str, Format] = {}
        self._widths: dict[str, int] = {}
        self._titles: dict[str, str] = {}
        self.begun, self.rows = False, 0

    def begin(self, event: Mapping[str, Any]) -> None:
        """Decide by the first event what is shown and how."""
        self.begun = True
        left = self._width - 16  # the number and the time
        for field in self._fields:
            value, key = event["data"].get(field), self._keys[field]
            form = format_of(value, key.get("units") or "", key.get("precision"))
            title = _title(field, self._fields)
            width = max(_NARROWEST, cell_len(title), cell_len(form.unit), cell_len(form(value)))
            if left < width + 2:
                break
            left -= width + 2
            self._formats[field], self._widths[field], self._titles[field] = form, width, title

    def header(self) -> list[str]:
        """Names, and below them units."""
        units = {field: form.unit for field, form in self._formats.items()}
        return [self._line("#", "time", self._titles), self._line("", self._stream[:9], units)]

    def row(self, event: Mapping[str, Any]) -> str:
        """One event."""
        self.rows += 1
        data = event["data"]
        cells = {f: form(data[f]) if f in data else "" for f, form in self._formats.items()}
        at = datetime.fromtimestamp(event["time"]).strftime("%H:%M:%S")
        return self._line(str(event["seq_num"]), at, cells)

    def _line(self, number: str, at: str, cells: Mapping[str, str]) -> str:
        shown = [f"{number:>5}", f"{at:>9}"]
        for field, width in self._widths.items():
            text = set_cell_size(cells[field], min(width, cell_len(cells[field])))
            shown.append(" " * (width - cell_len(text)) + text)
        return "  ".join(shown).rstrip()


def shown_fields(descriptor: Mapping[str, Any]) -> list[str]:
    """Fields of a stream that a row shows: the hinted ones; without hints, all single values."""
    keys = descriptor["data_keys"]
    hints = descriptor.get("hints") or {}
    hinted = [field for hint in hints.values() for field in (hint.get("fields") or ())]
    single = [field for field, key in keys.items() if key.get("dtype") in _KINDS]
    return [field for field in hinted if field in single] or single


def _title(field: str, fields: list[str]) -> str:
    """A field's name without what the names of all fields begin with, its instrument's."""
    instrument = field.partition("_")[0] + "_"
    if all(other.startswith(instrument) for other in fields):
        field = field.removeprefix(instrument)
    return escaped(field.removeprefix("measured_"), 30)
