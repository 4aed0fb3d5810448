"""Questions over HTTP that carry a key."""

from __future__ import annotations

from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from cryohalo.processes.access import allowed_host

__all__ = ["opened"]


def opened(request: Request, timeout_s: float) -> Any:
    """What a server answers; one of this host is asked past any proxy, which would see the key.

    Raises:
        urllib.error.HTTPError: It refuses.
        OSError: It does not answer.
        http.client.HTTPException: What answers speaks no HTTP.
    """
    here = allowed_host(request.host)
    opener = build_opener(ProxyHandler({})) if here else build_opener()
    return opener.open(request, timeout=timeout_s)
