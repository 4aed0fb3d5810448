"""Numbered pieces of work: kept as they end, done once."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from instruments import batches
from instruments.batches import Arrays


class Squares:
    """Ten squares; piece ``breaks`` is interrupted the first time."""

    title = "squares"
    batches = 10

    def __init__(self, breaks: int = -1) -> None:
        self.breaks, self.done = breaks, list[int]()

    def fingerprint(self) -> str:
        return "squares"

    def prepare(self) -> None: ...

    def layout(self, number: int) -> Mapping[str, tuple[tuple[int, ...], type]]:
        return {"square": ((1,), np.float64)}

    def run(self, number: int) -> Arrays:
        if number == self.breaks:
            self.breaks = -1
            raise KeyboardInterrupt
        self.done.append(number)
        return {"square": np.array([float(number**2)])}


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    work = Squares(breaks=6)
    with pytest.raises(KeyboardInterrupt):
        batches.run(work, folder=tmp_path, workers=1)
    before = list(work.done)
    kept = {int(path.stem.removeprefix("batch_")) for path in tmp_path.glob("*.npz")}
    assert kept == set(before) != set()
    found = batches.run(work, folder=tmp_path, workers=1)
    assert [float(arrays["square"][0]) for arrays in found] == [k**2 for k in range(10)]
    assert sorted(work.done) == list(range(10))


def test_threads_do_every_piece_once(tmp_path: Path) -> None:
    work, seen = Squares(), list[int]()
    found = batches.run(work, folder=tmp_path, workers=3, progress=lambda n, _: seen.append(n))
    assert [float(arrays["square"][0]) for arrays in found] == [k**2 for k in range(10)]
    assert sorted(work.done) == list(range(10))
    assert seen == list(range(1, 11))


def test_a_damaged_piece_is_named(tmp_path: Path) -> None:
    batches.run(Squares(), folder=tmp_path, workers=1)
    path = tmp_path / "batch_00003.npz"
    plan = np.frombuffer(b"squares", np.uint8)
    np.savez(path, plan=plan, square=np.zeros(2))
    with pytest.raises(ValueError, match=r"batch_00003\.npz is damaged, it has no square of 1 num"):
        batches.run(Squares(), folder=tmp_path, workers=1)
