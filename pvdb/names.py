"""Names of process variables: what a prefix may be made of."""

from __future__ import annotations

import re
from typing import Final

from pvdb.records.description import MAX_NAME_LENGTH

__all__ = ["check_prefix"]

# EPICS' characters of a record's name. A dot would begin the name of a field.
_ALLOWED: Final = re.compile(r"[A-Za-z0-9_+:;<>\[\]-]+")


def check_prefix(prefix: str) -> str:
    """The prefix, if the names of records can begin with it.

    Raises:
        ValueError: It is empty, too long for any name, or has a character that no name has.
    """
    if not prefix:
        raise ValueError(
            "a prefix is needed: it distinguishes this IOC's names from those of others"
        )
    if len(prefix) >= MAX_NAME_LENGTH:
        raise ValueError(
            f"a prefix of {len(prefix)} characters; of a name, Channel Access allows "
            f"{MAX_NAME_LENGTH}"
        )
    if not _ALLOWED.fullmatch(prefix):
        raise ValueError(f"{prefix!r} has characters other than letters, digits and _-+:;<>[]")
    return prefix
