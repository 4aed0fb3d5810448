"""Numbered pieces of work on Dask: local threads by default, a cluster with the same call.

Each finished piece is a small file in the given folder, so that a run that was cut off goes on
where it stopped; results are the same for any number of workers, in any order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from instruments.npz import load_npz
from instruments.whole_files import replacing

__all__ = ["Arrays", "Pieces", "Progress", "run"]

Arrays = dict[str, NDArray[Any]]
Progress = Callable[[int, int], None]


class Pieces(Protocol):
    """Work that falls into numbered pieces."""

    @property
    def title(self) -> str:
        """What is done; begins messages."""
        ...

    @property
    def batches(self) -> int:
        """How many pieces."""
        ...

    def fingerprint(self) -> str:
        """Changes with anything that changes the result."""
        ...

    def prepare(self) -> None:
        """Compute what the pieces share, before threads do."""
        ...

    def layout(self, number: int) -> Mapping[str, tuple[tuple[int, ...], type]]:
        """Names of a piece's arrays with their shapes and types."""
        ...

    def run(self, number: int) -> Arrays:
        """Do a piece; the same arrays whoever does it."""
        ...


def run(
    pieces: Pieces,
    *,
    folder: Path | str | None = None,
    workers: int | None = None,
    client: Any = None,
    progress: Progress | None = None,
) -> list[Arrays]:
    """Do all pieces that are not in the folder yet.

    Args:
        pieces: What to do.
        folder: Where finished pieces are kept; None keeps them in memory only.
        workers: Local threads; the number of cores by default. Ignored with ``client``.
        client: A ``distributed.Client`` of a cluster.
        progress: Called with (pieces done, pieces in all) after each one, from one thread at a
            time; pieces of the folder count as done.

    Returns:
        The arrays of every piece, by its number.

    Raises:
        ValueError: The folder holds pieces of other work, or one that is damaged.
    """
    store = _Store(pieces, folder)
    done = dict(store.load())
    missing = [number for number in range(pieces.batches) if number not in done]

    def keep(number: int, arrays: Arrays) -> None:
        store.save(number, arrays)
        done[number] = arrays
        if progress is not None:
            progress(len(done), pieces.batches)

    if client is not None:
        _on_cluster(pieces, missing, client, keep)
    elif missing:
        _in_threads(pieces, missing, workers or os.cpu_count() or 1, keep)
    return [done[number] for number in range(pieces.batches)]


Keep = Callable[[int, Arrays], None]


def _on_cluster(pieces: Pieces, numbers: list[int], client: Any, keep: Keep) -> None:
    from distributed import as_completed

    shared = client.scatter(pieces, broadcast=True)
    futures = {client.submit(_run, shared, k, pure=False): k for k in numbers}
    for future in as_completed(futures):
        keep(futures[future], future.result())


def _run(pieces: Pieces, number: int) -> Arrays:
    return pieces.run(number)


def _in_threads(pieces: Pieces, numbers: list[int], count: int, keep: Keep) -> None:
    from dask import compute, delayed

    pieces.prepare()
    one_at_a_time = threading.Lock()

    def piece(number: int) -> None:
        arrays = pieces.run(number)
        with one_at_a_time:
            keep(number, arrays)

    for group in _groups(numbers, 4 * count):
        tasks = [delayed(piece, pure=False)(k) for k in group]
        if count == 1:
            compute(*tasks, scheduler="synchronous")
        else:
            compute(*tasks, scheduler="threads", num_workers=count)


def _groups(numbers: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


class _Store:
    """Finished pieces as files, named by the work's fingerprint."""

    def __init__(self, pieces: Pieces, folder: Path | str | None) -> None:
        self._pieces = pieces
        self._folder = None if folder is None else Path(folder)
        self._plan = pieces.fingerprint()
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        note = self._folder / "plan.txt"
        if note.exists() and note.read_text("utf-8") != self._plan:
            raise ValueError(f"{pieces.title}: {self._folder} holds batches of another plan")
        note.write_text(self._plan, "utf-8")

    def load(self) -> Iterator[tuple[int, Arrays]]:
        """Pieces finished earlier."""
        if self._folder is None:
            return
        for number in range(self._pieces.batches):
            path = self._path(number)
            if path.exists():
                yield number, self._read(path, number)

    def save(self, number: int, arrays: Arrays) -> None:
        """Write a piece whole or not at all."""
        if self._folder is None:
            return
        path = self._path(number)
        own: dict[str, Any] = {"plan": np.frombuffer(self._plan.encode(), np.uint8), **arrays}
        with replacing(path) as part, open(part, "wb") as file:
            np.savez(file, **own)

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"batch_{number:05d}.npz"

    def _read(self, path: Path, number: int) -> Arrays:
        """A piece from its file: the arrays of its layout, beside ``plan``."""
        title = self._pieces.title
        kept = load_npz(path)
        own = kept.get("plan")
        if own is None or own.tobytes() != self._plan.encode():
            raise ValueError(f"{title}: {path} is a batch of another plan, or of none")
        wanted = self._pieces.layout(number)
        for name, (shape, kind) in wanted.items():
            array = kept.get(name)
            if array is None or array.shape != shape or array.dtype != kind:
                raise ValueError(
                    f"{title}: {path} is damaged, it has no {name} of {_sizes(shape)}; take it "
                    "away, and it is computed again"
                )
        return {name: kept[name] for name in wanted}


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + " numbers"
