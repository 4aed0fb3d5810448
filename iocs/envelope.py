"""The sealed envelope of a blind injection.

It holds what the simulation hides, and proves that this was not chosen afterwards.
The seed decides the frequency. The envelope's hash is known from the start; its contents, with the
nonce that keeps the hash from being guessed, only after it has been unsealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from caproto import AlarmSeverity

from haloscope.axion import AxionLine
from instruments.random import generator
from iocs.records import Record, State, Wire, command, state, text, waveform

LONGEST = 2000
DIGEST_BYTES = 16


def hidden_line(seed: int, coupling_per_gev: float, band_hz: tuple[float, float]) -> AxionLine:
    """A line of the given coupling at a frequency in the band that only the seed decides.

    Raises:
        ValueError: The coupling is not a number above 0, or the band is empty.
    """
    low_hz, high_hz = band_hz
    if not low_hz < high_hz:
        raise ValueError(f"injection band {low_hz / 1e6:g} to {high_hz / 1e6:g} MHz is empty")
    if not 0 < coupling_per_gev < 1:
        raise ValueError(f"injected coupling {coupling_per_gev:g} 1/GeV is not above 0")
    frequency_hz = generator(seed, "blind injection").uniform(low_hz, high_hz)
    return AxionLine(frequency_hz=float(frequency_hz), coupling_per_gev=coupling_per_gev)


class Envelope:
    """What is hidden, sealed until `unseal`.

    Args:
        seed: Of the simulation.
        lines: What the simulated field contains; at most the first is told.
    """

    def __init__(self, seed: int, lines: Sequence[AxionLine]) -> None:
        nonce = generator(seed, "blind injection nonce").bytes(16).hex()
        content: dict[str, object] = {"injected": bool(lines), "nonce": nonce}
        for line in lines[:1]:
            content |= {
                "frequency_hz": line.frequency_hz,
                "coupling_per_gev": line.coupling_per_gev,
            }
        self._text = json.dumps(content)
        self.unsealed = False

    @property
    def hash(self) -> str:
        """BLAKE2b, 128 bits, of the contents as they are served once unsealed."""
        return hashlib.blake2b(self._text.encode(), digest_size=DIGEST_BYTES).hexdigest()

    @property
    def contents(self) -> str:
        """The contents as JSON; empty while sealed."""
        return self._text if self.unsealed else ""

    def unseal(self) -> None:
        """Open it, for good."""
        self.unsealed = True

    def records(self) -> list[Record]:
        """``Sim:EnvelopeHash_RBV``, ``Sim:Unseal``, ``Sim:Unsealed_RBV``, ``Sim:Envelope_RBV``."""
        opened = (State("No"), State("Yes", AlarmSeverity.NO_ALARM))
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
