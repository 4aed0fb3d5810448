"""Random numbers that depend on what they are for, never on what was drawn before.

Every noise source asks for a generator of its own, keyed by (seed, purpose, number). Two runs with
the same seed and the same commands therefore draw the same numbers whatever else was measured in
between, and one acquisition can be repeated without repeating the session that led to it.

The generator is Philox, counter based (Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", SC'11).
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A generator of its own for one purpose.

    Args:
        seed: The machine's seed.
        purpose: What the numbers are for, e.g. ``"digitizer.spectrum"``. Different purposes are
            independent.
        number: Counts the uses of one purpose, e.g. the acquisition number.

    Returns:
        A ``numpy`` generator on a Philox stream that no other (seed, purpose, number) shares.

    Raises:
        ValueError: ``number`` is negative.
    """
    if number < 0:
        raise ValueError(f"random number stream {purpose!r}: number {number} is below 0")
    return np.random.Generator(np.random.Philox(key=_key(seed, purpose, number)))


def _key(seed: int, purpose: str, number: int) -> int:
    text = f"{seed}\x1f{purpose}\x1f{number}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
