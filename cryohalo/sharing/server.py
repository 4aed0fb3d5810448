"""A Tiled server of this site's own, on loopback: SQLite, DuckDB and zarr under one folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

__all__ = ["Server"]


class Server(uvicorn.Server):
    """A Tiled server in this process.

    Args:
        folder: Where it keeps all it has; made if absent.
        key: The API key that reading and writing want.
    """

    def __init__(self, folder: Path, key: str) -> None:
        super().__init__(
            uvicorn.Config(_application(folder, key), log_config=None, access_log=False)
        )
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals: they are the process's."""
        yield


def _application(folder: Path, key: str) -> Any:
    from tiled.catalog import from_uri
    from tiled.config import Authentication
    from tiled.server.app import build_app

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "data").mkdir(exist_ok=True)
    tree = from_uri(
        folder / "catalog.db",
        writable_storage=[folder / "data", f"duckdb:///{folder / 'tables.duckdb'}"],
        init_if_not_exists=True,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return build_app(tree, authentication=Authentication(single_user_api_key=key))
