"""The sealed envelope of a blind injection, served.

Its hash is known from the start; its contents only after it has been unsealed. For the contents see
``haloscope.apparatus.injection``.
"""

from __future__ import annotations

import numpy as np

from haloscope.apparatus.injection import envelope, envelope_hash
from haloscope.axion import AxionLine
from pvdb.records import Record, State, Wire, command, state, text, waveform
from pvdb.records.severity import Severity

LONGEST = 2000


class Envelope:
    """What is hidden, sealed until ``unseal``.

    Args:
        seed: Of the simulation.
        line: What the simulated field contains, None for nothing.
    """

    def __init__(self, seed: int, line: AxionLine | None) -> None:
        self._text = envelope(line, seed)
        self.unsealed = False

    @property
    def hash(self) -> str:
        """Hash of the contents as they are served once unsealed."""
        return envelope_hash(self._text)

    @property
    def contents(self) -> str:
        """The contents as JSON; empty while sealed."""
        return self._text if self.unsealed else ""

    def unseal(self) -> None:
        """Open it; it stays open."""
        self.unsealed = True

    def records(self) -> list[Record]:
        """``Sim:EnvelopeHash_RBV``, ``Sim:Unseal``, ``Sim:Unsealed_RBV``, ``Sim:Envelope_RBV``."""
        opened = (State("No"), State("Yes", Severity.NO_ALARM))
        return [
            text("Sim:EnvelopeHash_RBV", lambda: self.hash, "Hash of the sealed envelope"),
            command("Sim:Unseal", self.unseal, "Open the sealed envelope, for good"),
            state("Sim:Unsealed_RBV", lambda: int(self.unsealed), "Envelope opened", opened),
            waveform(
                "Sim:Envelope_RBV",
                lambda: np.frombuffer(self.contents.encode(), dtype=np.uint8),
                "Contents as JSON, once opened",
                LONGEST,
                wire=Wire.CHAR,
                version=lambda: self.unsealed,
            ),
        ]
