"""The description of an apparatus, served: what plans, suspenders and analysis go by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from instruments.still import Still
from pvdb.records import Record, Wire, text, waveform, while_still


class Description(Protocol):
    """A description of any apparatus."""

    @property
    def name(self) -> str:
        """Of the apparatus."""

    def hash(self) -> str:
        """Of everything in it."""

    def as_json(self) -> str:
        """As it is served."""


def description_records(description: Description, most_bytes: int) -> list[Record]:
    """The group ``Apparatus``.

    Args:
        description: Of the apparatus.
        most_bytes: Length of the longest of its kind.
    """
    return while_still(Still(), _records(description, most_bytes))  # it never changes


def _records(description: Description, most_bytes: int) -> Iterator[Record]:
    content = np.frombuffer(description.as_json().encode(), dtype=np.uint8)
    name, hashed = description.name, description.hash()
    yield text("Apparatus:Name_RBV", lambda: name, "Name of the apparatus")
    yield text("Apparatus:Hash_RBV", lambda: hashed, "Hash of Description_RBV", length=39)
    yield waveform(
        "Apparatus:Description_RBV",
        lambda: content,
        "What its owners state, as JSON",
        most_bytes,
        wire=Wire.CHAR,
        version=lambda: hashed,
    )
