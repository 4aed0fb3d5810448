"""A connection to a Tiled server, and what of it is ours: two containers."""

from __future__ import annotations

import os
import secrets
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from cryohalo.errors import CatalogError
from cryohalo.processes.access import allowed_host
from instruments.printable import escaped

__all__ = [
    "DOCUMENTS",
    "RUNS",
    "Connection",
    "ServerError",
    "UnfitRunError",
    "UnreachableError",
    "speaking",
]

DOCUMENTS: Final = "documents"
RUNS: Final = "runs"
#: Tiled's own ten attempts hold a caller for 45 s; whoever waits here asks again by itself.
_ATTEMPTS: Final = "2"
_LONGEST: Final = 300


class UnreachableError(CatalogError):
    """No server answers, or it lets nobody in: nothing can be done with it now."""


class ServerError(CatalogError):
    """The server answers, but refuses this one thing.

    Attributes:
        code: Of its HTTP response, 0 where there is none.
    """

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(words)
        self.code = code


class UnfitRunError(CatalogError):
    """A run that Tiled's own form cannot hold."""


class Connection:
    """A server and our two containers.

    Args:
        address: ``http://HOST:PORT``, or that of a container, ``http://HOST/api/v1/metadata/a/b``.
        key: The API key, "" for a server that asks for none.
        make: Make the containers where they are not there.

    Attributes:
        address: The same.
        identity: Of the store behind it: another one, or one that was emptied, has another.
        documents: Tiled's client of the container of documents.
        runs: That of the container of Tiled's own form.

    Raises:
        UnreachableError: No server answers, or it lets nobody in.
        ServerError: It has no such containers.
    """

    def __init__(self, address: str, key: str, *, make: bool = False) -> None:
        self.address = address
        os.environ.setdefault("TILED_RETRY_ATTEMPTS", _ATTEMPTS)
        with speaking(address):
            root = _client(address, key)
            if make:
                self.documents = _container(root, DOCUMENTS)
                self.runs = _container(root, RUNS, specs=["CatalogOfBlueskyRuns"])
            elif DOCUMENTS in root and RUNS in root:
                self.documents, self.runs = root[DOCUMENTS], root[RUNS]
            else:
                raise ServerError(f"{address}: nothing has been shared there")
            self.identity = str(self.documents.metadata.get("identity", ""))


def _client(address: str, key: str) -> Any:
    from tiled.client import from_context
    from tiled.client.context import Context

    here = allowed_host(urlsplit(address).netloc)
    context, parts = Context.from_any_uri(
        address, api_key=key or None, show_progress=False, trust_env=not here, verify=not here
    )
    weakref.finalize(context, context.http_client.close)
    if not key and context.server_info.authentication.required:
        # Tiled's client would ask for a password at the terminal.
        raise UnreachableError(f"{address}: it asks for a key, and there is none")
    return from_context(context, node_path_parts=parts)


def _container(root: Any, name: str, **more: Any) -> Any:
    if name not in root:
        identity = {"identity": secrets.token_hex(16), "of": "cryohalo"}
        return root.create_container(name, metadata=identity, **more)
    return root[name]


@contextmanager
def speaking(address: str) -> Iterator[None]:
    """What goes wrong with a server, told in one of two ways.

    Raises:
        UnreachableError: It does not answer, or not to this key.
        ServerError: It refuses this one thing.
    """
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        told = f"{address}: {code}: {escaped(error, _LONGEST)}"
        if code in (401, 403, 429, 502, 503, 504):
            raise UnreachableError(told) from error
        raise ServerError(told, code) from error
    except (httpx.HTTPError, OSError) as error:
        raise UnreachableError(f"{address}: {escaped(error, _LONGEST) or 'no answer'}") from error
    except httpx.InvalidURL as error:
        raise ServerError(f"{address}: {error}") from error
