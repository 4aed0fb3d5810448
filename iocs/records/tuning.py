"""What an operator may change of a record while it runs: units, names of states, drive limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from instruments.errors import Refused
from instruments.ranges import outside, shown
from iocs.records.interfaces import ServedChannel
from iocs.records.outgoing import PROPERTY, Outgoing
from pvdb.records.checking import demand_within
from pvdb.records.description import MAX_UNITS_LENGTH, Range, Record, State, Value


class Tuning(Outgoing):
    """Mixed in before a caproto channel class: the fields that are more than a number to keep.

    Attributes:
        full_units: ``.EGU`` in full; Channel Access carries its first seven bytes.
        disabled: ``.DISP``: while it is not 0 all puts are refused.
        drive: ``.DRVL`` and ``.DRVH`` where an operator has drawn them in.
        shown_control: The instrument's own limits as they were last looked at.
    """

    _content: dict[Any, Any]
    _fields: Mapping[str, ServedChannel]

    def begin_tuning(self, record: Record) -> None:
        """Take over what the table says."""
        self.record = record
        self.full_units = record.units
        self.disabled = 0
        self.drive: Range | None = None
        self.shown_control = record.control_range()
        self._undrawn = record.write

    def post_also(self, flags: int) -> None:
        """Have the record posted for a change of something other than its value."""
        self._content.clear()
        self.database.post_beside(self, flags)

    def take_units(self, text: str) -> None:
        """Show the value in other units; no number changes."""
        self.full_units = text
        shown = text.encode()[:MAX_UNITS_LENGTH].decode(errors="ignore")
        self.record = replace(self.record, units=shown)
        for data in (self._data, *(field._data for field in self._fields.values())):  # noqa: SLF001
            if "units" in data:
                data["units"] = shown
        self.post_also(PROPERTY)

    def take_states(self, states: tuple[State, ...]) -> None:
        """Give the states other names."""
        index = self.record.state_names().index(self._data["value"])
        self.record = replace(self.record, states=states)
        names = self.record.state_names()
        self._data.update(enum_strings=names, value=names[index])
        self.post_also(PROPERTY)

    # -- drive limits ------------------------------------------------------------------------------

    def drive_range(self) -> Range:
        """The control limits as clients see them."""
        return self._data["lower_ctrl_limit"], self._data["upper_ctrl_limit"]

    def take_drive(self, limits: Range) -> None:
        """Draw in what may be put.

        Raises:
            Refused: They reach beyond the instrument's own limits, or leave nothing.
        """
        low, high = limits
        own = self.record.control_range()
        if own is None:  # as in base: two limits that leave nothing are none
            self.drive = limits if low < high else None
            self._data.update(lower_ctrl_limit=low, upper_ctrl_limit=high)
        else:
            name, unit = self.record.name, self.record.units
            if low < own[0]:
                raise Refused(outside(f"{name}.DRVL", low, *own, unit))
            if high > own[1]:
                raise Refused(outside(f"{name}.DRVH", high, *own, unit))
            if low > high:
                drawn = f"{shown(low)} to {shown(high, unit)}"
                raise Refused(f"{name}: {drawn} would leave nothing to put")
            self.drive = limits if limits != tuple(own) else None
            self.show_control_range()
        self.record = replace(self.record, write=self._drawn if self.drive else self._undrawn)
        self.post_also(PROPERTY)

    def _drawn(self, value: Value) -> None:
        """The record's ``write``, within the drive limits."""
        self.require_drive(value)
        assert self._undrawn is not None
        self._undrawn(value)

    def show_control_range(self) -> None:
        """Tell the control limits: the instrument's own, drawn in."""
        own = self.shown_control = self.record.control_range() or (0.0, 0.0)
        low, high = own
        if self.drive is not None:
            low = min(max(low, self.drive[0]), high)
            high = max(min(high, self.drive[1]), low)
        self._data.update(lower_ctrl_limit=low, upper_ctrl_limit=high)
        self._content.clear()

    def require_drive(self, value: Value) -> None:
        """See that a number to be put is within the drive limits.

        Raises:
            Refused: It is not.
        """
        if self.drive is None or isinstance(value, (str, np.ndarray)):
            return
        low, high = self.drive_range()
        demand_within(self.record, value, low, high, " (DRVL, DRVH)")
