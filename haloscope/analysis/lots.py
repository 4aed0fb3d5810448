"""Spectra of a scan that wait to be taken together by the online analysis.

Whatever is done to one spectrum costs some thousand calls of small functions, and to a few dozen of
them a few times as many. So they wait for each other where that changes nothing: while they follow
each other in one run, about targets whose windows overlap, with the same things measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haloscope.analysis.blocks import BLOCK
from haloscope.analysis.exchange.events import Event
from instruments.ranges import within

__all__ = ["Lot"]


class Lot:
    """Spectra that wait.

    Args:
        most: So many are a full lot; one never waits for another then.

    Raises:
        ValueError: A lot of none, or of more than are treated together.
    """

    def __init__(self, most: int) -> None:
        within("spectra taken together", most, 1, BLOCK, "")
        self._most = most
        self._events: list[Event] = []
        self._descriptor: object = None

    @property
    def full(self) -> bool:
        """Whether there are as many as are taken together."""
        return len(self._events) >= self._most

    def goes_on_with(self, name: str, document: Mapping[str, Any]) -> bool:
        """Whether a document changes nothing for those that wait: an event of their stream.

        A start document may bring a calibration, and another run another apparatus.
        """
        if not self._events:
            return True
        return name == "event" and document.get("descriptor") == self._descriptor

    def holds(self, event: Event, window_hz: float) -> bool:
        """Whether a spectrum can be taken together with those that wait.

        Args:
            event: The spectrum.
            window_hz: Width of its window: where windows do not meet, bins between them would be
                worked out for nothing.
        """
        if not self._events:
            return True
        last = self._events[-1]
        apart_hz = event.values["target_frequency_hz"] - last.values["target_frequency_hz"]
        return (
            event.run == last.run
            and event.step_hz == last.step_hz
            and event.power_w.shape == last.power_w.shape
            and event.errors.keys() == last.errors.keys()
            and abs(apart_hz) < window_hz
        )

    def add(self, event: Event, document: Mapping[str, Any]) -> None:
        """Keep a spectrum of a document."""
        self._events.append(event)
        self._descriptor = document.get("descriptor")

    def taken(self) -> list[Event]:
        """Those that wait, which do no longer."""
        events, self._events = self._events, []
        return events
