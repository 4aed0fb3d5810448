"""What a process variable is, as data: one frozen ``Record`` per PV.

A table of records describes a whole IOC. From it the layer builds the channels, and the tools
generate ``--list-pvs``, the documentation, the archiver list and the screens. Tables are written
with the factories of ``pvdb.records.factories``.

Record types and field names are those of the EPICS Record Reference Manual; the limits of lengths
are those of Channel Access (``caerr``/``db_access.h``: units 8 bytes, names of states 26 bytes,
strings 40 bytes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf, isinf
from typing import Any

from instruments.still import Mark
from pvdb.records.severity import Severity

MAX_NAME_LENGTH = 59
MAX_DESCRIPTION_LENGTH = 40
MAX_UNITS_LENGTH = 7  # 8 bytes, the last of which EPICS base keeps for the terminating zero
MAX_STATES = 16
MAX_STATE_LENGTH = 25  # 26 bytes with the terminating zero
MAX_STRING_LENGTH = 39  # 40 bytes with the terminating zero

#: A float, int, str or one-dimensional NumPy array: what a record holds.
Value = Any

#: What logs tell in place of a secret.
WITHHELD = "(withheld)"

#: (low, high), both allowed.
Range = tuple[float, float]

Read = Callable[[], Value]
Write = Callable[[Any], None]


class Wire(Enum):
    """The Channel Access type that a record has on the wire."""

    DOUBLE = "DOUBLE"
    FLOAT = "FLOAT"
    LONG = "LONG"
    SHORT = "SHORT"
    CHAR = "CHAR"
    ENUM = "ENUM"
    STRING = "STRING"

    @property
    def integer(self) -> bool:
        """Whether only whole numbers fit."""
        return self in INTEGER_RANGES


INTEGER_RANGES: dict[Wire, Range] = {
    Wire.LONG: (-(2**31), 2**31 - 1),
    Wire.SHORT: (-(2**15), 2**15 - 1),
    Wire.CHAR: (0, 2**8 - 1),
}


#: What alarm limits apply to.
NUMBERS = frozenset({Wire.DOUBLE, Wire.FLOAT, Wire.LONG, Wire.SHORT})


class OnBusy(Enum):
    """What a second put does while the first has not completed."""

    #: The new value takes over; the earlier put ends with an error.
    SUPERSEDE = "supersedes"
    #: The new put is refused; the earlier one goes on.
    REFUSE = "is refused"
    #: Both complete when the thing is at rest, whatever ended it: the motor record's rule.
    QUEUE = "joins"


@dataclass(frozen=True)
class State:
    """One state of an enum record and the alarm severity that it stands for."""

    name: str
    severity: Severity = Severity.NO_ALARM

    def __post_init__(self) -> None:
        _at_most(f"state {self.name!r}", len(self.name), MAX_STATE_LENGTH, "characters")


@dataclass(frozen=True, kw_only=True)
class AlarmLimits:
    """Alarm limits in the record's units; infinite where there is none.

    A limit that is set has a severity: MINOR for ``low`` and ``high``, MAJOR for ``lolo`` and
    ``hihi``.
    """

    lolo: float = -inf
    low: float = -inf
    high: float = inf
    hihi: float = inf
    lolo_severity: Severity = Severity.MAJOR_ALARM
    low_severity: Severity = Severity.MINOR_ALARM
    high_severity: Severity = Severity.MINOR_ALARM
    hihi_severity: Severity = Severity.MAJOR_ALARM
    hysteresis: float = 0.0

    def severity(self, name: str) -> Severity:
        """Severity of limit ``name`` (``"hihi"`` ...): none where the limit is infinite."""
        if isinf(getattr(self, name)):
            return Severity.NO_ALARM
        return getattr(self, f"{name}_severity")


NO_LIMITS = AlarmLimits()


@dataclass(frozen=True, kw_only=True)
class Record:
    """One process variable.

    Attributes:
        name: Without the prefix, e.g. ``"PumpA:Current_RBV"``.
        kind: Record type as EPICS names it (``.RTYP``).
        wire: Channel Access type.
        description: ``.DESC``.
        units: ``.EGU``.
        precision: ``.PREC``, decimals.
        display: ``.LOPR``, ``.HOPR``.
        control: ``.DRVL``, ``.DRVH``: the values a put may take. Only setpoints have it; a function
            where the instrument's own limits can change.
        alarms: Alarm limits, severities and hysteresis.
        monitor_deadband: ``.MDEL`` in units: a smaller change is not posted.
        archive_deadband: ``.ADEL`` in units.
        states: Of an enum record, in order.
        length: Most elements (``.NELM``) of a waveform, most bytes of a text.
        array: Whether it holds an array of numbers.
        read: Gives the value as it is now. None where the record holds what was last put.
        version: Cheap value that changes when the waveform does; the waveform is read only then.
        still: While it gives the same mark (``instruments.still``), none of ``read``, ``version``,
            ``trouble`` and a function ``control`` can give anything else than before, and the
            record is not looked at. One function for all records of a device. None: it is looked at
            each time.
        trouble: Gives "" while all is well, else what is not: the record is then in alarm.
        trouble_severity: Severity of that alarm; INVALID, "do not trust the value", unless said
            otherwise.
        write: Checks and acts, or raises ``instruments.errors.Refused`` and moves nothing. None:
            read-only.
        done: Whether a put has had its effect. May raise ``Refused`` once it never will. None: at
            once.
        on_busy: What a second put does while ``done`` is still false.
        target: Names the thing that the put sets, where other records set it too: a later put to
            any of them supersedes this one.
        momentary: A command: returns to its first state as soon as it is done.
        write_checks_range: Whether ``write`` itself refuses what is outside ``control``, for its
            own reasons.
        initial: The value before the first read.
        group: Access security group (``.ASG``).
        level: Access security level: 0 for what operators set, 1 for what configures a record.
        saved: Whether the setpoint is saved and restored (autosave).
        secret: Whether what is put is told to ``write`` alone: no log, no journal and no message of
            a refusal quotes it.
    """

    name: str
    kind: str
    wire: Wire
    description: str
    units: str = ""
    precision: int = 3
    display: Range = (0.0, 0.0)
    control: Range | Callable[[], Range] | None = None
    alarms: AlarmLimits = NO_LIMITS
    monitor_deadband: float = 0.0
    archive_deadband: float = 0.0
    states: tuple[State, ...] = ()
    length: int = 1
    array: bool = False
    read: Read | None = None
    version: Callable[[], object] | None = None
    still: Callable[[], Mark] | None = None
    trouble: Callable[[], str] | None = None
    trouble_severity: Severity = Severity.INVALID_ALARM
    write: Write | None = None
    done: Callable[[], bool] | None = None
    on_busy: OnBusy = OnBusy.SUPERSEDE
    target: str = ""
    momentary: bool = False
    write_checks_range: bool = False
    initial: Value = None
    group: str = "DEFAULT"
    level: int = 0
    saved: bool = False
    secret: bool = False

    def __post_init__(self) -> None:
        _at_most(f"name {self.name!r}", len(self.name), MAX_NAME_LENGTH, "characters")
        _at_most(f"{self.name}.DESC", len(self.description), MAX_DESCRIPTION_LENGTH, "characters")
        _at_most(
            f"{self.name}.EGU {self.units!r}", len(self.units.encode()), MAX_UNITS_LENGTH, "bytes"
        )
        _at_most(f"{self.name}, states", len(self.states), MAX_STATES, "states")
        if self.wire is Wire.ENUM and not self.states:
            raise ValueError(f"{self.name}: an enum record needs its states")

    @property
    def writable(self) -> bool:
        """Whether a client may put to it."""
        return self.write is not None

    def told(self, data: Any) -> Any:
        """``data`` that was put, as logs may tell it."""
        return WITHHELD if self.secret else data

    def control_range(self) -> Range | None:
        """The values a put may take now, or None."""
        return self.control() if callable(self.control) else self.control

    def state_names(self) -> tuple[str, ...]:
        """Names of the states of an enum record."""
        return tuple(state.name for state in self.states)


def _at_most(what: str, size: int, limit: int, unit: str) -> None:
    if size > limit:
        raise ValueError(f"{what}: {size} {unit}, Channel Access allows {limit}")
