"""HDF5 files that somebody else may have written, read by a process of its own.

HDF5 is a large library in C. In a damaged file it may go round in circles or end the process that
uses it: of files with one wrong byte, one in a hundred does. The process that opens the file
(``haloscope.analysis.exchange.hdf5_child``) is bounded in time and memory, follows no link to
another file and loads no plug-in; what it hands back are numbers and texts. It costs a third of a
second.
"""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from instruments.foreign_files import open_regular
from instruments.plain_arrays import plain_array, plain_dtype

__all__ = ["Reader", "reading"]

_CHILD: Final = "haloscope.analysis.exchange.hdf5_child"
_ROOT: Final = Path(__file__).parents[3]
_ENDED: Final = "damaged: HDF5 comes to no end, or does not survive reading it"


@contextmanager
def reading(path: Path | str) -> Iterator[Reader]:
    """Open a file to be read.

    Raises:
        OSError: There is no such file, or it is no regular one.
        ValueError: It is no HDF5 file, is damaged, or what is read of it is none of what was asked
            for; names the file.
    """
    open_regular(path).close()  # a FIFO or a device would be waited for
    command = [sys.executable, "-m", _CHILD, os.path.abspath(path)]
    tree = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,  # what a process that has ended did not take must not be sent once more
        env={**os.environ, "PYTHONPATH": tree},
    ) as process:
        assert isinstance(process.stdin, io.RawIOBase)
        assert isinstance(process.stdout, io.RawIOBase)
        try:
            reader = Reader(process.stdin, io.BufferedReader(process.stdout))
            reader.opened()
            yield reader
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        finally:
            process.kill()


class Reader:
    """What may be read of an open file.

    Every method raises ValueError, which names the object and says why it is not read.
    """

    def __init__(self, requests: io.RawIOBase, answers: io.BufferedReader) -> None:
        self._requests, self._answers = requests, answers

    def opened(self) -> None:
        """Return once the file is open."""
        self._answer()

    def has(self, name: str) -> bool:
        """Whether there is an object of this name."""
        return bool(self._ask("has", name))

    def members(self, name: str) -> list[str]:
        """Names in a group; none if there is no such group."""
        return [str(member) for member in self._ask("members", name)]

    def numbers(self, name: str) -> NDArray[Any]:
        """A dataset of numbers."""
        found = self._ask("numbers", name)
        assert isinstance(found, np.ndarray)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """A dataset of texts, one after the other."""
        return tuple(str(text) for text in self._ask("texts", name))

    def attribute(self, name: str, of: str = "/") -> Any:
        """A number, a text or a list of them; None if there is no such attribute."""
        return self._ask("attribute", name, of)

    def number(self, name: str, of: str = "/") -> float | None:
        """An attribute that is a number; None if there is no such attribute."""
        value = self.attribute(name, of)
        while isinstance(value, list) and len(value) == 1:
            (value,) = value
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"attribute {name} is {value!r:.60}, not a number")
        return None if value is None else float(value)

    def text(self, name: str, of: str = "/") -> str | None:
        """An attribute that is a text; None if there is no such attribute."""
        value = self.attribute(name, of)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"attribute {name} is {value!r:.60}, not a text")
        return value

    def _ask(self, *request: str) -> Any:
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
        except OSError:
            raise ValueError(_ENDED) from None
        return self._answer()

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise ValueError(_ENDED)
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        if "dtype" not in answer:
            return answer["value"]
        dtype, shape = answer["dtype"], answer["shape"]
        data = self._answers.read(math.prod(shape) * plain_dtype(dtype).itemsize)
        try:
            return plain_array(dtype, shape, data)
        except ValueError:
            raise ValueError(_ENDED) from None
