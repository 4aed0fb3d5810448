"""Ask a scipy optimiser for its next point, tell it what was measured there.

scipy's optimisers call a function; a plan cannot be called. So the optimiser runs in a thread of
its own, whose function hands the point to the plan and waits for the answer.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

__all__ = ["Optimizer"]

#: Seconds that the optimiser may think over its next point.
THINKING_S = 60.0


class _EndedError(Exception):
    """Ends the optimiser's thread when the plan is over."""


class Optimizer:
    """A minimiser to be asked and told, as a context manager.

    Args:
        bounds: (low, high) of each variable.
        points: Measurements at most.
        start: First point; the middle of the bounds if not given.

    Attributes:
        best: The best point so far (n,).
        count: Points measured.
    """

    def __init__(
        self,
        bounds: Sequence[tuple[float, float]],
        points: int,
        start: Sequence[float] | None = None,
    ) -> None:
        self._low = np.array([low for low, _ in bounds])
        self._width = np.array([high - low for low, high in bounds])
        if len(bounds) == 0 or not np.all(self._width > 0) or points < 1:
            raise ValueError(f"cannot optimise within {list(bounds)} with {points} points")
        middle = self._low + self._width / 2
        self._start = (np.asarray(start if start is not None else middle) - self._low) / self._width
        self._points = points
        self._asked: queue.SimpleQueue[NDArray[np.float64] | None] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="optimizer", daemon=True)
        self._last = middle
        self._lowest = math.inf
        self.best = middle
        self.count = 0

    def __enter__(self) -> Optimizer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._told.put(None)
        self._thread.join(THINKING_S)

    def ask(self) -> NDArray[np.float64] | None:
        """The next point to measure (n,), or None at the end."""
        if self.count >= self._points:
            return None
        point = self._asked.get(timeout=THINKING_S)
        if point is not None:
            self._last = point
        return point

    def tell(self, value: float) -> None:
        """What was measured at the point last asked for; lower is better."""
        self.count += 1
        if value < self._lowest:
            self._lowest, self.best = value, self._last
        self._told.put(float(value))

    def _measure(self, unit: NDArray[np.float64]) -> float:
        self._asked.put(self._low + np.clip(unit, 0.0, 1.0) * self._width)
        value = self._told.get()
        if value is None:
            raise _EndedError
        return value

    def _run(self) -> None:
        options: dict[str, Any] = {
            "maxfev": self._points,
            "initial_tr_radius": 0.25,
            "final_tr_radius": 0.01,
        }
        box = [(0.0, 1.0)] * len(self._start)
        try:
            minimize(  # type: ignore[call-overload]
                self._measure, self._start, method="COBYQA", bounds=box, options=options
            )
        except _EndedError:
            return
        self._asked.put(None)
