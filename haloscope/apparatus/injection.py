"""Blind injection: an axion where only the seed knows, sealed until the search is over.

The envelope is a JSON text with the line and a nonce. Its hash is published before data are taken;
the text is revealed afterwards, and anybody can check that it is the one that was sealed. The
nonce, from the seed too, keeps the hash from being searched for the frequency. Line and nonce are
as secret as the seed they are given: anybody who knows the seed can compute both.
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


def envelope(line: AxionLine | None, seed: int) -> str:
    """The sealed text: JSON with the line's values (null for none) and a nonce from ``seed``."""
    nonce = generator(seed, "blind injection nonce").bytes(16).hex()
    content = {"axion_line": None if line is None else asdict(line), "nonce": nonce}
    return json.dumps(content, sort_keys=True)


def envelope_hash(text: str) -> str:
    """BLAKE2b of the envelope, 32 hexadecimal digits: published before data are taken.

    128 bits, because an EPICS string holds 39 characters.
    """
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def open_envelope(text: str, published_hash: str) -> AxionLine | None:
    """The line inside an envelope, None if nothing was hidden.

    Raises:
        ValueError: The text is not the one whose hash was published, or is no envelope.
    """
    if envelope_hash(text) != published_hash:
        raise ValueError(f"the envelope's hash is not the published {published_hash}")
    try:
        values = json.loads(text)["axion_line"]
        return None if values is None else AxionLine(**values)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"the envelope holds no line: {error}") from error
