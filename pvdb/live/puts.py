"""The one way a put goes: checked, acted on, and complete when it has had its effect.

A put is checked against its record and handed to the record's ``write``, which refuses before
anything moves. A record with ``done`` lets its put wait until that is true; what a second put does
meanwhile is the record's busy rule (``OnBusy``). A back end asks after every step which puts have
had their effect, posts the readbacks, and only then completes the puts that wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instruments.errors import Refused
from pvdb.records import OnBusy, Record, Value
from pvdb.records.checking import checked

log = logging.getLogger("cryohalo.pvdb")

#: Told once how a put ended: None, or why it never will have its effect.
Completed = Callable[[Refused | None], None]


class Superseded(Refused):
    """A put was accepted, and ended by a later one or by a command before it had its effect."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A put that has not had its effect yet.

    Attributes:
        record: What was put to.
        completed: Told how it ended.
        abandoned: Whether nobody waits for it any more.
    """

    record: Record
    completed: Completed
    abandoned: Callable[[], bool]

    def outcome(self) -> Refused | bool:
        """False while it goes on, True when done, the refusal when it never will be."""
        if self.abandoned():
            return True
        assert self.record.done is not None
        try:
            return bool(self.record.done())
        except Refused as refusal:
            return refusal
        except Exception as error:
            log.exception("asking whether a put to %s has completed failed", self.record.name)
            return _internal(self.record, error)


def _never() -> bool:
    return False


class Puts:
    """The puts of one table of records, and who waits for them."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._ended = ""

    def __bool__(self) -> bool:
        """Whether a put has not completed yet."""
        return bool(self._waiting)

    def act(self, record: Record, data: Any) -> Value:
        """Check ``data`` and let the record act on it.

        Returns:
            The value as the record took it.

        Raises:
            Refused: It does not fit, the record is busy, its ``write`` refuses, or all has ended;
                nothing moved.
        """
        if record.write is None:
            raise Refused(f"{record.name} is read-only")
        if self._ended:
            raise Refused(f"{record.name}: {self._ended}")
        try:
            value = checked(record, data)
        except Refused:
            if record.secret:  # nothing of it is quoted
                at_most = f"{record.name} takes a text of up to {record.length} bytes"
                raise Refused(at_most) from None
            raise
        if record.on_busy is OnBusy.REFUSE and self.busy(record):
            raise Refused(f"{record.name} is busy with the last put")
        try:
            record.write(value)
        except Refused:
            raise
        except Exception as error:  # a fault of one record refuses one put, and ends no IOC
            if record.secret:  # not even what a traceback says
                log.error("putting to %s failed: %s", record.name, type(error).__name__)
                raise Refused(f"{record.name}: internal error") from None
            log.exception("putting %r to %s failed", data, record.name)
            raise _internal(record, error) from error
        return value

    def busy(self, record: Record) -> bool:
        """Whether somebody still waits for an earlier put to this record."""
        return any(w.record.name == record.name and not w.abandoned() for w in self._waiting)

    def wait(
        self, record: Record, completed: Completed, abandoned: Callable[[], bool] = _never
    ) -> bool:
        """Let a put that was acted on wait for its effect; its rivals end as superseded.

        Returns:
            Whether there is something to wait for: False where it has had its effect already, and
            ``completed`` will then not be called.
        """
        if record.on_busy is OnBusy.SUPERSEDE:
            self._supersede(record)
        waiting = Waiting(record, completed, abandoned)
        if waiting.outcome() is True:
            return False
        self._waiting.append(waiting)
        return True

    def _supersede(self, later: Record) -> None:
        """End the earlier puts to this record, and to others that set the same thing."""
        rivals = [w for w in self._waiting if _same_target(w.record, later)]
        for rival in rivals:
            self._waiting.remove(rival)
        for (
            rival
        ) in rivals:  # only after all are removed: a completed put's client may put again at once
            if not rival.abandoned():
                why = f"{rival.record.name}: superseded by a later put to {later.name}"
                rival.completed(Superseded(why))

    def end(self, why: str) -> None:
        """Refuse every put from now on; those that wait end with an error.

        Args:
            why: In words, e.g. "the IOC is ending".
        """
        self._ended = why
        waiting, self._waiting = self._waiting, []
        for put in waiting:
            if not put.abandoned():
                put.completed(Refused(f"{put.record.name}: {why}"))

    def settled(self) -> bool:
        """Whether some put has had its effect, or never will."""
        return any(waiting.outcome() is not False for waiting in self._waiting)

    def take_settled(self) -> list[tuple[Waiting, Refused | None]]:
        """Those puts, with how they ended; they are no longer waited for here.

        The readbacks are to be posted before ``completed`` is called: who hears that a put is
        complete must see what it changed.
        """
        ended: list[tuple[Waiting, Refused | None]] = []
        for waiting in self._waiting:
            outcome = waiting.outcome()
            if outcome is not False:
                ended.append((waiting, outcome if isinstance(outcome, Refused) else None))
        gone = {id(waiting) for waiting, _ in ended}
        self._waiting = [waiting for waiting in self._waiting if id(waiting) not in gone]
        return ended


def _same_target(earlier: Record, later: Record) -> bool:
    if later.target and earlier.target == later.target:
        return True
    return earlier.name == later.name


def _internal(record: Record, error: Exception) -> Refused:
    return Refused(f"{record.name}: internal error, {type(error).__name__}: {error}")
