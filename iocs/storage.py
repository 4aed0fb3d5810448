"""Files that survive a crash: written beside, synchronised, then renamed; checked when read.

A file holds one JSON document after a line with its SHA-256. The one before is kept as ``.old`` and
is used when the newest is damaged. NumPy arrays are kept bit by bit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

log = logging.getLogger("cryohalo.iocs.storage")

_ARRAY, _TUPLE = "__array__", "__tuple__"


def save(path: Path, content: Any) -> None:
    """Replace ``path`` by ``content``; at every moment the old or the new file is whole.

    Raises:
        OSError: The folder cannot be written.
        TypeError: ``content`` holds something that is no plain value, list, dict or array.
    """
    body = json.dumps(_plain(content), separators=(",", ":")).encode()
    new = path.with_suffix(".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(new, "wb", opener=owners_alone) as file:
        file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, path.with_suffix(".old"))
    os.replace(new, path)
    _synchronise(path.parent)


def owners_alone(path: str, flags: int) -> int:
    """Opener of files that no other user may read: they hold what nobody reads over the network."""
    return os.open(path, flags, 0o600)


def load(path: Path) -> Any | None:
    """What was saved last, or before that if the last is damaged; None if there is nothing."""
    for candidate in (path, path.with_suffix(".old")):
        try:
            return _read(candidate)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            log.error("%s cannot be used: %s", candidate, error)
    return None


def _read(path: Path) -> Any:
    digest, _, body = path.read_bytes().partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise ValueError("its checksum is wrong")
    return _restored(json.loads(body))


def _synchronise(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        contiguous = np.ascontiguousarray(value)
        data = base64.b64encode(contiguous.tobytes()).decode()
        return {_ARRAY: [value.dtype.str, list(value.shape), data]}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, complex):
        return _plain(np.array(value))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_plain(item) for item in value]}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept in a snapshot")


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        dtype, shape, data = value[_ARRAY]
        array = np.frombuffer(base64.b64decode(data), dtype=dtype).reshape(shape)
        return array.copy() if shape else array.item()
    if _TUPLE in value:
        return tuple(_restored(item) for item in value[_TUPLE])
    return {key: _restored(item) for key, item in value.items()}
