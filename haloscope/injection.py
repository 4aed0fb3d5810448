"""Blind injection: an axion where only the seed knows, sealed until the search is over.

The envelope is a JSON text with the line and a nonce. Its SHA-256 is published before data are
taken; the text is revealed afterwards, and anybody can check that it is the one that was sealed.
The nonce, from the seed too, keeps the hash from being searched for the frequency.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from haloscope.axion import AxionLine
from instruments.random import generator

__all__ = ["envelope", "envelope_hash", "hidden_line", "open_envelope"]


def hidden_line(seed: int, low_hz: float, high_hz: float, coupling_per_gev: float) -> AxionLine:
    """An axion of a given coupling at a uniformly random frequency.

    Args:
        seed: Decides the frequency, and nothing else does.
        low_hz: Lowest frequency in Hz.
        high_hz: Highest frequency in Hz.
        coupling_per_gev: g_agg in 1/GeV.

    Raises:
        ValueError: The interval is empty, or a value is not finite.
    """
    if not 0 < low_hz < high_hz < float("inf"):
        raise ValueError(f"injection between {low_hz!r} Hz and {high_hz!r} Hz: not an interval")
    frequency_hz = float(generator(seed, "blind injection").uniform(low_hz, high_hz))
    return AxionLine(frequency_hz, coupling_per_gev)


def envelope(line: AxionLine, seed: int) -> str:
    """The sealed text: JSON with the line's values and a nonce from ``seed``."""
    nonce = generator(seed, "blind injection nonce").bytes(16).hex()
    return json.dumps({"axion_line": asdict(line), "nonce": nonce}, sort_keys=True)


def envelope_hash(text: str) -> str:
    """SHA-256 of the envelope, 64 hexadecimal digits: what is published before data are taken."""
    return hashlib.sha256(text.encode()).hexdigest()


def open_envelope(text: str, published_hash: str) -> AxionLine:
    """The line inside an envelope.

    Raises:
        ValueError: The text is not the one whose hash was published.
    """
    if envelope_hash(text) != published_hash:
        raise ValueError(f"the envelope's hash is not the published {published_hash}")
    return AxionLine(**json.loads(text)["axion_line"])
