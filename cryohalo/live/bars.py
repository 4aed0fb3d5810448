"""How far runs and moves are and when they will end: bars on a terminal, else a line now and then.

Only what lasts longer than two seconds is shown. Nothing here may end a run or a move: who calls it
(a RunEngine, the thread that follows a motor) is guarded in ``cryohalo.live.display``.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn
from rich.text import Text

from cryohalo.live.numbers import duration, format_of
from instruments.printable import escaped

__all__ = ["SHOWN_AFTER_S", "Bars", "Lines", "Step", "expected_end"]

SHOWN_AFTER_S: Final = 2.0
#: Where there is no terminal, a line at most so often, wall seconds.
LINE_EVERY_S: Final = 10.0
#: So many moments of a step are kept; its pace is that of the last quarter.
_KEPT: Final = 16


class Step:
    """Something under way whose end can be expected: a run, a move, an acquisition.

    Args:
        title: What it is.
        total: How many pieces it has; None if that is not known.
        expected_s: Wall seconds it is expected to take, before any piece says it better.
        latest_s: Wall seconds after which it is given up; told where no end can be expected.
        clock: Wall time, s.

    Attributes:
        alone: It is shown only where nothing else is: a plan beside its own runs and moves.
    """

    def __init__(
        self,
        title: str,
        total: float | None = None,
        expected_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        latest_s: float | None = None,
    ) -> None:
        self.title, self.total, self.expected_s = title, total, expected_s
        self.latest_s = latest_s
        self.done = 0.0
        self._note: str | Callable[[], str] = ""
        self.alone = False
        self._clock = clock
        self._began = self._told = clock()
        self._past: deque[tuple[float, float]] = deque([(self._began, 0.0)], maxlen=_KEPT)

    @property
    def note(self) -> str:
        """What is told beside how much is done."""
        return self._note if isinstance(self._note, str) else self._note()

    @note.setter
    def note(self, note: str | Callable[[], str]) -> None:
        self._note = note

    def advanced(self, done: float, note: str | Callable[[], str] = "") -> None:
        """So many pieces are done by now; a note that is called is so when it is shown."""
        self.done, self._note, self._told = done, note, self._clock()
        if self._told - self._past[-1][0] >= self.elapsed_s / _KEPT:
            self._past.append((self._told, done))

    @property
    def elapsed_s(self) -> float:
        """Since it began."""
        return self._clock() - self._began

    @property
    def fraction(self) -> float | None:
        """How much of it is done, 0 to 1, None if that is not known."""
        if self.total:
            return min(1.0, self.done / self.total)
        if self.expected_s:
            return min(1.0, self.elapsed_s / self.expected_s)
        return None

    @property
    def remaining_s(self) -> float:
        """Until its end, by the pieces done, else by what was expected; NaN if nobody knows.

        What comes slower and slower (a temperature on its way) is taken at its pace of late.
        """
        if self.total and self.done > 0:
            since_s, before = self._past[-1 - len(self._past) // 4]
            if self.done <= before:  # nothing has come of late
                since_s, before = self._began, 0.0
            each_s = (self._told - since_s) / (self.done - before)
            return max(0.0, (self.total - self.done) * each_s - (self._clock() - self._told))
        if self.expected_s is None:
            return math.nan
        return max(0.0, self.expected_s - self.elapsed_s)

    def words(self) -> str:
        """What is done, how long it took, when it ends."""
        done = f"{self.done:g} of {self.total:g}" if self.total and self.total > 1 else ""
        if self.total is None and self.done:
            done = f"{self.done:g} so far"
        parts = (done, self.note, duration(self.elapsed_s), self._end())
        return ", ".join(part for part in parts if part)

    def _end(self) -> str:
        """When it ends, else when it is given up; that nobody knows is said, too."""
        if told := expected_end(self.remaining_s):
            return told
        left_s = math.nan if self.latest_s is None else max(0.0, self.latest_s - self.elapsed_s)
        latest = expected_end(left_s).replace("ends", "at the latest", 1)
        return latest or "its end is not known"


def expected_end(remaining_s: float) -> str:
    """When that will be: ``ends 20:45:10``, with the day if it is another one."""
    if not math.isfinite(remaining_s):
        return ""
    now = datetime.now()
    try:
        end = now + timedelta(seconds=remaining_s)
    except OverflowError:
        return ""
    return f"ends {end:%H:%M:%S}" if end.date() == now.date() else f"ends {end:%a %d %b %H:%M}"


def following(step: Step) -> Callable[..., None]:
    """A watcher for a status of a move, as ``MoveStatus.watch`` takes it."""

    def told(*, fraction: Any = None, current: Any = None, target: Any = None, **more: Any) -> None:
        unit = str(more.get("unit") or "")
        places = more.get("precision")
        note: str | Callable[[], str] = ""
        if current is not None and target is not None:
            places = places if isinstance(places, int) else None
            note = partial(_place, current, target, unit, places)
            if type(current) is not float or type(target) is not float:
                note = note()  # what cannot be shown fails here, where it is guarded
        if fraction is not None:  # ophyd tells what is left
            step.total = 1.0
            step.advanced(1.0 - float(fraction), note)
        else:
            step.note = note

    return told


def _place(current: Any, target: Any, unit: str, places: int | None) -> str:
    form = format_of(target, unit, places)
    return f"{form(current)} of {form.told(target)}"


class Bars:
    """Bars on a terminal, drawn four times a second by rich.

    Args:
        console: A terminal.
    """

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), _Words())
        self._bars = _Late(*columns, console=console, transient=True)
        self._tasks: dict[Step, Any] = {}
        self._lock = threading.Lock()
        self._open = False

    def open(self) -> None:
        """A plan begins, or goes on."""
        with self._lock:
            if not self._open:
                self._open = True
                self._bars.start()

    def shut(self) -> None:
        """A plan ends, or pauses: the prompt has the terminal."""
        with self._lock:
            if self._open:
                self._open = False
                self._bars.stop()

    def add(self, step: Step) -> None:
        """Show a step once it has lasted long enough."""
        title = escaped(step.title, 40)
        self._tasks[step] = self._bars.add_task(title, total=1.0, step=step)

    def update(self, step: Step) -> None:
        """The next drawing asks the step itself."""

    def remove(self, step: Step) -> None:
        """A step has ended."""
        task = self._tasks.pop(step, None)
        if task is not None:
            self._bars.remove_task(task)


class _Late(Progress):
    """Shows tasks that have lasted for a while."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars drawn now."""
        late = []
        for task in self.tasks:
            step = task.fields["step"]
            if step.elapsed_s >= SHOWN_AFTER_S:
                task.total = None if step.fraction is None else 1.0
                task.completed = step.fraction or 0.0
                late.append(task)
        if any(not task.fields["step"].alone for task in late):
            late = [task for task in late if not task.fields["step"].alone]
        if late:
            yield self.make_tasks_table(late)


class _Words(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(task.fields["step"].words())


class Lines:
    """Lines where there is no terminal: a notebook, a file, a pipe.

    Args:
        out: Takes a line.
        clock: Wall time, s.
    """

    def __init__(
        self, out: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._clock = out, clock
        self._told = clock()
        self._steps: list[Step] = []
        self._shut: threading.Event | None = None

    def open(self) -> None:
        """A plan begins, or goes on."""
        self._told = self._clock()
        if self._shut is None:
            self._shut = threading.Event()
            threading.Thread(target=self._look_on, args=(self._shut,), daemon=True).start()

    def shut(self) -> None:
        """A plan ends, or pauses."""
        if self._shut is not None:
            self._shut.set()
            self._shut = None

    def add(self, step: Step) -> None:
        """Nothing is told of what has just begun."""
        self._steps.append(step)

    def update(self, step: Step) -> None:
        """Tell how far a step is, unless something was told a moment ago."""
        now = self._clock()
        if step.elapsed_s >= SHOWN_AFTER_S and now - self._told >= LINE_EVERY_S:
            self._told = now
            self._out(f"{escaped(step.title, 40)}: {step.words()}")

    def remove(self, step: Step) -> None:
        """A step has ended."""
        if step in self._steps:
            self._steps.remove(step)

    def look(self) -> None:
        """Tell of what tells nothing by itself: the newest, and a plan where it has no step."""
        steps = sorted(self._steps, key=lambda step: not step.alone)
        if steps:
            self.update(steps[-1])

    def _look_on(self, shut: threading.Event) -> None:
        while not shut.wait(LINE_EVERY_S):
            self.look()


def total_of(start: Mapping[str, Any]) -> int | None:
    """How many events of its main stream a run will have, as far as its plan says so."""
    found = start.get("num_points")
    whole = isinstance(found, int) and not isinstance(found, bool) and found > 0
    return found if whole else None
