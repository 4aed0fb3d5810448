"""Whether the state can be saved: logged once when it cannot, and once when it can again.

Everything that writes to the state's folder reports here; ``IOC:SavingError_RBV`` shows it.
"""

from __future__ import annotations

import logging

from iocs.words.complaints import words

log = logging.getLogger("cryohalo.iocs.state")


class Saving:
    """The health of the state's folder."""

    def __init__(self) -> None:
        self._errors: dict[str, str] = {}
        self._passing: set[str] = set()

    @property
    def error(self) -> str:
        """What cannot be written and why, "" while all can."""
        return "; ".join(self._errors.values())

    def failed(self, what: str, error: Exception, *, passing: bool = False) -> None:
        """``what`` could not be written.

        A full disk stops all files at once, and they are tried again every second: only the first
        is logged.

        Args:
            what: File or kind of file.
            error: Why.
            passing: It is not tried again by itself: the next snapshot that is written ends the
                trouble, for it has all that could not be appended.
        """
        line = f"{what} cannot be written: {words(error)}"
        if not self._errors:
            log.error("%s; it is tried again, IOC:SavingError_RBV tells how it goes", line)
        self._errors[what] = line
        if passing:
            self._passing.add(what)

    def succeeded(self, what: str) -> None:
        """``what`` has been written."""
        if what in self._errors:
            self._well({what})

    def snapshot_written(self) -> None:
        """All that could not be appended is in the snapshot that has been written."""
        if self._passing:
            self._well(self._passing)

    def _well(self, what: set[str]) -> None:
        self._errors = {name: line for name, line in self._errors.items() if name not in what}
        self._passing = self._passing - what
        if not self._errors:
            log.warning("%s: can be written, the state is kept again", ", ".join(sorted(what)))
