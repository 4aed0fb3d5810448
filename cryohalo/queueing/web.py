"""The queue over HTTP: ``python -m cryohalo.queueing.web``; ``cryohalo up`` starts it.

bluesky-httpserver in front of the queue's manager, on loopback, for whoever has the key of a file.
It answers also while the manager does not, and says so. ``ready queue_http HOST:PORT`` is its first
line on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import uvicorn

from cryohalo.processes.access import TokenFileError, refused, take_token
from cryohalo.processes.addresses import LOOPBACK
from cryohalo.processes.ending import ended
from instruments.options import whole

__all__ = ["SCOPES", "Guarded", "main"]

_EXIT_USAGE: Final = 2
_EXIT_PORT_TAKEN: Final = 69
#: How long an answer that goes on (the console's) may hold up the end.
_END_TIMEOUT_S: Final = 2
#: What the key lets do, by bluesky-httpserver's words: look, fill the queue, start and stop it and
#: the plan that runs. Neither scripts nor permissions, locks, another worker, or the manager's end;
#: no plan beside the queue, which nothing would keep going.
SCOPES: Final = (
    *(f"read:{what}" for what in ("status", "queue", "history", "resources", "config")),
    *("read:monitor", "read:console", "read:lock"),
    *("write:queue:edit", "write:queue:control", "write:plan:control", "write:history:edit"),
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Guarded:
    """An ASGI application that hears only this computer's programs and its own pages.

    Args:
        application: What is asked where nothing is wrong.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        wrong = _wrong(scope) if scope["type"] in ("http", "websocket") else None
        if wrong is None:
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            status, why = wrong
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            body = json.dumps({"detail": why}).encode()
            await send({"type": "http.response.body", "body": body})


def _wrong(scope: Message) -> tuple[int, str] | None:
    """A status and why, None where nothing is wrong."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    status = refused(headers.get(b"host", ""), headers.get(b"origin"))
    if status is not None:
        return status, "a request from another site, or for another host"
    if "api_key" in parse_qs(scope["query_string"].decode("latin-1")):
        return 400, "the key goes into a header: Authorization: ApiKey KEY"
    return None


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self.listens.set()


def _application(key: str, port: int, info_port: int) -> Application:
    from bluesky_httpserver.app import build_app
    from bluesky_httpserver.config import construct_build_app_kwargs

    told = {
        "authentication": {"single_user_api_key": key, "allow_anonymous_access": False},
        "api_access": {
            "policy": "bluesky_httpserver.authorization:BasicAPIAccessControl",
            "args": {"roles": {"unauthenticated_single_user": {"scopes_set": list(SCOPES)}}},
        },
        "qserver_zmq_configuration": {
            "control_address": f"tcp://{LOOPBACK}:{port}",
            "info_address": f"tcp://{LOOPBACK}:{info_port}",
        },
    }
    return Guarded(build_app(**construct_build_app_kwargs(told)))


async def serve(application: Application, listening: socket.socket) -> int:
    """Serve until asked to end; returns the exit code."""
    asked = ended()
    how = uvicorn.Config(
        application, log_config=None, access_log=False, timeout_graceful_shutdown=_END_TIMEOUT_S
    )
    server = _Server(how)
    serving = asyncio.ensure_future(server.serve([listening]))
    begun = asyncio.ensure_future(server.listens.wait())
    await asyncio.wait({serving, begun}, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    if not server.listens.is_set():
        await serving
        return 1
    print(f"ready queue_http {LOOPBACK}:{listening.getsockname()[1]}", flush=True)
    asking = asyncio.ensure_future(asked.wait())
    await asyncio.wait({serving, asking}, return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()
    server.should_exit = True
    await serving
    return 0 if asked.is_set() else 1


def key_of(file: Path) -> str:
    """The key of the file, made if it is absent.

    Raises:
        TokenFileError: The file cannot be trusted, or holds what bluesky-httpserver takes for none.
    """
    key = take_token(file)
    if not key.isalnum():
        raise TokenFileError(f"{file}: a key of letters and digits is needed; delete it for one")
    return key


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cryohalo.queueing.web", description=__doc__)
    port = whole(1, 65_535)
    parser.add_argument("--port", type=port, required=True, help="of http")
    parser.add_argument("--key-file", type=Path, required=True, help="made, mode 600, if absent")
    parser.add_argument("--manager-port", type=port, required=True, help="of its control socket")
    parser.add_argument("--info-port", type=port, required=True, help="of its console")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        listening = socket.create_server((LOOPBACK, options.port))
    except OSError as error:
        print(f"port {options.port} on {LOOPBACK}: {error.strerror}", file=sys.stderr)
        return _EXIT_PORT_TAKEN
    with listening:
        try:
            key = key_of(options.key_file)
            application = _application(key, options.manager_port, options.info_port)
        except (TokenFileError, ImportError) as error:
            needs = "; it needs an extra: pip install 'cryohalo[queue-http]'"
            print(f"{error}{needs if isinstance(error, ImportError) else ''}", file=sys.stderr)
            return _EXIT_USAGE
        return asyncio.run(serve(application, listening))


if __name__ == "__main__":
    sys.exit(main())
