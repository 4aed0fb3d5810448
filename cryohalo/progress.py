"""Progress of a session's runs on a terminal; plain lines where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from haloscope.analysis.exchange.keys import AmbiguousFieldError, value_in

if TYPE_CHECKING:
    from cryohalo.session import Session


class Progress:
    """A bar for each run: its events counted, one of its readings shown.

    Args:
        console: Where it goes; not a terminal, each run ends in one line instead.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[reading]:<42}"),
            TimeElapsedColumn(),
        )
        self._bars = Bars(*columns, console=console, disable=not console.is_terminal)

    def note(self, text: str) -> None:
        """One line about what has been reached."""
        self._console.print(f"  {text}")

    @contextmanager
    def runs(
        self,
        session: Session,
        title: str,
        unit: str,
        field: str,
        egu: str,
        total: int | None = None,
    ) -> Iterator[None]:
        """Follow the runs that a session makes while the context lasts.

        Args:
            session: Whose documents to follow.
            title: Name of the bar.
            unit: What the events are, e.g. ``"cycles"``.
            field: The reading to show, with or without its instrument's name.
            egu: Its unit.
            total: How many events are expected, if known.
        """
        task = self._bars.add_task(title, total=total, reading="")
        follower = _Follower(field, egu)

        def show(name: str, document: Mapping[str, Any]) -> None:
            if follower.sees(name, document):
                self._bars.update(task, completed=follower.count, reading=follower.reading)

        token = session.run_engine.subscribe(show)
        try:
            yield
        finally:
            session.run_engine.unsubscribe(token)
            self._bars.update(task, total=follower.count or 1)
        if not self._console.is_terminal:
            self.note(f"{title}: {follower.count} {unit}, {follower.reading}")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


class _Follower:
    """Counts the events that hold a field and keeps its last value as text."""

    def __init__(self, field: str, egu: str) -> None:
        self.field, self.egu = field, egu
        self.count = 0
        self.reading = ""

    def sees(self, name: str, document: Mapping[str, Any]) -> bool:
        """Take a document; whether it changed what is shown."""
        try:
            value = value_in(document["data"], self.field) if name == "event" else None
        except AmbiguousFieldError:  # nothing shown may end the run
            return False
        if value is None:
            return False
        self.count += 1
        # A number; of anything else (an array, a text) only that it came.
        text = f"{value:.6g} {self.egu}" if isinstance(value, Real) else "read"
        self.reading = f"{self.field.replace('_', ' ')} {text}"
        return True
