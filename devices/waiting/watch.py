"""Values that are waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ophyd import Signal
from ophyd.status import SubscriptionStatus
from ophyd.utils.errors import InvalidState

from devices.waiting.status import Telling, mark
from devices.waiting.watchdogs import end, fail_when_late

__all__ = ["Watch"]


class Watch(Telling, SubscriptionStatus):
    """A status that ends when a signal passes a test; an exception of the test fails it.

    Args:
        signal: A signal; it is monitored from now on.
        test: Called with each value, the present one included if ``run``.
        timeout: Wall seconds after which the status fails with ``TimeoutError``.
        run: Judge the value that the monitor holds now.
        aside: A side condition, which alone is no reason for simulated time to pass.
        goal: The value at which the test passes, of a number that approaches it; for whoever shows
            progress.
    """

    _watchers: list[Callable[..., None]]

    def __init__(
        self,
        signal: Signal,
        test: Callable[[Any], bool],
        timeout: float,
        *,
        run: bool = True,
        aside: bool = False,
        goal: float | None = None,
    ) -> None:
        self.aside, self._goal = aside, goal
        self._initial: float | None = None
        mark(self)
        super().__init__(signal, test, run=run)
        self._call_stop_on_failure = False  # to look at a signal is no reason to stop it
        fail_when_late(self, timeout, f"{signal.name}: the value waited for has not come")

    def check_value(self, *_: Any, value: Any, **__: Any) -> None:
        """Judge one value; later ones no longer matter."""
        if self.done:
            return
        self._tell(value)
        try:
            if self.callback(value):
                self.set_finished()
        except InvalidState:
            return  # two values passed at once on two threads
        except Exception as error:
            end(self, error)

    def _tell(self, value: Any) -> None:
        """Tell who watches (``watch``) how far a number is from its goal, as ophyd's moves do."""
        if self._goal is None or isinstance(value, str):
            return
        current = float(value)
        if self._initial is None:
            self._initial = current
        way = abs(self._initial - self._goal)
        known = getattr(self.device, "metadata", {})
        for told in self._watchers:
            told(
                current=current,
                initial=self._initial,
                target=self._goal,
                unit=known.get("units"),
                precision=known.get("precision"),
                fraction=min(1.0, abs(current - self._goal) / way) if way else None,
            )
