"""Files that survive a crash: written beside, synchronised, then renamed; checked when read.

A file holds one JSON document after a line with its SHA-256 and, after a space, a mark that its
writer may give it. The one before is kept as ``.old`` and is used when the newest is damaged. NumPy
arrays are kept bit by bit. Nothing that a file may hold is executed, or read without being checked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from instruments.foreign_files import read_bounded
from instruments.plain_arrays import demand_plain, plain_array

log = logging.getLogger("cryohalo.iocs.storage")

_ARRAY, _TUPLE = "__array__", "__tuple__"
#: What is written as it is; of no other type, which may be written otherwise.
_AS_THEY_ARE: Final = frozenset({str, bool, int, float, type(None)})
#: ``json.dumps`` makes one for each text.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
#: Of a file; the haloscope's snapshot has some 5 MB.
MOST_BYTES: Final = 1_000_000_000


class DamagedError(ValueError):
    """A file is not what was written, or holds what cannot be used; the message says what."""


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    Attributes:
        path: The file.
        content: Its document.
        mark: As it was given when the file was written; "" if somebody else has written it.
    """

    path: Path
    content: Any
    mark: str


def save(path: Path, content: Any, mark: str = "") -> None:
    """Replace ``path`` by ``content``; at every moment the old or the new file is whole.

    Raises:
        OSError: The folder cannot be written.
        TypeError: ``content`` holds something that is no plain value, list, array, or dict with
            texts for keys.
        ValueError: It holds an array of something else than numbers and texts.
    """
    body = dumps(content)
    new = path.with_suffix(".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(new, "wb", opener=owners_alone) as file:
        file.write(f"{hashlib.sha256(body).hexdigest()} {mark}".strip().encode() + b"\n" + body)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, path.with_suffix(".old"))
    os.replace(new, path)
    synchronise(path.parent)


def owners_alone(path: str, flags: int) -> int:
    """Opener of files that no other user may read: they hold what nobody reads over the network."""
    return os.open(path, flags, 0o600)


def load(path: Path) -> Any | None:
    """What was saved last, or before that if the last is damaged; None if there is nothing."""
    for candidate in candidates(path):
        try:
            return read(candidate).content
        except FileNotFoundError:
            continue
        except (OSError, DamagedError) as error:
            log.error("%s cannot be used: %s", candidate, error)
    return None


def candidates(path: Path) -> tuple[Path, Path]:
    """The newest file, and the one before."""
    return path, path.with_suffix(".old")


def read(path: Path) -> Stored:
    """One file.

    Raises:
        OSError: It cannot be read; ``FileNotFoundError`` if there is none.
        DamagedError: Its checksum is wrong, or what it holds cannot have been written by ``save``.
    """
    head, _, body = read_bounded(path, MOST_BYTES).partition(b"\n")
    digest, _, mark = head.partition(b" ")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise DamagedError("its checksum is wrong")
    return Stored(path, loads(body), mark.decode("ascii", "replace"))


def dumps(content: Any) -> bytes:
    """``content`` in one line; raises ``TypeError`` or ``ValueError`` for what cannot be kept."""
    return _ENCODER.encode(_plain(content)).encode()


def loads(text: bytes) -> Any:
    """What ``dumps`` was given; raises ``DamagedError`` for what it cannot have written."""
    try:
        return _restored(json.loads(text))
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise DamagedError(f"it cannot be read: {error}") from error


def set_aside(path: Path) -> Path | None:
    """Move a file that is not used out of the way, so that nothing overwrites it.

    Returns:
        Where it is now, ``NAME.bad``; None if there was no file, or it cannot be moved.
    """
    bad = path.with_suffix(".bad" if path.suffix != ".old" else ".old.bad")
    try:
        os.replace(path, bad)
    except OSError:
        return None
    return bad


def synchronise(folder: Path) -> None:
    """Let the names of the files in ``folder`` reach the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, np.ndarray):
        demand_plain(value)
        contiguous = np.ascontiguousarray(value)
        data = base64.b64encode(contiguous.tobytes()).decode()
        return {_ARRAY: [value.dtype.str, list(value.shape), data]}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, complex):
        return _plain(np.array(value))
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_plain(item) for item in value]}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _text(key: Any) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"key {key!r} cannot be kept: it would come back as a text")


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return _array(value[_ARRAY])
    if _TUPLE in value:
        return tuple(_restored(item) for item in value[_TUPLE])
    return {key: _restored(item) for key, item in value.items()}


def _array(kept: Any) -> Any:
    kind, shape, data = kept
    array = plain_array(kind, shape, base64.b64decode(data, validate=True))
    return array.copy() if shape else array.item()
