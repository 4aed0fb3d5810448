"""The sealed envelope of an injection, served.

Its hash is known from the start; its contents only after it has been unsealed. What is in it says
``haloscope.apparatus.injection``. An envelope that has a key is opened by a put of that key and by
nothing else; one that has none, whose run is not blind, by a command. Either is refused while the
digitizer acquires: a spectrum is taken blind or not blind, never half.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from haloscope.apparatus.injection import envelope_hash
from instruments.errors import Refused
from instruments.still import Still
from pvdb.records import (
    Record,
    State,
    Wire,
    command,
    counter,
    secret_text,
    state,
    text,
    waveform,
    while_still,
)
from pvdb.records.severity import Severity

log = logging.getLogger("cryohalo.pvdb")

LONGEST = 2000
MOST_COUNTED = 2**31 - 1
KEY_RECORD = "Sim:UnsealKey"
OPENERS = (KEY_RECORD, "Sim:Unseal")
NO_YES = (State("No"), State("Yes", Severity.NO_ALARM))


class Envelope:
    """What is hidden, sealed until ``unseal``.

    Args:
        contents: What was sealed.
        key: Opens it; "" where no key is needed, of a run that is not blind.
        busy: Whether a spectrum is being taken.
        wall_time: Wall clock, s since the Unix epoch.

    Attributes:
        unsealed_at: When it was opened, UTC; "" while sealed.
        unsealed_by: Who has opened it; "" while sealed.
        wrong_keys: How many wrong keys were put.
    """

    def __init__(
        self,
        contents: str,
        key: str = "",
        *,
        busy: Callable[[], bool] = lambda: False,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._contents, self._key, self._busy = contents, key, busy
        self._wall_time = wall_time
        self.unsealed_at = self.unsealed_by = ""
        self.wrong_keys = self._told = 0

    @property
    def hash(self) -> str:
        """Hash of the contents as they are served once unsealed."""
        return envelope_hash(self._contents)

    @property
    def blind(self) -> bool:
        """Whether a key is needed: what is hidden then comes from chance, not from the seed."""
        return bool(self._key)

    @property
    def unsealed(self) -> bool:
        """Whether it has been opened."""
        return bool(self.unsealed_at)

    @property
    def contents(self) -> str:
        """The contents as JSON; empty while sealed."""
        return self._contents if self.unsealed else ""

    def unseal(self) -> None:
        """Open it, for good; of a run that is not blind.

        Raises:
            Refused: It needs its key, or the digitizer acquires.
        """
        if self.blind:
            raise Refused(f"Sim:Unseal: a blind envelope opens with its key, put to {KEY_RECORD}")
        self._open()

    def unseal_with(self, key: str) -> None:
        """Open it with its key, for good.

        Raises:
            Refused: It is the wrong key, none is needed, or the digitizer acquires.
        """
        if not self.blind:
            raise Refused(f"{KEY_RECORD}: this run is not blind: put 1 to Sim:Unseal")
        if not hmac.compare_digest(key.strip().encode(), self._key.encode()):
            self.wrong_keys = min(self.wrong_keys + 1, MOST_COUNTED)
            raise Refused(f"{KEY_RECORD}: wrong key, the envelope stays sealed")
        self._open()

    def _open(self) -> None:
        if self._busy():
            raise Refused("Sim:Unseal: the digitizer acquires; wait for its end, or abort")
        if not self.unsealed:
            now = datetime.fromtimestamp(self._wall_time(), UTC)
            self.unsealed_at = now.isoformat(timespec="seconds")

    def heard(self, name: str, client: str, refused: str) -> None:
        """A put has ended: remember who has opened the envelope, and log who tried.

        Args:
            name: Record without the prefix.
            client: Who put.
            refused: Why nothing was done, "" if it was done.
        """
        if name not in OPENERS:
            return
        who = client or "a client in this process"
        if refused and self.wrong_keys > self._told:
            self._told = 2 * self._told + 1  # the 1st, 2nd, 4th, ...: who guesses fills no disk
            log.warning("wrong key %d for the envelope, from %s", self.wrong_keys, who)
        elif self.unsealed and not self.unsealed_by:
            self.unsealed_by = who
            log.warning("the envelope was opened at %s by %s", self.unsealed_at, who)

    # -- between the lives of an IOC ---------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What is kept: nothing that is not public."""
        return {
            "hash": self.hash,
            "contents": self.contents,
            "unsealed_at": self.unsealed_at,
            "unsealed_by": self.unsealed_by,
            "wrong_keys": self.wrong_keys,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what was kept.

        It is open only if the contents are there: a file that merely says so opens nothing.

        Raises:
            Refused: It is another envelope's, or no such state.
        """
        if state.get("hash") != self.hash:
            raise Refused(f"its envelope has the hash {state.get('hash')!s:.64}, ours {self.hash}")
        at, by, wrong = (state.get(key) for key in ("unsealed_at", "unsealed_by", "wrong_keys"))
        if not (isinstance(at, str) and isinstance(by, str) and type(wrong) is int):
            raise Refused("it does not say who has opened the envelope, and when")
        self.wrong_keys = min(max(0, wrong), MOST_COUNTED)
        contents = state.get("contents")
        if at and isinstance(contents, str) and envelope_hash(contents) == self.hash:
            self.unsealed_at, self.unsealed_by = at, by

    # -- the records -------------------------------------------------------------------------------

    def records(self) -> list[Record]:
        """``Sim:EnvelopeHash_RBV``, ``Sim:Unseal``, ``Sim:UnsealKey`` and what tells of them."""
        return while_still(Still(self), self._records())

    def _records(self) -> list[Record]:
        return [
            text(
                "Sim:EnvelopeHash_RBV", lambda: self.hash, "SHA-256 of Envelope_RBV, while sealed"
            ),
            state(
                "Sim:Blind_RBV", lambda: int(self.blind), "Hidden by chance, not by seed", NO_YES
            ),
            command("Sim:Unseal", self.unseal, "Open an envelope without key, for good"),
            secret_text(KEY_RECORD, self.unseal_with, "Key that opens the envelope, for good"),
            state("Sim:Unsealed_RBV", lambda: int(self.unsealed), "Envelope opened", NO_YES),
            text("Sim:UnsealedAt_RBV", lambda: self.unsealed_at, "When it was opened", length=39),
            text("Sim:UnsealedBy_RBV", lambda: self.unsealed_by, "Who has opened it"),
            counter("Sim:WrongKeys_RBV", lambda: self.wrong_keys, "Wrong keys put to UnsealKey"),
            waveform(
                "Sim:Envelope_RBV",
                lambda: np.frombuffer(self.contents.encode(), dtype=np.uint8),
                "Contents as JSON, once opened",
                LONGEST,
                wire=Wire.CHAR,
                version=lambda: self.unsealed,
            ),
        ]
