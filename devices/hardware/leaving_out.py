"""Connecting to a laboratory: what there is, and putting ``Absent`` in the place of what is not."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

from ophyd import Device

from devices.hardware.absent import Absent, is_absent
from devices.hardware.aliases import Laboratory
from devices.hardware.leaves import Leaf, leaves_of

__all__ = [
    "SEARCH_S",
    "absent_in",
    "connect_all",
    "is_meant",
    "leave_out",
    "leaves_of_class",
    "missing_for",
    "signal_at",
    "stated_absent",
    "unwatched_in",
]

log = logging.getLogger("cryohalo.devices")

#: Wall seconds for which a PV that an instrument can do without is still looked for when all that
#: it needs has been found (assumed: all are searched for together, and answer together; libca
#: repeats an unanswered search after 30 ms, 60 ms, ... several times within this).
SEARCH_S: Final = 2.0
_MOST_NAMED: Final = 8


@cache
def _leaves(device: type[Device]) -> tuple[Leaf, ...]:
    return tuple(leaves_of(device))


def leaves_of_class(instrument: type[Device]) -> tuple[Leaf, ...]:
    """The leaves of an instrument; of one in process, those of the class over PVs."""
    in_process = vars(instrument).get("in_process", False)
    return _leaves(instrument.__mro__[1] if in_process else instrument)


def signal_at(instrument: Any, path: str) -> Any:
    """The part of an instrument at a path."""
    found = instrument
    for name in path.split("."):
        found = getattr(found, name)
    return found


@dataclass(frozen=True)
class _Found:
    leaf: Leaf
    signal: Any

    @property
    def pvs(self) -> list[Any]:
        both = (getattr(self.signal, name, None) for name in ("_read_pv", "_write_pv"))
        return [pv for pv in both if pv is not None]

    @property
    def half_known(self) -> bool:
        """Whether its PVs have been found on the network, and not yet told all about themselves."""
        return not self.signal.connected and all(pv.connected for pv in self.pvs)

    @property
    def called(self) -> str:
        """The names of those of its PVs that are not there, as the laboratory calls them."""
        return " and ".join(dict.fromkeys(pv.pvname for pv in self.pvs if not pv.connected))


def _instantiated(instrument: Any) -> Iterator[_Found]:
    """What of an instrument has been made; a lazy part may not be."""
    for leaf in leaves_of_class(type(instrument)):
        first, _, _ = leaf.path.partition(".")
        if first in instrument._signals:  # noqa: SLF001 (ophyd has no public way)
            yield _Found(leaf, signal_at(instrument, leaf.path))


# What is stated ---------------------------------------------------------------------------------


def stated_absent(instrument: type[Device], laboratory: Laboratory) -> set[str]:
    """Paths of what a laboratory states that it does not have.

    Raises:
        ValueError: A name is none of the instrument's, or it cannot do without it.
    """
    leaves = leaves_of_class(instrument)
    found: set[str] = set()
    for name in sorted(laboratory.absent):
        meant = [leaf for leaf in leaves if any(is_meant(name, own) for own in leaf.names)]
        if not meant:
            raise ValueError(f"absent: {name} is no PV of {instrument.__name__}")
        if needed := [leaf for leaf in meant if leaf.needed]:
            names = ", ".join(leaf.names[-1] for leaf in needed)
            raise ValueError(f"absent: {instrument.__name__} cannot do without {names}")
        found |= {leaf.path for leaf in meant}
    return found


def is_meant(stated: str, own: str) -> bool:
    """Whether what is stated to be absent means one of our names."""
    own = own.removesuffix(".VAL$")
    if stated.endswith(":"):
        return own.startswith(stated)
    return own == stated or own.startswith(f"{stated}.")


def leave_out(instrument: Any, paths: Collection[str]) -> None:
    """Put ``Absent`` in the place of signals, by their paths."""
    if paths and hasattr(instrument, "settings"):
        instrument.settings.forget()
    for found in list(_instantiated(instrument)):
        if found.leaf.path not in paths or is_absent(found.signal):
            continue
        signal = found.signal
        parent, attribute = signal.parent, signal.attr_name
        name = getattr(signal, "setpoint_pvname", signal.pvname).removesuffix(".VAL$")
        gone = Absent(name, name=signal.name, parent=parent, attr_name=attribute)
        parent._signals[attribute] = gone  # noqa: SLF001
        signal.destroy()
        parent._required_for_connection.clear()  # noqa: SLF001 (its first value never comes)


# What is found ----------------------------------------------------------------------------------


def connect_all(instrument: Any, timeout_s: float) -> None:
    """Wait until every PV is there, and leave out what is not and can be done without.

    Raises:
        TimeoutError: Some that it needs, or that guard it, were not found in ``timeout_s``; names
            them.
    """
    parts = list(_instantiated(instrument))
    end_s = time.monotonic() + timeout_s
    with _Connections(parts) as connections:
        needed = [part for part in parts if part.leaf.needed]
        connections.wait(lambda: _all_connected(needed), end_s)
        if lost := [part for part in needed if not part.signal.connected]:
            raise TimeoutError(_not_found(instrument, lost, timeout_s))
        connections.wait(lambda: _all_connected(parts), min(time.monotonic() + SEARCH_S, end_s))
        connections.wait(lambda: not any(part.half_known for part in parts), end_s)
    gone = [part for part in parts if not part.signal.connected]
    if half := [part for part in gone if part.half_known]:
        raise TimeoutError(_not_found(instrument, half, timeout_s))
    if guards := [part for part in gone if part.leaf.guards]:
        raise TimeoutError(_unguarded(instrument, guards))
    if gone:
        log.warning("%s: not found, goes on without: %s", instrument.name, _grouped(gone))
    leave_out(instrument, {part.leaf.path for part in gone})
    instrument.wait_for_connection(timeout=max(1.0, end_s - time.monotonic()))  # first positions


class _Connections:
    """Tells when a signal of some has connected."""

    def __init__(self, parts: Iterable[_Found]) -> None:
        self._signals = [part.signal for part in parts]
        self._changed = threading.Event()
        self._keys: list[int] = []

    def __enter__(self) -> Self:
        for signal in self._signals:
            key = signal.subscribe(self._told, event_type=signal.SUB_META, run=False)
            self._keys.append(key)
        return self

    def __exit__(self, *_: object) -> None:
        for signal, key in zip(self._signals, self._keys, strict=True):
            signal.unsubscribe(key)

    def _told(self, **_: Any) -> None:
        self._changed.set()

    def wait(self, done: Callable[[], bool], end_s: float) -> None:
        """Wait until something is done, or until that time."""
        while not done() and (left_s := end_s - time.monotonic()) > 0.0:
            self._changed.wait(left_s)
            self._changed.clear()


def _all_connected(parts: Iterable[_Found]) -> bool:
    return all(part.signal.connected for part in parts)


def _not_found(instrument: Any, parts: list[_Found], timeout_s: float) -> str:
    if not any(part.signal.connected for part in _instantiated(instrument)):
        return (
            f"{instrument.name}: no process variable of {instrument.prefix} answers within "
            f"{timeout_s:g} s: its IOC is not up, or EPICS_CA_ADDR_LIST does not say where it is "
            "(`cryohalo status`, `cryohalo doctor`)"
        )
    names = ", ".join(
        f"{part.leaf.path} ({part.called or 'not answering'})" for part in parts[:_MOST_NAMED]
    )
    more = f", and {len(parts) - _MOST_NAMED} more" if len(parts) > _MOST_NAMED else ""
    return f"{instrument.name}: not connected within {timeout_s:g} s: {names}{more}"


def _grouped(parts: list[_Found]) -> str:
    """Names of PVs, where there are several of a group or record their number."""
    groups: dict[str, list[str]] = {}
    for part in parts:
        name = part.called.replace(".VAL$", "")
        groups.setdefault(re.split(r"[.:](?=[^.:]*$)", name)[0], []).append(name)
    told = (
        names[0] if len(names) == 1 else f"{len(names)} of {at}" for at, names in groups.items()
    )
    return ", ".join(told)


def _unguarded(instrument: Any, guards: list[_Found]) -> str:
    names = ", ".join(f"{part.leaf.path} ({part.called})" for part in guards)
    own = ", ".join(part.leaf.names[0] for part in guards)
    return (
        f"{instrument.name}: not found: {names}. They guard the instrument: plans are held by them."
        f" A laboratory that has none must say so: absent = [{own}]"
    )


# What is known then -----------------------------------------------------------------------------


def absent_in(instrument: Any) -> list[Leaf]:
    """What an instrument is without."""
    return [part.leaf for part in _instantiated(instrument) if is_absent(part.signal)]


def unwatched_in(instrument: Any) -> list[str]:
    """What keeps an instrument safe elsewhere and cannot be watched here: PV and consequence."""
    return [
        f"{signal_at(instrument, leaf.path).pvname}: {leaf.optional.without}"
        for leaf in absent_in(instrument)
        if leaf.optional is not None and leaf.guards
    ]


def missing_for(instrument: Any, parts: Iterable[str]) -> list[str]:
    """Names of the PVs that there are not and that who needs these parts needs."""
    wanted = tuple(parts)
    return [
        signal_at(instrument, leaf.path).pvname
        for leaf in absent_in(instrument)
        if any(leaf.needed_for(part) for part in wanted)
    ]
