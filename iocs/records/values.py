"""What a client sends, as native Python and NumPy values.

caproto alone would wrap integers, cut strings and store NaN (and an enum index out of range, on
which EPICS base's ``caget`` then aborts); ``pvdb.records.checking`` refuses all of that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from caproto import ChannelType

from instruments.errors import Refused


def from_wire(data: Any, data_type: ChannelType) -> Any:
    """Native Python or NumPy value of what arrived: an array of numbers, or a list of texts.

    Raises:
        Refused: The bytes are no text.
    """
    name = ChannelType(data_type).name
    if not name.endswith("STRING"):
        return np.asarray(data)
    try:
        return [bytes(item).split(b"\0", 1)[0].decode("utf-8") for item in data]
    except UnicodeDecodeError as error:
        raise Refused(f"text is not UTF-8: {error}") from None
