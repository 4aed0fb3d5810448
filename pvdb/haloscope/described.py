"""The description of the apparatus, served: what plans, suspenders and analysis go by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from haloscope.description import Description
from haloscope.description.stated import LONGEST_JSON
from pvdb.records import Record, Wire, text, waveform


def description_records(description: Description) -> Iterator[Record]:
    """The group ``Apparatus``."""
    content = np.frombuffer(description.as_json().encode(), dtype=np.uint8)
    hashed = description.hash()
    yield text("Apparatus:Name_RBV", lambda: description.name, "Name of the apparatus")
    yield text("Apparatus:Hash_RBV", lambda: hashed, "Hash of Description_RBV", length=39)
    yield waveform(
        "Apparatus:Description_RBV",
        lambda: content,
        "What its owners state, as JSON",
        LONGEST_JSON,
        wire=Wire.CHAR,
        version=lambda: hashed,
    )
