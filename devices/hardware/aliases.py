"""What a laboratory calls its records, in which units they count, and which it does not have.

Names here are ours without the prefix: ``Magnet:Field``, ``Rod.VAL``. A name without a field stands
for the record with all of its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ophyd import OphydObject

from devices.hardware.alias import Alias

__all__ = ["Alias", "Laboratory", "laboratory_of"]


@dataclass(frozen=True)
class Laboratory:
    """The records of a laboratory, seen from one of our instruments.

    Attributes:
        prefix: Of our names, with which its devices are made; names that have no alias keep it.
        aliases: By our name without the prefix.
        absent: Our names, without the prefix, of what there is not; one that ends with a colon
            stands for all that begin so.
    """

    prefix: str
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    def alias(self, name: str) -> Alias | None:
        """The alias of a name with our prefix, None if it has none."""
        return self._found(name.removeprefix(self.prefix))

    def _found(self, own: str) -> Alias | None:
        if own in self.aliases:
            return self.aliases[own]
        record, dot, its_field = own.partition(".")
        known = self.aliases.get(record) if dot else None
        if known is None or "." in known.pv:
            return None
        # A field of another record: its unit and states are its own.
        return Alias(f"{known.pv}.{its_field}", completes=known.completes)

    def settled(self, setpoint: str) -> str:
        """The name that is read for a setting: its own where that alone has an alias."""
        readback = f"{setpoint}_RBV"
        if self.alias(readback) is None and self.alias(setpoint) is not None:
            return setpoint
        return readback

    @cached_property
    def layer(self) -> Any:
        """The control layer that finds and converts its records."""
        from devices.hardware.layer import Layer

        return Layer()


def laboratory_of(parent: OphydObject | None) -> Laboratory | None:
    """The laboratory of the instrument that ``parent`` is a part of, None if it has none."""
    root = parent.root if parent is not None else None
    found: Laboratory | None = getattr(root, "laboratory", None)
    return found
