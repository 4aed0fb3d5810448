"""A laboratory's records as they are, held against what devices need of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryohalo.hardware.catalogue import Needed, catalogue
from devices.hardware.aliases import Alias, Laboratory
from devices.hardware.leaving_out import SEARCH_S, is_meant

__all__ = ["Checked", "check"]

_NUMBERS: Final = ("double", "float", "int", "long", "short", "char")


@dataclass(frozen=True)
class Checked:
    """What was found of one PV.

    Attributes:
        needed: It.
        pv: Its name there.
        found: Whether anybody serves it.
        problems: Why devices cannot work with it, in words.
        notes: What its owners should know.
    """

    needed: Needed
    pv: str
    found: bool
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check(instrument: str, laboratory: Laboratory, timeout_s: float) -> list[Checked]:
    """Connect to every record that the devices would, and look at it; nothing is put.

    Args:
        instrument: Whose.
        laboratory: Names and units.
        timeout_s: Wall seconds to look for them.
    """
    wanted = dict(_wanted(instrument, laboratory))
    known = {alias.pv for needed, alias in wanted.values() if _is_known(needed, alias, laboratory)}
    channels = _found({alias.pv for _, alias in wanted.values()}, known, timeout_s)
    return [
        _checked(needed, alias, channels[alias.pv], named=alias.pv in known)
        for needed, alias in wanted.values()
    ]


def _is_known(needed: Needed, alias: Alias, laboratory: Laboratory) -> bool:
    """Whether it ought to be there: it has an alias, or is needed, or guards."""
    named = alias.pv != laboratory.prefix + needed.name
    return named or needed.leaf.needed or needed.leaf.guards


def _wanted(instrument: str, laboratory: Laboratory) -> Iterator[tuple[str, tuple[Needed, Alias]]]:
    for name, needed in catalogue(instrument).items():
        if any(is_meant(gone, name) for gone in laboratory.absent):
            continue
        full = laboratory.prefix + name
        of_setting = len(needed.leaf.names) == 2 and not needed.written
        if of_setting and laboratory.settled(full.removesuffix("_RBV")) != full:
            continue  # its setpoint is its readback
        yield name, (needed, laboratory.alias(full) or Alias(full))


def _found(names: Iterable[str], known: Collection[str], timeout_s: float) -> dict[str, Any]:
    """A channel for each name, and the time that it may take to find those that are known."""
    from epics import PV  # ophyd, which the devices import, has to choose libca before

    changed = threading.Event()

    def told(**_: Any) -> None:
        changed.set()

    channels = {name: PV(name, auto_monitor=False, connection_callback=told) for name in names}
    end_s = time.monotonic() + timeout_s

    def wait(until_s: float, wanted: Iterable[str]) -> None:
        while not all(channels[name].connected for name in wanted):
            if (left_s := until_s - time.monotonic()) <= 0.0:
                return
            changed.wait(left_s)
            changed.clear()

    wait(end_s, known)
    wait(min(end_s, time.monotonic() + SEARCH_S), channels)
    return channels


def _checked(needed: Needed, alias: Alias, channel: Any, *, named: bool) -> Checked:
    if not channel.connected:
        return Checked(needed, alias.pv, found=False, problems=tuple(_missing(needed, named)))
    info = channel.get_ctrlvars(timeout=5.0) or {}
    problems = [*_wrong_kind(needed, channel), *_wrong_states(needed, alias, info)]
    notes = []
    if _is_number(needed):
        expected, unit = alias.unit or needed.units, str(info.get("units") or "")
        if unit and unit != expected:
            problems.append(f"counts in {unit}, not in {expected or 'a plain number'}")
        elif expected and not unit:
            notes.append(f"states no unit: it is taken for {expected}")
        notes += _limits(needed, info)
    if needed.written and not channel.write_access:
        problems.append("cannot be written to")
    return Checked(needed, alias.pv, True, tuple(problems), tuple(notes))


def _missing(needed: Needed, named: bool) -> Iterator[str]:
    if needed.leaf.guards:
        yield f"not found, and it guards: name it here or under absent ({needed.leaf.without})"
    elif named:
        yield "not found"


def _is_number(needed: Needed) -> bool:
    return not needed.record.states and needed.kind != "text"


def _wrong_kind(needed: Needed, channel: Any) -> Iterator[str]:
    kind = str(channel.type).removeprefix("time_").removeprefix("ctrl_")
    number = kind in _NUMBERS
    if needed.record.array and _is_number(needed):
        if not number or channel.nelm < 2:
            yield f"is no array of numbers but {_told(kind, channel)}"
    elif needed.kind == "text":
        if kind not in ("string", "char", "enum"):
            yield f"is no text but {_told(kind, channel)}"
    elif needed.record.states and needed.leaf.text:
        if kind != "enum":
            yield f"has no states ({needed.kind}) but is {_told(kind, channel)}"
    elif not (number or (kind == "enum" and _is_switch(needed))) or channel.nelm > 1:
        yield f"is no {needed.kind} but {_told(kind, channel)}"


def _is_switch(needed: Needed) -> bool:
    """Whether 0 and 1, or the number of a state, are all that is read or put."""
    return bool(needed.record.states) or needed.record.control_range() == (0, 1)


def _told(kind: str, channel: Any) -> str:
    named = {"enum": "states", "string": "a text"}.get(kind, f"a number ({kind})")
    return f"an array of {channel.nelm} ({kind})" if channel.nelm > 1 else named


def _wrong_states(needed: Needed, alias: Alias, info: Mapping[str, Any]) -> Iterator[str]:
    states = info.get("enum_strs")
    if not (states and needed.leaf.text and needed.written):
        return
    named = [alias.states.get(state, state) for state in needed.record.state_names()]
    for wanted in (state for state in named if state not in states):
        yield f"has no state {wanted} among {', '.join(states)} (states)"


def _limits(needed: Needed, info: Mapping[str, Any]) -> Iterator[str]:
    low, high = info.get("lower_ctrl_limit"), info.get("upper_ctrl_limit")
    if needed.written and not _is_switch(needed) and (low is None or high is None or low >= high):
        yield "states no limits: no value is refused before it is put"
