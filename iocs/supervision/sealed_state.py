"""What is kept of a blind run's envelope in the state's folder: ``envelope.json``.

Its hash, how often a wrong key was put, and once it is open its contents, when it was opened and by
whom. Nothing in it is secret. Whoever edits it opens nothing: it takes the contents themselves,
which must have the hash, to stay open over a restart.

The folder of a blind run is that run's alone: an IOC with another key file, or with none, would go
on with something else under the same hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from instruments.errors import Refused
from iocs.supervision import storage
from iocs.supervision.saving import Saving
from pvdb.plant import Seal

ENVELOPE: Final = "envelope.json"


class OtherEnvelopeError(ValueError):
    """The folder is that of another blind run."""


class SealedState:
    """Keeps one seal.

    Args:
        folder: The state's.
        seal: What is kept.
        saving: Told what cannot be written.
    """

    def __init__(self, folder: Path, seal: Seal, saving: Saving) -> None:
        self._path = folder / ENVELOPE
        self._seal, self._saving = seal, saving
        self._kept: dict[str, Any] = {}

    def claim(self) -> None:
        """Take over what the last life kept; the folder of another envelope is refused.

        Raises:
            OtherEnvelopeError: It is one. Nothing has been touched.
        """
        kept = _kept(self._path)
        try:
            if kept is not None:
                self._seal.restore(kept)
        except Refused as refusal:
            raise OtherEnvelopeError(f"{self._path}: of another blind run: {refusal}") from None

    def keep_opening(self) -> None:
        """Write that it was opened, if it was since, before the client is told."""
        if self._seal.state()["contents"] != self._kept.get("contents"):
            self.keep()

    def keep(self) -> None:
        """Write what has changed."""
        state = self._seal.state()
        if state == self._kept:
            return
        try:
            storage.save(self._path, state)
        except OSError as error:
            self._saving.failed(str(self._path), error)
        else:
            self._kept = state
            self._saving.succeeded(str(self._path))


def require_none(folder: Path) -> None:
    """Refuse a blind run's folder to an IOC that has no key file.

    Raises:
        OtherEnvelopeError: It is one.
    """
    path = folder / ENVELOPE
    if _kept(path) is not None:
        raise OtherEnvelopeError(f"{path}: the folder of a blind run; start it with its key file")


def _kept(path: Path) -> Mapping[str, Any] | None:
    """What the newest whole file holds; None where there is none.

    Raises:
        OtherEnvelopeError: There is one, which cannot be read.
    """
    for candidate in storage.candidates(path):
        try:
            content = storage.read(candidate).content
        except FileNotFoundError:
            continue
        except (OSError, storage.DamagedError) as error:
            raise OtherEnvelopeError(f"{candidate}: it cannot be read: {error}") from None
        if not isinstance(content, Mapping):
            raise OtherEnvelopeError(f"{candidate}: it holds no envelope")
        return content
    return None
