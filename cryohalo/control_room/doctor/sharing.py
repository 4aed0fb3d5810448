"""Do runs reach Tiled? Its extra, its key, its answer, and what has not been delivered."""

from __future__ import annotations

import importlib.metadata
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Final

from cryohalo.configuration import Configuration, Found
from cryohalo.control_room.doctor.asking import opened
from cryohalo.control_room.doctor.finding import Finding, good, odd, wrong
from cryohalo.control_room.folder import StateFolder
from cryohalo.errors import CatalogError
from cryohalo.sharing.health import HEALTH, Health
from cryohalo.sharing.key import key_in

__all__ = ["sharing"]

_PACKAGES: Final = ("tiled", "bluesky-tiled-plugins")
_ANSWER_S: Final = 5.0
#: A forwarder looks at the folder each second and writes what it finds; a run of gigabytes takes
#: minutes.
_STALE_S: Final = 900.0


def sharing(found: Found) -> Iterator[Finding]:
    """Look at all of it, up to the first thing that is in the way."""
    values = found.values
    if not values.catalog.tiled:
        return
    up = StateFolder(values.state_dir).supervisor() is not None
    yield from (
        _installed() or _keyed(values, up) or _answering(values, up) or _delivered(values, up)
    )


def _installed() -> list[Finding]:
    for package in _PACKAGES:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return [wrong("tiled", f"{package} is not installed", "pip install 'cryohalo[tiled]'")]
    return []


def _keyed(values: Configuration, up: bool) -> list[Finding]:
    if not up and not values.catalog.tiled_address and not values.tiled_key.exists():
        return [odd("tiled", "is not up, and has never been", "cryohalo up")]
    try:
        key_in(values.tiled_key)
    except CatalogError as error:
        return [wrong("tiled", str(error), "tiled_key_file in [catalog]; `up` makes its own")]
    return []


def _answering(values: Configuration, up: bool) -> list[Finding]:
    if not up and not values.catalog.tiled_address:
        return [odd("tiled", "is not up", "cryohalo up")]
    address = values.tiled_address.rstrip("/")
    root = address.partition("/api/")[0]
    request = urllib.request.Request(
        f"{root}/api/v1/metadata/",
        headers={"Authorization": f"Apikey {key_in(values.tiled_key)}"},
    )
    try:
        with opened(request, _ANSWER_S):
            return []
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            told = f"{address} refuses the key of {values.tiled_key}"
            return [wrong("tiled", told, "put its key there: tiled_key_file in [catalog]")]
        return [wrong("tiled", f"{address} answers {error.code}", "see its log")]
    except (OSError, HTTPException) as error:
        what = getattr(error, "reason", error)
        return [wrong("tiled", f"no answer from {address}: {what}", "see logs/tiled.log")]


def _delivered(values: Configuration, up: bool) -> list[Finding]:
    health = Health.read(values.tiled_folder / HEALTH)
    if not up:
        return [
            odd("tiled", f"{values.tiled_address} answers, nothing is delivered", "cryohalo up")
        ]
    if health is None or time.time() - health.time > _STALE_S:
        return [wrong("tiled", "nothing has been heard of delivery", "see logs/tiled.log")]
    if not health.good:
        return [wrong("tiled", health.words, "see logs/tiled.log; nothing is lost meanwhile")]
    return [good("tiled", f"{values.tiled_address}, {health.words}")]
