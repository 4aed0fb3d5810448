"""A server that is a dictionary, for what delivers to one; it fails when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np

from cryohalo.sharing.connection import Connection


class Faults:
    """Counts requests, and lets one of them fail: before it has done anything, or after."""

    def __init__(self, at: int | None = None, *, done: bool = False, code: int = 0) -> None:
        self.at, self.done, self.code, self.count = at, done, code, 0

    def request(self) -> Iterator[None]:
        """One request: what is to be done stands in between."""
        failing = self.count == self.at
        self.count += 1
        if not failing or self.done:
            yield
        if failing:
            raise self._error()

    def _error(self) -> Exception:
        if not self.code:
            return httpx.ReadTimeout("no answer")
        answer = httpx.Response(self.code, request=httpx.Request("PATCH", "http://x"))
        return httpx.HTTPStatusError("refused", request=answer.request, response=answer)


class Node:
    """The bytes of one run."""

    def __init__(self, metadata: dict[str, Any], faults: Faults) -> None:
        self.metadata, self._faults = metadata, faults
        self.data, self.uri = bytearray(16), "fake"

    def patch(self, array: np.ndarray, offset: int, extend: bool) -> None:
        for _ in self._faults.request():
            end = offset + len(array)
            self.data.extend(bytes(max(0, end - len(self.data))))
            self.data[offset:end] = array.tobytes()

    def update_metadata(self, metadata: dict[str, Any], drop_revision: bool) -> None:
        for _ in self._faults.request():
            self.metadata = {**self.metadata, **metadata}

    def __getitem__(self, key: slice) -> np.ndarray:
        return np.frombuffer(bytes(self.data[key]), np.uint8)

    @property
    def delivered(self) -> bytes:
        """What a reader takes."""
        return bytes(self.data[: self.metadata["bytes"]])


class Documents(dict[str, Node]):
    """The container of documents."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self.faults = faults

    def new(self, _: Any, __: Any, *, key: str, metadata: dict[str, Any]) -> Node:
        for _ in self.faults.request():
            self[key] = Node(metadata, self.faults)
        return self[key]


class Fake(Connection):
    """A connection to such a server."""

    def __init__(self, identity: str = "a" * 32, documents: Documents | None = None) -> None:
        self.address, self.identity = "http://fake", identity
        self.documents = Documents(Faults()) if documents is None else documents
        self.runs = object()
