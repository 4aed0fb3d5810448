"""How tables are written: one call per process variable, which says only what is its own.

The factories fill in what follows from the kind of record: its EPICS record type, its type on the
wire, its access security group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import nan

from instruments.still import Mark
from pvdb.records.description import (
    NO_LIMITS,
    AlarmLimits,
    OnBusy,
    Range,
    Read,
    Record,
    State,
    Wire,
    Write,
)
from pvdb.records.severity import Severity


def readback(
    name: str,
    read: Read,
    description: str,
    units: str = "",
    *,
    precision: int = 3,
    display: Range = (0.0, 0.0),
    alarms: AlarmLimits = NO_LIMITS,
    deadband: float = 0.0,
    archive: float | None = None,
    trouble: Callable[[], str] | None = None,
    group: str = "READBACK",
) -> Record:
    """An analog input: a number that clients only read."""
    return Record(
        name=name,
        kind="ai",
        wire=Wire.DOUBLE,
        description=description,
        units=units,
        precision=precision,
        display=display,
        alarms=alarms,
        monitor_deadband=deadband,
        archive_deadband=deadband if archive is None else archive,
        read=read,
        trouble=trouble,
        group=group,
    )


def counter(
    name: str,
    read: Read,
    description: str,
    units: str = "",
    *,
    display: Range = (0, 0),
    trouble: Callable[[], str] | None = None,
) -> Record:
    """A long input: a whole number that clients only read."""
    return Record(
        name=name,
        kind="longin",
        wire=Wire.LONG,
        description=description,
        units=units,
        precision=0,
        display=display,
        read=read,
        trouble=trouble,
        group="READBACK",
    )


def setpoint(
    name: str,
    read: Read | None,
    write: Write,
    description: str,
    units: str = "",
    *,
    control: Range | Callable[[], Range],
    precision: int = 3,
    done: Callable[[], bool] | None = None,
    on_busy: OnBusy = OnBusy.SUPERSEDE,
    target: str = "",
    initial: float | None = None,
    saved: bool = True,
    group: str = "DEFAULT",
) -> Record:
    """An analog output: a number that clients set, within ``control``."""
    return Record(
        name=name,
        kind="ao",
        wire=Wire.DOUBLE,
        description=description,
        units=units,
        precision=precision,
        display=control() if callable(control) else control,
        control=control,
        read=read,
        write=write,
        done=done,
        on_busy=on_busy,
        target=target,
        initial=initial,
        saved=saved,
        group=group,
    )


def published(
    name: str,
    description: str,
    units: str = "",
    *,
    control: Range,
    display: Range | None = None,
    precision: int = 3,
    alarms: AlarmLimits = NO_LIMITS,
) -> Record:
    """An analog output for a client's result: it moves nothing.

    NaN, and so undefined and INVALID, until the first put; not saved.
    """
    return Record(
        name=name,
        kind="ao",
        wire=Wire.DOUBLE,
        description=description,
        units=units,
        precision=precision,
        display=control if display is None else display,
        control=control,
        alarms=alarms,
        write=lambda _: None,
        initial=nan,
    )


def whole_setpoint(
    name: str,
    read: Read | None,
    write: Write,
    description: str,
    units: str = "",
    *,
    control: Range,
    done: Callable[[], bool] | None = None,
    saved: bool = True,
) -> Record:
    """A long output: a whole number that clients set."""
    return Record(
        name=name,
        kind="longout",
        wire=Wire.LONG,
        description=description,
        units=units,
        precision=0,
        display=control,
        control=control,
        read=read,
        write=write,
        done=done,
        saved=saved,
    )


def as_states(states: Iterable[str | State]) -> tuple[State, ...]:
    """States from names or states; a name alone has no alarm."""
    return tuple(state if isinstance(state, State) else State(state) for state in states)


def state(
    name: str,
    read: Read,
    description: str,
    states: Sequence[str | State],
    *,
    trouble: Callable[[], str] | None = None,
) -> Record:
    """A state that clients only read.

    ``bi`` for two states, ``mbbi`` for more. ``read`` gives an index or name.
    """
    return Record(
        name=name,
        kind="bi" if len(states) == 2 else "mbbi",
        wire=Wire.ENUM,
        description=description,
        states=as_states(states),
        read=read,
        trouble=trouble,
        group="READBACK",
    )


def choice(
    name: str,
    read: Read | None,
    write: Write,
    description: str,
    states: Sequence[str | State],
    *,
    done: Callable[[], bool] | None = None,
    on_busy: OnBusy = OnBusy.SUPERSEDE,
    saved: bool = False,
    group: str = "DEFAULT",
) -> Record:
    """A state that clients set; ``write`` is given the index."""
    return Record(
        name=name,
        kind="bo" if len(states) == 2 else "mbbo",
        wire=Wire.ENUM,
        description=description,
        states=as_states(states),
        read=read,
        write=write,
        done=done,
        on_busy=on_busy,
        saved=saved,
        group=group,
    )


def command(
    name: str,
    act: Callable[[], None],
    description: str,
    *,
    states: tuple[str, str] = ("Done", "Do"),
    done: Callable[[], bool] | None = None,
    group: str = "DEFAULT",
) -> Record:
    """A momentary command: putting 1 acts, then the value returns to 0; putting 0 does nothing."""

    def write(index: int) -> None:
        if index:
            act()

    return Record(
        name=name,
        kind="bo",
        wire=Wire.ENUM,
        description=description,
        states=as_states(states),
        write=write,
        done=done,
        momentary=True,
        initial=0,
        group=group,
    )


def acquire(
    name: str,
    busy: Callable[[], bool],
    start: Callable[[], None],
    abort: Callable[[], None],
    description: str,
) -> Record:
    """AreaDetector's ``Acquire``.

    1 starts and the put completes when idle again, 0 aborts, the value is ``busy``.
    """

    def write(index: int) -> None:
        if index:
            start()
        elif busy():
            abort()

    return Record(
        name=name,
        kind="bo",
        wire=Wire.ENUM,
        description=description,
        states=as_states(("Done", "Acquire")),
        read=lambda: int(busy()),
        write=write,
        done=lambda: not busy(),
        on_busy=OnBusy.QUEUE,
    )


def text(
    name: str,
    read: Read,
    description: str,
    *,
    length: int = 256,
    alarm: Severity = Severity.NO_ALARM,
    group: str = "READBACK",
) -> Record:
    """A text that clients only read; ``alarm`` is the severity while it is not empty.

    Beyond 39 characters read ``NAME.VAL$``, as with EPICS base's lsi record.
    """
    trouble = (lambda: str(read())) if alarm else None
    return Record(
        name=name,
        kind="lsi",
        wire=Wire.STRING,
        description=description,
        length=length,
        read=read,
        trouble=trouble,
        trouble_severity=alarm,
        group=group,
        initial="",
    )


def secret_text(name: str, write: Callable[[str], None], description: str) -> Record:
    """A text that clients put and nobody reads: it is always empty, and no log tells it."""
    return Record(
        name=name,
        kind="lso",
        wire=Wire.STRING,
        description=description,
        length=256,
        read=lambda: "",
        write=write,
        initial="",
        secret=True,
    )


def waveform(
    name: str,
    read: Read,
    description: str,
    length: int,
    units: str = "",
    *,
    precision: int = 3,
    display: Range = (0.0, 0.0),
    version: Callable[[], object] | None = None,
    wire: Wire = Wire.DOUBLE,
    group: str = "READBACK",
) -> Record:
    """An array that clients only read, of at most ``length`` elements."""
    return Record(
        name=name,
        kind="waveform",
        wire=wire,
        description=description,
        length=length,
        array=True,
        units=units,
        precision=precision,
        display=display,
        read=read,
        version=version,
        group=group,
    )


def while_still(still: Callable[[], Mark], records: Iterable[Record]) -> list[Record]:
    """The same records, not looked at while ``still`` gives the same mark; see ``Record.still``."""
    return [replace(record, still=still) for record in records]


def group(name: str, records: Iterable[Record]) -> list[Record]:
    """The same records under ``name``: ``Current`` of group ``PumpA`` is ``PumpA:Current``."""
    return [replace(record, name=f"{name}:{record.name}") for record in records]
