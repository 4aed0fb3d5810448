"""Hidden axions: what is hidden, sealed in an envelope until the search is over.

The envelope is a JSON text with the line, whether it is blind, and a nonce. Its hash is published
before data are taken; the text is revealed afterwards, and anybody can check that it is the one
that was sealed.

There are two ways to hide:

- by the seed (``hidden_line``, ``envelope``): the same seed hides the same line again, for
  demonstrations and tests. Line and nonce follow from the seed, which everybody can read: such a
  run is not blind, and its envelope says so.
- by chance and a key (``haloscope.apparatus.blinding``): blind.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from haloscope.axion import AxionLine
from instruments.random import generator

__all__ = ["canonical", "envelope", "envelope_hash", "hidden_line", "open_envelope"]


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
    """The envelope of a run that is not blind: its nonce follows from ``seed``."""
    nonce = generator(seed, "blind injection nonce").bytes(32).hex()
    return canonical(line, nonce, blind=False)


def canonical(line: AxionLine | None, nonce: str, *, blind: bool) -> str:
    """The text that is sealed: JSON in ASCII, keys sorted, no spaces, numbers in Python's form.

    Args:
        line: What is hidden; null in the text for None.
        nonce: Hexadecimal digits that keep the hash from being searched for the line.
        blind: Whether line and nonce come from chance, not from the seed.
    """
    content = {
        "axion_line": None if line is None else asdict(line),
        "blind": blind,
        "nonce": nonce,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def envelope_hash(text: str) -> str:
    """SHA-256 of the envelope's text, 64 hexadecimal digits: published before data are taken."""
    return hashlib.sha256(text.encode()).hexdigest()


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
