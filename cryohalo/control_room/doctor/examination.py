"""All checks in their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryohalo.configuration import ConfigurationError, Found, read
from cryohalo.control_room.doctor.finding import Finding, good, odd, wrong
from cryohalo.control_room.doctor.instruments import instruments
from cryohalo.control_room.doctor.queue import http, redis
from cryohalo.control_room.doctor.sharing import sharing
from cryohalo.control_room.doctor.surroundings import (
    array_size,
    clients,
    clock,
    folders,
    libraries,
    ports,
    repeaters,
)

__all__ = ["examine"]


def examine(file: Path | None = None) -> list[Finding]:
    """Look at everything.

    Args:
        file: The configuration, as ``cryohalo.configuration.read`` takes it.
    """
    findings = [*libraries()]
    try:
        found = read(file)
    except ConfigurationError as error:
        return [*findings, wrong("configuration", str(error), "mend it; cryohalo config shows it")]
    return [*findings, *_of(found)]


def _of(found: Found) -> Iterator[Finding]:
    if found.file is None:
        yield odd("configuration", "no file, all defaults", "cryohalo config new writes one")
    else:
        yield good("configuration", str(found.file))
    yield from folders(found)
    yield from clock(found)
    yield from ports(found)
    yield from repeaters(found)
    yield from redis(found)
    yield from http(found)
    yield from sharing(found)
    yield from clients(found)
    yield from array_size(found)
    yield from instruments(found)
