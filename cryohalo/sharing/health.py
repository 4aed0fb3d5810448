"""How far what is shared is behind what is recorded, in a file that the forwarder keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from instruments.foreign_files import read_bounded
from instruments.printable import escaped
from instruments.whole_files import replacing

__all__ = ["HEALTH", "Health"]

#: Its name in the state folder.
HEALTH: Final = "health.json"
_MAX_BYTES: Final = 1_000_000
_LONGEST: Final = 200


@dataclass(frozen=True)
class Health:
    """What the forwarder says.

    Attributes:
        address: Of the server.
        unreachable: Why it cannot be reached, "" if it can.
        waiting: Files of which something is left to deliver.
        growing: Runs that have not ended, and are delivered as far as they go.
        trouble: What went wrong with runs, by uid.
        time: When this was so, seconds of the epoch.
    """

    address: str
    unreachable: str = ""
    waiting: int = 0
    growing: int = 0
    trouble: Mapping[str, str] = field(default_factory=dict)
    time: float = field(default_factory=time.time)

    @property
    def good(self) -> bool:
        """Whether nothing is in the way."""
        return not self.unreachable and not self.trouble

    @property
    def words(self) -> str:
        """The same in a line."""
        runs = f"{self.waiting} run{'s' * (self.waiting != 1)} to deliver"
        if self.unreachable:
            return f"{runs}: {escaped(self.unreachable, _LONGEST)}"
        if self.trouble:
            uid, why = next(iter(self.trouble.items()))
            more = f", and {len(self.trouble) - 1} more" if len(self.trouble) > 1 else ""
            return f"{runs}; {escaped(uid[:8])}: {escaped(why, _LONGEST)}{more}"
        return runs if self.waiting else "all delivered"

    def write(self, file: Path) -> None:
        """Put it in place of the last, whole or not at all.

        Raises:
            OSError: It cannot be written.
        """
        with replacing(file, mode=0o600) as part:
            part.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> Health | None:
        """The newest, None if there is none that can be read."""
        try:
            found: dict[str, Any] = json.loads(read_bounded(file, _MAX_BYTES))
            return cls(**found)
        except (OSError, ValueError, TypeError):
            return None
