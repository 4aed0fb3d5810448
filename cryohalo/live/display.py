"""What a session shows of its RunEngine: rows, progress, holds, ends; or nothing; or JSON.

Subscribed after the catalog's writer. Whatever goes wrong in showing is logged once and ends no
plan.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from typing import Any, Final, Protocol

from bluesky import RunEngine
from rich.console import Console

from cryohalo.live.bars import Bars, Lines, Step, following, total_of
from cryohalo.live.json_lines import JsonLines
from cryohalo.live.table import Table
from instruments.printable import escaped

__all__ = ["MODES", "Display", "Shower", "shower"]

log = logging.getLogger("cryohalo.live")

#: How a session can show what happens.
MODES: Final = ("live", "quiet", "json")
#: Widest row on a terminal, and of one that goes to a file or a notebook.
_WIDEST: Final = 160
_PIPED: Final = 110


class Shower(Protocol):
    """What a display passes on to."""

    def document(self, name: str, document: Mapping[str, Any]) -> None:
        """A document."""

    def waiting(self, statuses: Iterable[Any] | None) -> None:
        """The RunEngine waits for these; None: no longer."""

    def state(self, state: str, plan: str = "") -> None:
        """The RunEngine is now in this state, with this plan."""

    def held(self, reason: str) -> None:
        """A suspender holds the plan."""


class Display:
    """Shows what a RunEngine does, until it is closed.

    Args:
        engine: The RunEngine.
        shows: How.
    """

    def __init__(self, engine: RunEngine, shows: Shower) -> None:
        self._engine, self._shows = engine, shows
        self._before = engine.waiting_hook, engine.state_hook
        self._suspend = engine.request_suspend
        self._token = engine.subscribe(guarded(shows.document))
        engine.waiting_hook = guarded(shows.waiting)  # type: ignore[assignment]
        engine.state_hook = guarded(self._state)  # type: ignore[assignment]
        engine.request_suspend = self._held  # type: ignore[method-assign]

    def _state(self, now: object, _before: object) -> None:
        self._shows.state(str(now), self._plan())

    def _plan(self) -> str:
        """Name of the plan that runs, as far as it has one."""
        plan = getattr(self._engine, "_plan", None)
        plan = getattr(plan, "_iter", plan)  # bluesky's own plans are wrapped
        return str(getattr(plan, "__name__", None) or "plan")

    def _held(self, *args: Any, justification: str | None = None, **kwargs: Any) -> None:
        guarded(self._shows.held)(justification or "no reason is given")
        self._suspend(*args, justification=justification, **kwargs)

    def close(self) -> None:
        """Leave the RunEngine as it was."""
        self._engine.unsubscribe(self._token)
        self._engine.waiting_hook, self._engine.state_hook = self._before
        self._engine.request_suspend = self._suspend  # type: ignore[method-assign]
        guarded(self._shows.state)("idle")


def guarded(show: Callable[..., None]) -> Callable[..., None]:
    """``show``, which fails no caller: each kind of failure is logged once."""
    told: set[str] = set()

    @wraps(show)
    def shown(*args: Any, **kwargs: Any) -> None:
        try:
            show(*args, **kwargs)
        except Exception as error:
            if type(error).__name__ not in told:
                told.add(type(error).__name__)
                log.warning("not shown: %s %s", type(error).__name__, escaped(error))

    return shown


def shower(
    mode: str,
    console: Console,
    speed: Callable[[], float] = lambda: 1.0,
    expected_s: float | None = None,
) -> Shower:
    """What shows in this mode.

    Args:
        mode: One of ``MODES``.
        console: Where it goes; bars are drawn where it is a terminal.
        speed: Simulated seconds in a real one, 0 where nobody knows.
        expected_s: Wall seconds that the plan takes, by its rehearsal.

    Raises:
        ValueError: There is no such mode.
    """
    if mode == "live":
        return Live(console, speed, expected_s)
    if mode == "quiet":
        return Quiet()
    if mode == "json":
        return JsonLines(console.file)
    raise ValueError(f"there is no mode {mode!r:.40}: {', '.join(MODES)}")


class Quiet:
    """Shows nothing. What holds a plan the RunEngine prints itself."""

    def document(self, name: str, document: Mapping[str, Any]) -> None:
        """Nothing."""

    def waiting(self, statuses: Iterable[Any] | None) -> None:
        """Nothing."""

    def state(self, state: str, plan: str = "") -> None:
        """Nothing."""

    def held(self, reason: str) -> None:
        """Nothing."""


class Live:
    """Rows for events, bars or lines for what lasts.

    Args:
        console: Where it goes.
        speed: Simulated seconds in a real one, 0 where nobody knows.
        expected_s: Wall seconds that the plan takes, by its rehearsal; None where nobody knows.
    """

    def __init__(
        self, console: Console, speed: Callable[[], float], expected_s: float | None = None
    ) -> None:
        self._expected_s = expected_s
        out = partial(console.print, markup=False, highlight=False, soft_wrap=True)
        on_terminal = console.is_terminal and not console.is_jupyter
        # Without a terminal, print finds the cell or the file that it is called from.
        line: Callable[[str], None] = out if on_terminal else partial(_print, console)
        width = console.width if on_terminal else _PIPED
        self._table = Table(line, width=min(_WIDEST, width))
        self._bars: Bars | Lines = Bars(console) if on_terminal else Lines(line)
        self._speed = speed
        self._runs: dict[str, Step] = {}
        self._streams: dict[str, tuple[str, str]] = {}
        self._moves: list[Step] = []
        self._whole: Step | None = None

    def document(self, name: str, document: Mapping[str, Any]) -> None:
        """A row, and how far its run is."""
        self._table(name, document)
        if name == "start":
            self._begin(document)
        elif name == "descriptor":
            self._streams[document["uid"]] = document["run_start"], document.get("name", "")
        elif name == "event":
            self._event(document)
        elif name == "stop":
            step = self._runs.pop(document["run_start"], None)
            if step is not None:
                self._bars.remove(step)
            self._streams = {
                uid: of for uid, of in self._streams.items() if of[0] != document["run_start"]
            }

    def _begin(self, start: Mapping[str, Any]) -> None:
        seconds, speed = start.get("expected_duration_s"), self._speed()
        known = isinstance(seconds, int | float) and speed > 0.0
        step = Step(
            str(start.get("plan_name") or "run"),
            total_of(start),
            float(seconds) / speed if known else None,  # type: ignore[arg-type]
        )
        self._runs[start["uid"]] = step
        self._bars.add(step)

    def _event(self, event: Mapping[str, Any]) -> None:
        run, stream = self._streams.get(event["descriptor"], ("", ""))
        step = self._runs.get(run)
        if step is not None and stream == "primary":
            step.advanced(step.done + 1)
            self._bars.update(step)

    def waiting(self, statuses: Iterable[Any] | None) -> None:
        """Follow what the RunEngine waits for."""
        for step in self._moves:
            self._bars.remove(step)
        self._moves = []
        for status in statuses or ():
            if not status.done:
                self._follow(status)

    def _follow(self, status: Any) -> None:
        expected_s = getattr(status, "expected_s", None)
        latest_s = getattr(status, "latest_s", None)
        step = Step(_name_of(status), expected_s=expected_s, latest_s=latest_s)
        self._moves.append(step)
        self._bars.add(step)
        if not hasattr(status, "watch"):
            return
        told = following(step)

        def follow(**what: Any) -> None:
            told(**what)
            self._bars.update(step)

        status.watch(guarded(follow))

    def state(self, state: str, plan: str = "") -> None:
        """Bars while a plan runs, the terminal to the prompt otherwise."""
        if state == "running":
            if self._whole is None:
                self._whole = Step(plan, expected_s=self._expected_s)
                self._whole.alone = self._expected_s is None
                self._bars.add(self._whole)
            self._bars.open()
        elif state in ("idle", "paused", "panicked"):
            self.waiting(None)
            self._bars.shut()
        if state == "idle":
            for step in (*self._runs.values(), self._whole):
                if step is not None:
                    self._bars.remove(step)
            self._runs, self._whole = {}, None

    def held(self, reason: str) -> None:
        """The RunEngine prints the reason; bars of runs say that they are held."""
        for step in self._runs.values():
            step.note = "held"


def _name_of(status: Any) -> str:
    of = (getattr(status, part, None) for part in ("obj", "device", "pos"))
    return next((str(device.name) for device in of if device is not None), "waiting")


def _print(console: Console, text: str) -> None:
    print(text, file=sys.stdout if console.file is sys.__stdout__ else console.file, flush=True)
