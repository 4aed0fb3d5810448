"""Where runs are: a folder, or the address of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["is_address"]

_ADDRESSES: Final = ("http://", "https://")


def is_address(place: Path | str) -> bool:
    """Whether it names a server, and no folder."""
    return isinstance(place, str) and place.startswith(_ADDRESSES)
