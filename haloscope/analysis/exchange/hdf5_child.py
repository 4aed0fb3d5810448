"""The process that opens somebody else's HDF5 file, for ``haloscope.analysis.exchange.hdf5``.

An HDF5 file can do more than hold data: its links and datasets may lie in other files, its filters
may be plug-ins that are loaded, its shapes may be declared without a byte behind them. None of that
is followed here.

Requests come on standard input, one JSON list a line, ``["numbers", "power_w"]``. Each is answered
on standard output by one line of JSON, ``{"value": ...}`` or ``{"error": "why"}``; an array's is
``{"dtype": "<f8", "shape": [25, 1000]}``, and its bytes follow.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from typing import Any, BinaryIO, Final

import h5py
import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_BYTES", "FileReader", "serve"]

#: Of all datasets of a file together, unpacked; the letter's campaign of whole spectra has 0.8.
MAX_BYTES: Final = 4_000_000_000
MAX_TEXTS: Final = 1_000_000
#: Elements of an attribute.
MAX_ATTRIBUTE: Final = 10_000
MAX_CHUNK_BYTES: Final = 256_000_000
_NUMBERS: Final = "biuf"
#: deflate's limit; what claims more has no bytes behind it.
_BEST_COMPRESSION: Final = 1100
_SMALL_BYTES: Final = 100_000
# deflate, shuffle, Fletcher's checksum, LZF: built into HDF5 and h5py.
_FILTERS: Final = frozenset({1, 2, 3, 32000})


class FileReader:
    """What may be read of an open file.

    Every method raises ValueError, which names the object and says why it is not read.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._left = MAX_BYTES

    def has(self, name: str) -> bool:
        """Whether there is an object of this name; one that lies in another file is refused."""
        return self._object(name) is not None

    def members(self, name: str) -> list[str]:
        """Names in a group; none if there is no such group."""
        group = self._object(name)
        if group is None:
            return []
        if not isinstance(group, h5py.Group):
            raise ValueError(f"{name} is no group")
        if len(group) > MAX_ATTRIBUTE:
            raise ValueError(f"{name} has {len(group)} members, at most {MAX_ATTRIBUTE}")
        return list(group)

    def numbers(self, name: str) -> NDArray[Any]:
        """A dataset of numbers."""
        data = self._dataset(name)
        if data.dtype.kind not in _NUMBERS:
            raise ValueError(f"{name} is of dtype {data.dtype}, needed numbers")
        self._demand_bytes(name, data)
        return np.asarray(data[()])

    def texts(self, name: str) -> list[str]:
        """A dataset of texts, one after the other."""
        data = self._dataset(name)
        if h5py.check_string_dtype(data.dtype) is None or data.ndim != 1:
            raise ValueError(f"{name} has shape {data.shape} of {data.dtype}, needed texts")
        if data.size > MAX_TEXTS:
            raise ValueError(f"{name} has {data.size} texts, at most {MAX_TEXTS}")
        self._demand_storage(name, data, data.size * data.dtype.itemsize)
        return [_text(text, name) for text in data[()]]

    def attribute(self, name: str, of: str = "/") -> Any:
        """A number, a text or an array of them; None if there is no such attribute."""
        owner = self._file if of == "/" else self._object(of)
        if owner is None or name not in owner.attrs:
            return None
        found = owner.attrs.get_id(name)
        if found.shape is None:
            raise ValueError(f"attribute {name} is empty")
        kind, size = found.dtype, math.prod(found.shape)
        is_text = kind.kind in "SU" or h5py.check_string_dtype(kind) is not None
        if not (is_text or kind.kind in _NUMBERS) or size > MAX_ATTRIBUTE:
            raise ValueError(f"attribute {name} has shape {found.shape} of {kind}")
        return _plain(np.asarray(owner.attrs[name]).tolist(), f"attribute {name}")

    def _object(self, name: str) -> Any:
        """An object of this file, found without following a link to anywhere else."""
        found: Any = self._file
        for part in name.split("/"):
            if not isinstance(found, h5py.Group):
                return None
            link = found.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"{name} is a link: it is not followed")
            found = found[part]
        return found

    def _dataset(self, name: str) -> Any:
        data = self._object(name)
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"{name} is no dataset")
        if data.is_virtual or data.external:
            raise ValueError(f"{name} lies in other files: they are not read")
        if data.shape is None:
            raise ValueError(f"{name} is empty")
        plan = data.id.get_create_plist()
        filters = {plan.get_filter(number)[0] for number in range(plan.get_nfilters())}
        if not filters <= _FILTERS:
            raise ValueError(f"{name} is packed by filter {min(filters - _FILTERS)}, a plug-in")
        if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > MAX_CHUNK_BYTES:
            raise ValueError(f"{name} is in chunks of {data.chunks}")
        return data

    def _demand_bytes(self, name: str, data: Any) -> None:
        size = data.size * data.dtype.itemsize
        if size > self._left:
            raise ValueError(f"{name} has shape {data.shape}: {size} bytes, {self._left} are left")
        self._left -= size
        self._demand_storage(name, data, size)

    def _demand_storage(self, name: str, data: Any, size: int) -> None:
        stored = data.id.get_storage_size()
        if size > max(_SMALL_BYTES, stored * _BEST_COMPRESSION):
            raise ValueError(f"{name} has shape {data.shape}, of which {stored} bytes are there")


_SECONDS: Final = 5
#: Of arrays, unpacked: slower than any machine that runs the analysis.
_BYTES_PER_SECOND: Final = 50_000_000


def _bound(size: int) -> None:
    """Bound this process: in a damaged file HDF5 may go round in circles or ask for all memory."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        unpacked = min(size * _BEST_COMPRESSION, MAX_BYTES)
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        seconds = math.ceil(used) + _SECONDS + unpacked // _BYTES_PER_SECOND
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        memory = 2 * unpacked + 2_000_000_000
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def serve(path: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests about one file until there are no more."""
    _bound(os.stat(path).st_size)
    try:
        with h5py.File(path, "r") as file:
            reader = FileReader(file)
            answers.write(b'{"value": true}\n')
            answers.flush()
            for line in requests:
                _answer(reader, json.loads(line), answers)
                answers.flush()
    except (OSError, RuntimeError, ValueError) as error:
        _write(answers, {"error": f"not an HDF5 file: {error}"})


def _answer(reader: FileReader, request: list[str], answers: BinaryIO) -> None:
    method, *arguments = request
    try:
        value = getattr(reader, method)(*arguments)
    except ValueError as error:
        _write(answers, {"error": str(error)})
    # What HDF5 raises for damage: it has no error of its own.
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError) as error:
        _write(answers, {"error": f"{arguments[0]} is damaged: {error}"})
    else:
        if isinstance(value, np.ndarray):
            _write(answers, {"dtype": value.dtype.str, "shape": value.shape})
            if value.size:  # a view without elements cannot be cast
                answers.write(np.ascontiguousarray(value).data.cast("B"))
        else:
            _write(answers, {"value": value})


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_plain(item, name) for item in value]
    return _text(value, name) if isinstance(value, bytes | str) else value


def _text(value: bytes | str, name: str) -> str:
    """A text of HDF5; h5py makes lone surrogates of bytes that are none."""
    try:
        return value.decode() if isinstance(value, bytes) else value.encode().decode()
    except UnicodeError:
        raise ValueError(f"{name} is no text in UTF-8: {value!r:.60}") from None


def _write(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
