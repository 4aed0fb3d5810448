"""The queue's own troubles: no Redis, no HTTP server, a key that others may read, no answer."""

from __future__ import annotations

import importlib.util
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Final

from cryohalo.configuration import Found
from cryohalo.control_room.doctor.asking import opened
from cryohalo.control_room.doctor.finding import Finding, good, odd, wrong
from cryohalo.control_room.folder import StateFolder
from cryohalo.control_room.services import queue_address
from cryohalo.processes.access import TokenFileError, read_token
from cryohalo.queueing.redis import NoRedisError, executable

__all__ = ["http", "redis"]

#: bluesky-httpserver waits two seconds for the manager.
_TIMEOUT_S: Final = 10.0
_LOG: Final = "see logs/queue_http.log and logs/queue.log in the state folder"


def redis(found: Found) -> Iterator[Finding]:
    """A queue that has no Redis elsewhere finds one on this host."""
    if not found.values.queue.use or found.values.queue.redis:
        return
    try:
        yield good("queue", executable())
    except NoRedisError as error:
        yield wrong("queue", str(error), "or name another: redis in [queue]")


def http(found: Found) -> Iterator[Finding]:
    """The queue answers over HTTP to who has the key, which nobody else may read."""
    values = found.values
    if not values.queue_http.use:
        return
    if importlib.util.find_spec("bluesky_httpserver") is None:
        words = "bluesky-httpserver is not installed"
        yield wrong("queue_http", words, "pip install 'cryohalo[queue-http]'")
        return
    try:
        key = read_token(values.queue_key)
    except FileNotFoundError:
        yield odd("queue_http", f"{values.queue_key} is not there yet", "cryohalo up makes it")
        return
    except (TokenFileError, OSError) as error:
        yield wrong("queue_http", str(error), "mend it, or delete it: `up` makes a new one")
        return
    if StateFolder(values.state_dir).supervisor() is None:
        yield odd("queue_http", "is not up", "cryohalo up")
        return
    trouble = _asked(f"{queue_address(values)}/api/status", key)
    address = queue_address(values)
    yield (
        wrong("queue_http", f"{address}: {trouble}", _LOG)
        if trouble
        else good("queue_http", f"{address} answers to the key in {values.queue_key}")
    )


def _asked(address: str, key: str) -> str:
    """Why it does not answer, "" if it does."""
    request = urllib.request.Request(address, headers={"Authorization": f"ApiKey {key}"})
    try:
        with opened(request, _TIMEOUT_S):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}: {error.read(300).decode(errors='replace')}"
    except (OSError, HTTPException) as error:  # the second: what listens there speaks no HTTP
        return str(error) or type(error).__name__
