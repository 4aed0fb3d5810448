"""Putting a machine back to where its last life ended: setpoints, and the puts since a snapshot.

The machine is deterministic: the same puts at the same simulated times give the same state. So the
puts that a journal has after a snapshot are made again, each at its time, and the machine gets
where it was when the last of them was acknowledged: moves, ramps and acquisitions included.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from instruments.errors import Refused
from iocs.records import Database
from iocs.supervision.journal import Entry
from iocs.words.complaints import words
from pvdb.parts.clock import LONGEST_STEP_S, MAX_SPEED, SteppedMachine
from pvdb.records import Record, Wire
from pvdb.records.checking import checked

log = logging.getLogger("cryohalo.iocs.state")

#: Wall seconds for simulating again what lies between puts; a life of the IOC took no longer for it
#: than the period of its snapshots.
LONGEST_S: Final = 60.0
#: Simulated seconds from one put to the next that snapshots every few seconds leave room for.
FARTHEST_S: Final = 10.0 * MAX_SPEED
SHORT: Final = 80


class Repeating:
    """Makes puts again.

    Args:
        machine: The physics.
        database: What is put to.
        guards: Called after every step of the machine, as in the simulation.
        wall: Monotonic wall clock, s.
    """

    def __init__(
        self,
        machine: SteppedMachine,
        database: Database,
        guards: Sequence[Callable[[], None]] = (),
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self.machine = machine
        self.database = database
        self._guards = tuple(guards)
        self._wall = wall

    def write(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Write saved setpoints by the same checks as a client's puts.

        Again as long as that helps: a severity can be set only once its limit is there.

        Returns:
            What was refused, by name, and why.
        """
        left = dict(values)
        while True:
            refused = {name: why for name, value in left.items() if (why := self._set(name, value))}
            if len(refused) in (0, len(left)):
                return refused
            left = {name: left[name] for name in refused}

    def repeat(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Make puts again, each at its simulated time; returns as ``write``."""
        refused = {}
        end_s = self._wall() + LONGEST_S
        for entry in entries:
            name = entry.name or "a completion"
            try:
                self._reach(entry.time_s, end_s)
            except Refused as refusal:
                refused[name] = str(refusal)
                continue
            if entry.name and (why := self._put(name, entry.value)):
                refused[name] = why
        return refused

    def _reach(self, time_s: float, end_s: float) -> None:
        """Step to ``time_s``, or as far as the time allowed for it goes."""
        if not abs(time_s - self.machine.time_s) <= FARTHEST_S:
            raise Refused(f"{time_s:g} s is too far from the machine's {self.machine.time_s:g} s")
        while (left_s := time_s - self.machine.time_s) > 0.0 and self._wall() < end_s:
            before_s = self.machine.time_s
            step_s = min(self.machine.dt_s, LONGEST_STEP_S)
            # A whole step to the last bit, as the clock takes it: the state is then the same too.
            self.machine.step(step_s if left_s > step_s * (1 - 1e-6) else left_s)
            for guard in self._guards:
                guard()
            if self.machine.time_s == before_s:  # a machine of fixed steps owes the rest
                return

    def _set(self, name: str, value: Any) -> str:
        """Write one setpoint; returns why it is refused, "" if it is not."""
        return self._guarded(name, value, self._write_if_different)

    def _put(self, name: str, value: Any) -> str:
        return self._guarded(name, value, self._write)

    def _guarded(self, name: str, value: Any, write: Callable[[str, Any], None]) -> str:
        try:
            write(name, value)
        except Refused as refusal:
            return str(refusal)
        except Exception as error:
            return words(error)
        return ""

    def _write_if_different(self, name: str, value: Any) -> None:
        """A write of what stands already might start something: a ramp to where it is."""
        channel = self._channel(name)
        record = channel.record
        _require_kind(record, value)
        if record.read is None or not np.array_equal(channel.present(), value):
            self._write(name, value)
        elif channel.parent is not None and record.saved:
            channel.parent.note_changed_field(channel)

    def _write(self, name: str, value: Any) -> None:
        channel = self._channel(name)
        record = channel.record
        if record.write is None:
            raise Refused("is read-only")
        _require_kind(record, value)
        record.write(checked(record, value))
        if channel.parent is not None and record.saved:  # for the life after this one too
            channel.parent.note_changed_field(channel)

    def _channel(self, name: str) -> Any:
        try:
            return self.database[name]
        except KeyError:
            raise Refused("there is no such record") from None


def _require_kind(record: Record, value: Any) -> None:
    """A file holds what the record gave: a number for a number, never a text or a truth value.

    Raises:
        Refused: It is of another kind.
    """
    if record.array:
        kind, fits = "an array", isinstance(value, (np.ndarray, list))
    elif record.wire is Wire.STRING:
        kind, fits = "a text", isinstance(value, str)
    elif record.wire is Wire.ENUM:
        # A file has the name of a state, a journal its index.
        kind, fits = "a state", isinstance(value, str) or type(value) is int
    else:
        kind, fits = "a number", type(value) in (int, float)
    if not fits:
        raise Refused(f"{record.name} = {short(value)}: not {kind}")


def short(value: Any) -> str:
    """A value in a log line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHORT else text[: SHORT - 3] + "..."
