"""A blind injection: drawn by the operating system's randomness, kept in one person's key file.

The key file holds what is hidden and all that would give it away: the line, a nonce of 256 bits,
the key of the machine's random numbers, and the key that opens the envelope. Only the IOC reads it.
While the envelope is sealed the world sees one thing of it: the SHA-256 of the envelope's text,
which without the nonce cannot be searched for the line.

The random numbers have a key of their own because whoever knows them can take the noise away. The
digitizer's are drawn afresh in every life of the machine (``BlindKey.noise_seed``): a spectrum that
could be taken twice with the same noise, once without field, would show the line without any.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from haloscope.apparatus.injection import canonical, envelope_hash
from haloscope.axion import AxionLine
from instruments.foreign_files import read_bounded, reason

__all__ = ["BlindKey", "KeyFileError"]

NONCE_BYTES: Final = 32
#: Of the key that opens: as hexadecimal digits it fits an EPICS string.
KEY_BYTES: Final = 16
_MOST_BYTES: Final = 100_000
_OTHERS: Final = 0o077
_FORM: Final = "cryohalo blind key 1"
_DIGITS: Final = re.compile(r"[0-9a-f]+")


class KeyFileError(ValueError):
    """A key file that cannot be used; the message tells its name, and nothing that is in it."""


@dataclass(frozen=True, repr=False)
class BlindKey:
    """What is hidden, and what keeps it hidden. Never printed: it has no text of its own.

    Attributes:
        line: The axion that was drawn.
        hidden: Whether it is there; False in an empty envelope.
        nonce: 64 hexadecimal digits.
        noise_key: Of the machine's random numbers, 64 hexadecimal digits.
        unseal_key: Opens the envelope, 32 hexadecimal digits.
    """

    line: AxionLine
    hidden: bool = True
    nonce: str = field(default_factory=lambda: secrets.token_hex(NONCE_BYTES))
    noise_key: str = field(default_factory=lambda: secrets.token_hex(NONCE_BYTES))
    unseal_key: str = field(default_factory=lambda: secrets.token_hex(KEY_BYTES))

    def __repr__(self) -> str:
        """The hash alone."""
        return f"<BlindKey of envelope {self.hash}>"

    @classmethod
    def drawn(
        cls,
        band_hz: tuple[float, float],
        coupling_per_gev: tuple[float, float],
        empty: float = 0.0,
    ) -> BlindKey:
        """Hide an axion where chance decides.

        Args:
            band_hz: Lowest and highest frequency.
            coupling_per_gev: Lowest and highest g_agg.
            empty: Probability that nothing is hidden.

        Raises:
            ValueError: An interval is empty or not finite, or ``empty`` is no probability.
        """
        for what, (low, high) in (("band", band_hz), ("coupling", coupling_per_gev)):
            if not 0 < low <= high < float("inf"):
                raise ValueError(f"blind injection: {what} {low:g} to {high:g} is not an interval")
        if not 0.0 <= empty <= 1.0:
            raise ValueError(f"blind injection: {empty:g} is not a probability, 0 to 1")
        chance = secrets.SystemRandom()
        line = AxionLine(chance.uniform(*band_hz), chance.uniform(*coupling_per_gev))
        return cls(line, hidden=chance.random() >= empty)

    # -- what the machine is made of -----------------------------------------------------------

    @property
    def seed(self) -> int:
        """Seed of all that stays the same over the machine's lives: phases, drifts, scatter."""
        return self._derived("machine")

    def noise_seed(self) -> int:
        """Seed of the digitizer's noise; another one with every call."""
        return self._derived(f"spectra {secrets.token_hex(NONCE_BYTES)}")

    def lines(self) -> tuple[AxionLine]:
        """What the field contains: in an empty envelope a line of no strength, of the same cost."""
        return (self.line if self.hidden else replace(self.line, coupling_per_gev=0.0),)

    def _derived(self, purpose: str) -> int:
        text = f"{self.noise_key} {purpose}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=32).digest(), "big")

    # -- what the world sees -------------------------------------------------------------------

    @property
    def contents(self) -> str:
        """The envelope's text. It does not hold the key that opens it."""
        return canonical(self.line if self.hidden else None, self.nonce, blind=True)

    @property
    def hash(self) -> str:
        """What is published."""
        return envelope_hash(self.contents)

    # -- the file ------------------------------------------------------------------------------

    def write(self, path: Path) -> None:
        """Make the key file, for its owner alone.

        Raises:
            OSError: It is there already, or cannot be written.
        """
        content = {"form": _FORM, **asdict(self)}
        with open(path, "x", encoding="ascii", opener=_for_the_owner) as file:
            json.dump(content, file, indent=2)
            file.write("\n")

    @classmethod
    def read(cls, path: Path) -> BlindKey:
        """The key file at ``path``.

        Raises:
            KeyFileError: It cannot be read, others may read it, or it is no key file.
        """
        try:
            mode = os.stat(path).st_mode & 0o777
            if mode & _OTHERS:
                raise KeyFileError(f"{path}: others may read it (mode {mode:04o}): chmod 600 it")
            text = read_bounded(path, _MOST_BYTES)
        except OSError as error:
            raise KeyFileError(f"{path}: {reason(error)}") from None
        try:
            return cls._parsed(json.loads(text))
        except (KeyError, TypeError, ValueError, RecursionError):  # their texts quote the content
            raise KeyFileError(f"{path}: it is no key file, or was damaged") from None

    @classmethod
    def _parsed(cls, content: Mapping[str, Any]) -> BlindKey:
        if content["form"] != _FORM:
            raise ValueError
        if type(content["hidden"]) is not bool:
            raise ValueError
        return cls(
            AxionLine(**content["line"]),
            content["hidden"],
            nonce=_hexadecimal(content["nonce"], NONCE_BYTES),
            noise_key=_hexadecimal(content["noise_key"], NONCE_BYTES),
            unseal_key=_hexadecimal(content["unseal_key"], KEY_BYTES),
        )


def _hexadecimal(text: str, size: int) -> str:
    if len(text) != 2 * size or not _DIGITS.fullmatch(text):
        raise ValueError
    return text


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
