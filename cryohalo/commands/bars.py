"""How far a long command is, and when it will end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["Bar"]


class Bar:
    """Pieces done, and when all will be: a bar on a terminal, else a line now and then.

    Args:
        title: What is counted.
        total: How many.
        console: Where it goes.
    """

    def __init__(self, title: str, total: int, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )  # fmt: skip
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task(title, total=total)
        self._title, self._console = title, console
        self._began, self._told = datetime.now(), 0
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """So many are done; those of an earlier run say nothing about the time that one takes."""
        self._bar.update(self._task, completed=done, total=total)
        if self._first is None:
            self._first = done - 1
        if self._console.is_terminal or done * 10 // total == self._told * 10 // total:
            return
        self._told = done
        spent = (datetime.now() - self._began).total_seconds()
        left = timedelta(seconds=spent * (total - done) / (done - self._first))
        end = datetime.now() + left
        self._console.print(f"{self._title}: {done} of {total}, done at about {end:%H:%M:%S}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
