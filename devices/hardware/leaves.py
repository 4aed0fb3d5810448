"""The PVs of an instrument, from the components of its class: what they are, what can be absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ophyd import Component, Device, EpicsSignalRO, EpicsSignalWithRBV, Kind
from ophyd.signal import EpicsSignalBase

from devices.hardware.optional import Optional, optional_of

__all__ = ["Leaf", "below", "leaves_of"]

Direction = Literal["read", "write", "both"]


@dataclass(frozen=True)
class Leaf:
    """One signal of an instrument.

    Attributes:
        path: Of attributes, dotted: ``vna.center``.
        names: Its PVs without the prefix; a setting's readback first, its setpoint second.
        direction: Whether it is read, written to, or both.
        what: In words, "" if the component says nothing.
        text: Whether it is read and written as a text: the name of a state, where it has states.
        optional: The nearest mark on the way to it; None: of the least set.
        marks: All marks on the way, by the path of the marked component.
    """

    path: str
    names: tuple[str, ...]
    direction: Direction
    what: str
    text: bool
    optional: Optional | None
    marks: tuple[tuple[str, Optional], ...]

    @property
    def needed(self) -> bool:
        """Whether it is of the least set."""
        return self.optional is None

    @property
    def without(self) -> str:
        """What happens without it, "" of the least set."""
        return "" if self.optional is None else self.optional.without

    @property
    def guards(self) -> bool:
        """Whether a suspender watches it."""
        return self.optional is not None and self.optional.guard

    def needed_for(self, part: str) -> bool:
        """Whether who needs ``part`` needs it: it is there or below, and not marked below it."""
        return below(self.path, part) and all(
            not below(path, part) or path == part for path, _ in self.marks
        )


def below(path: str, part: str) -> bool:
    """Whether a path is ``part`` or below it."""
    return path == part or path.startswith(f"{part}.")


def leaves_of(
    device: type[Device],
    prefix: str = "",
    path: str = "",
    marks: tuple[tuple[str, Optional], ...] = (),
) -> Iterator[Leaf]:
    """The signals over PVs of a device's class, in the order of its components.

    Args:
        device: The class.
        prefix: Of its names.
        path: Of its attributes.
        marks: On the way to it.
    """
    for name in device.component_names:
        component: Any = getattr(device, name)
        here = f"{path}.{name}" if path else name
        mark = optional_of(component)
        known = (*marks, (here, mark)) if mark else marks
        suffix = f"{prefix}{component.suffix or ''}"
        if issubclass(component.cls, Device):
            yield from leaves_of(component.cls, suffix, here, known)
        elif issubclass(component.cls, EpicsSignalBase):
            yield _leaf(component, here, suffix, known)


def _leaf(
    component: Component[Any], path: str, name: str, marks: tuple[tuple[str, Optional], ...]
) -> Leaf:
    cls = component.cls
    names: tuple[str, ...] = (name,)
    direction: Direction = "both"
    if issubclass(cls, EpicsSignalWithRBV):
        names = (f"{name}_RBV", name)
    elif issubclass(cls, EpicsSignalRO):
        direction = "read"
    elif component.kind is Kind.omitted and not component.kwargs.get("auto_monitor"):
        direction = "write"
    doc = getattr(component, "doc", None) or ""
    what = "" if "::" in doc else doc
    text = bool(component.kwargs.get("string"))
    return Leaf(path, names, direction, what, text, marks[-1][1] if marks else None, marks)
