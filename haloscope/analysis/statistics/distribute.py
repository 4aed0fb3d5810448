"""Monte Carlo batches on Dask, by ``instruments.batches``: kept as files, resumed, shared out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from haloscope.analysis.statistics.montecarlo import Batch, Outcome, Plan, merge, run_batch
from instruments import batches
from instruments.batches import Arrays, Progress


@dataclass(frozen=True)
class _Experiments:
    """A plan as pieces of work."""

    plan: Plan
    title = "Monte Carlo"

    @property
    def batches(self) -> int:
        return self.plan.batches

    def fingerprint(self) -> str:
        return self.plan.fingerprint()

    def prepare(self) -> None:
        self.plan.prepare()

    def layout(self, number: int) -> Mapping[str, tuple[tuple[int, ...], type]]:
        return {item.name: ((self.plan.size(number),), np.float64) for item in fields(Batch)}

    def run(self, number: int) -> Arrays:
        batch = run_batch(self.plan, number)
        return {item.name: getattr(batch, item.name) for item in fields(Batch)}


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
    found = batches.run(
        _Experiments(plan), folder=folder, workers=workers, client=client, progress=progress
    )
    return merge(plan, [Batch(**arrays) for arrays in found])
