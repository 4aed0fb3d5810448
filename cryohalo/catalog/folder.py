"""The runs of a folder: the good ones in order of age, the others listed by name and reason."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryohalo.catalog.entries import Entry, Filter
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.index import Index
from cryohalo.catalog.run import Run
from cryohalo.catalog.writer import SUFFIX
from instruments.foreign_files import reason
from instruments.printable import escaped

log = logging.getLogger("cryohalo.catalog")

ALL: Final = Filter()


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
        self._index = Index(self.root, checked_run)

    def entries(
        self, which: Filter = ALL, note: Callable[[int, int], None] = lambda *_: None
    ) -> list[Entry]:
        """What is known of the runs asked for, oldest first, without reading their files.

        Args:
            which: Which runs.
            note: Told how many files of those that are new have been read.

        Raises:
            CatalogError: The folder cannot be read.
        """
        return self.look(which, note)[0]

    def look(
        self, which: Filter = ALL, note: Callable[[int, int], None] = lambda *_: None
    ) -> tuple[list[Entry], list[str]]:
        """``entries``, and one line for each file that is no run of this catalog.

        Raises:
            CatalogError: The folder cannot be read.
        """
        return self._index.look(which, note)

    def listing(self) -> Listing:
        """All runs and all that is refused.

        Raises:
            CatalogError: The folder cannot be read.
        """
        found, refused = self._index.look(ALL)
        return Listing([self._run(entry) for entry in found], refused)

    def _known(self, which: Filter = ALL) -> list[Entry]:
        """The runs asked for; what is refused is told in the log, once."""
        found, refused = self._index.look(which)
        for line in refused:
            if line not in self._told:
                self._told.add(line)
                log.warning("%s", line)
        return found

    def __iter__(self) -> Iterator[Run]:
        return iter([self._run(entry) for entry in self._known()])

    def _run(self, entry: Entry) -> Run:
        return Run(self.root / entry.name)

    def __len__(self) -> int:
        return len(self._known())

    def __getitem__(self, key: int | str) -> Run:
        """A run by position or by the beginning of its uid; ``last`` is the newest.

        Raises:
            CatalogError: No run, or more than one, fits, or the one that fits cannot be read.
        """
        if key == "last":
            key = -1
        if isinstance(key, str):
            return self._named(key)
        if not isinstance(key, int):
            raise CatalogError(f"catalog {escaped(self.root)}: a run is named by its uid or place")
        found = self._known(Filter(last=-key) if key < 0 else ALL)
        place = len(found) + key if key < 0 else key
        if not 0 <= place < len(found):
            raise CatalogError(f"catalog {escaped(self.root)}: no run {key}, it holds {len(self)}")
        return self._run(found[place])

    def named(self, plan_name: str) -> list[Run]:
        """The runs of one plan, oldest first."""
        return [self._run(entry) for entry in self._known(Filter(plan=plan_name))]

    def of_campaign(self, name: str) -> list[Run]:
        """The runs of one campaign, oldest first."""
        return [self._run(entry) for entry in self._known(Filter(campaign=name))]

    def _named(self, key: str) -> Run:
        where = f"catalog {escaped(self.root)}"
        if not key:
            raise CatalogError(f"{where}: every uid begins with ''; give its first characters")
        fitting = [path for path in self._files() if path.name.startswith(key)]
        fitting = [path for path in fitting if path.name == key + SUFFIX] or fitting
        if len(fitting) == 1:
            return checked_run(fitting[0])
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


def checked_run(path: Path) -> Run:
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
