"""The runs of a folder: the good ones in order of age, the others listed by name and reason."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.run import Run
from cryohalo.catalog.writer import SUFFIX
from instruments.foreign_files import reason
from instruments.printable import escaped

log = logging.getLogger("cryohalo.catalog")


@dataclass
class Listing:
    """What a folder holds.

    Attributes:
        runs: Those that can be read, oldest first.
        refused: One line for each file that is no run of this catalog: its name and the reason.
    """

    runs: list[Run] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Catalog:
    """The runs of a folder, oldest first.

    ``catalog[-1]`` is the newest run, ``catalog["3f2a"]`` the one whose uid begins so. A file that
    is no run, or was cut off before its start document was whole, is left out and reported in one
    line of the log, once. It hides no other run.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._told: set[str] = set()

    def listing(self) -> Listing:
        """All runs and all that is refused.

        Raises:
            CatalogError: The folder cannot be read.
        """
        found = Listing()
        for path in self._files():
            try:
                found.runs.append(_checked(path))
            except CatalogError as error:
                if os.path.lexists(path):  # else it has been taken away meanwhile
                    found.refused.append(str(error))
        found.runs.sort(key=lambda run: (run.start["time"], run.uid))
        return found

    def __iter__(self) -> Iterator[Run]:
        found = self.listing()
        for line in found.refused:
            if line not in self._told:
                self._told.add(line)
                log.warning("%s", line)
        return iter(found.runs)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, key: int | str) -> Run:
        """A run by position or by the beginning of its uid.

        Raises:
            CatalogError: No run, or more than one, fits, or the one that fits cannot be read.
        """
        if isinstance(key, str):
            return self._named(key)
        if not isinstance(key, int):
            raise CatalogError(f"catalog {escaped(self.root)}: a run is named by its uid or place")
        runs = list(self)
        if not -len(runs) <= key < len(runs):
            raise CatalogError(f"catalog {escaped(self.root)}: no run {key}, it holds {len(runs)}")
        return runs[key]

    def named(self, plan_name: str) -> list[Run]:
        """The runs of one plan, oldest first."""
        return [run for run in self if run.start.get("plan_name") == plan_name]

    def _named(self, key: str) -> Run:
        where = f"catalog {escaped(self.root)}"
        if not key:
            raise CatalogError(f"{where}: every uid begins with ''; give its first characters")
        fitting = [path for path in self._files() if path.name.startswith(key)]
        fitting = [path for path in fitting if path.name == key + SUFFIX] or fitting
        if len(fitting) == 1:
            return _checked(fitting[0])
        runs = [run for run in self if run.path in fitting]
        if len(runs) == 1:  # the other files are none
            return runs[0]
        some = ": " + ", ".join(escaped(run.uid, 40) for run in runs[:5]) if runs else ""
        raise CatalogError(f"{where}: {len(runs)} runs begin with {key!r:.80}{some}")

    def _files(self) -> list[Path]:
        """What is named like a run, by name; none in a folder that is not there yet."""
        try:
            with os.scandir(self.root) as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith(SUFFIX))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:  # ValueError: a zero in its name
            why = reason(error) if isinstance(error, OSError) else str(error)
            raise CatalogError(f"catalog {escaped(self.root)}: {why}") from error
        return [self.root / name for name in names]


def _checked(path: Path) -> Run:
    """A run whose start document is whole and whose file is named after it.

    A copy under another name would count the same measurement twice.
    """
    run = Run(path)
    if path.name != run.uid + SUFFIX:
        raise CatalogError(
            f"catalog {escaped(path)}: it holds the run {escaped(repr(run.uid), 60)}; "
            "the file of a run is named after it"
        )
    return run
