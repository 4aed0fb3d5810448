"""Monte Carlo batches on Dask: local threads by default, a cluster with the same call.

Each finished batch is a small file in the given folder, so that a run that was cut off goes on
where it stopped; results are the same for any number of workers, in any order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from haloscope.analysis.statistics.montecarlo import Batch, Outcome, Plan, merge, run_batch
from instruments.npz import load_npz

Progress = Callable[[int, int], None]


def run(
    plan: Plan,
    *,
    folder: Path | str | None = None,
    workers: int | None = None,
    client: Any = None,
    progress: Progress | None = None,
) -> Outcome:
    """Run all batches of a plan.

    Args:
        plan: What to simulate.
        folder: Where finished batches are kept; None keeps them in memory only.
        workers: Local threads; the number of cores by default. Ignored with ``client``.
        client: A ``distributed.Client`` of a cluster.
        progress: Called with (batches done, batches in all) after each one.

    Raises:
        ValueError: The folder holds batches of another plan, or one that is damaged.
    """
    store = _Store(plan, folder)
    done = dict(store.load())
    missing = [number for number in range(plan.batches) if number not in done]
    for number, batch in _computed(plan, missing, workers, client):
        done[number] = batch
        store.save(number, batch)
        if progress is not None:
            progress(len(done), plan.batches)
    return merge(plan, [done[number] for number in range(plan.batches)])


def _computed(
    plan: Plan, numbers: list[int], workers: int | None, client: Any
) -> Iterator[tuple[int, Batch]]:
    if client is not None:
        from distributed import as_completed

        shared = client.scatter(plan, broadcast=True)
        futures = {client.submit(run_batch, shared, k, pure=False): k for k in numbers}
        for future in as_completed(futures):
            yield futures[future], future.result()
        return
    from dask import compute, delayed

    plan.prepare()
    count = workers or os.cpu_count() or 1
    for group in _groups(numbers, 4 * count):
        tasks = [delayed(run_batch, pure=False)(plan, k) for k in group]
        if count == 1:
            batches: Iterable[Batch] = compute(*tasks, scheduler="synchronous")
        else:
            batches = compute(*tasks, scheduler="threads", num_workers=count)
        yield from zip(group, batches, strict=True)


def _groups(numbers: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


class _Store:
    """Finished batches as files, named by the plan's fingerprint."""

    def __init__(self, plan: Plan, folder: Path | str | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._batches, self._size = plan.batches, plan.size
        self._plan = plan.fingerprint()
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        note = self._folder / "plan.txt"
        if note.exists() and note.read_text("utf-8") != self._plan:
            raise ValueError(f"Monte Carlo: {self._folder} holds batches of another plan")
        note.write_text(self._plan, "utf-8")

    def load(self) -> Iterator[tuple[int, Batch]]:
        """Batches finished earlier."""
        if self._folder is None:
            return
        for number in range(self._batches):
            path = self._path(number)
            if path.exists():
                yield number, _batch(path, self._size(number), self._plan)

    def save(self, number: int, batch: Batch) -> None:
        """Write a batch whole or not at all."""
        if self._folder is None:
            return
        path = self._path(number)
        part = path.with_suffix(".part.npz")
        plan = np.frombuffer(self._plan.encode(), np.uint8)
        np.savez(part, plan=plan, known=batch.known, fitted=batch.fitted, offset_hz=batch.offset_hz)
        part.replace(path)

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"batch_{number:05d}.npz"


def _batch(path: Path, size: int, plan: str) -> Batch:
    """A batch from its file; the names of its arrays are those of `Batch`, beside ``plan``."""
    kept = load_npz(path)
    own = kept.get("plan")
    if own is None or own.tobytes() != plan.encode():
        raise ValueError(f"Monte Carlo: {path} is a batch of another plan, or of none")
    names = [item.name for item in fields(Batch)]
    for name in names:
        array = kept.get(name)
        if array is None or array.shape != (size,) or array.dtype != np.float64:
            raise ValueError(
                f"Monte Carlo: {path} is damaged, it has no {name} of {size} experiments; "
                "take it away, and it is computed again"
            )
    return Batch(**{name: kept[name] for name in names})
