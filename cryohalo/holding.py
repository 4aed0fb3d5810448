"""A plan whose message fails because an IOC went away is held, not ended."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bluesky import RunEngine
from bluesky.utils import Msg

from devices.signals.reading import LOST
from devices.waiting.watchdogs import HOLD_GRACE_S, RECONNECT_S

__all__ = ["hold_before_failing"]

#: Messages that ask a device and change nothing: they may be tried again.
READING: Final = ("read", "locate", "declare_stream")
#: Others that ask a device something at once: they raise when its IOC goes away meanwhile.
ASKING: Final = ("set", "trigger", "stage", "unstage", "configure", "monitor", "create", "save")

Command = Callable[[Msg], Awaitable[Any]]


def hold_before_failing(engine: RunEngine) -> None:
    """Let a suspender hold the plan whose message fails because an IOC went away.

    Such a failure comes at once, in the RunEngine's own thread; the loss of the IOC, by which its
    suspender acts, comes from another. Told first, the failure would end the plan that was to be
    held. As with statuses (``end_unless_held``) it waits ``HOLD_GRACE_S``: a suspension cancels
    the message, and the step is taken again from its checkpoint. Without one it is told then.

    Nor does a status of before a hold end the plan when it fails by the loss (``_Holds``).

    An IOC's channels come back one after the other, and the plan goes on with the first: a reading
    is tried again for ``RECONNECT_S``.
    """
    _Holds(engine)
    answers = _Answers(engine)
    for name in (*READING, *ASKING):
        command = engine._command_registry[name]  # noqa: SLF001  (bluesky offers no public way)
        times = round(RECONNECT_S / HOLD_GRACE_S) if name in READING else 0
        engine.register_command(name, answers.kept_of(_patient(command, times)))


def _patient(command: Command, times: int) -> Command:
    async def patient(message: Msg) -> Any:
        for _ in range(times):
            try:
                return await command(message)
            except LOST:
                await asyncio.sleep(HOLD_GRACE_S)
        try:
            return await command(message)
        except LOST:
            await asyncio.sleep(HOLD_GRACE_S)
            raise

    return patient


class _Answers:
    """Gives a plan the answer to a message that was cancelled and taken again.

    bluesky (1.15.1) takes a cancelled message again from its cache, but the plan that sent it is
    told None: it would compute with a reading that it never got.
    """

    def __init__(self, engine: RunEngine) -> None:
        self._engine = engine
        # By the message's identity: the message, kept so that no other gets its identity, and the
        # place of its plan in the RunEngine's stacks.
        self._cancelled: dict[int, tuple[Msg, int]] = {}

    def kept_of(self, command: Command) -> Command:
        """The command, whose late answer reaches the plan that asked first."""

        async def kept(message: Msg) -> Any:
            place = len(self._engine._plan_stack) - 1  # noqa: SLF001
            try:
                answer = await command(message)
            except asyncio.CancelledError:
                self._cancelled.setdefault(id(message), (message, place))
                raise
            if first := self._cancelled.pop(id(message), None):
                self._engine._response_stack[first[1]] = answer  # noqa: SLF001
            return answer

        return kept


class _Holds:
    """Pardons statuses that fail by the loss of an IOC once a hold has put them out of date.

    A hold first stops what moves, which takes long where an IOC does not answer, and then takes the
    step again from its checkpoint. A status of before that fails meanwhile, or later, would end the
    plan that is held: bluesky (1.15.1) pardons only those of runs that are over.
    """

    def __init__(self, engine: RunEngine) -> None:
        self._engine = engine
        self._number = 0
        # By status: the number of holds before it was begun.
        self._begun: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._request, self._add = engine.request_suspend, engine._add_status_to_group  # noqa: SLF001
        self._completed = engine._status_object_completed  # noqa: SLF001
        self._start = engine._command_registry["_start_suspender"]  # noqa: SLF001
        engine.request_suspend = self._requested  # type: ignore[method-assign]
        engine._add_status_to_group = self._added  # type: ignore[method-assign]  # noqa: SLF001
        engine._status_object_completed = self._ended  # type: ignore[method-assign]  # noqa: SLF001
        engine.register_command("_start_suspender", self._started)

    def _requested(self, *args: Any, **kwargs: Any) -> None:
        if self._engine.resumable:
            self._number += 1
        self._request(*args, **kwargs)

    async def _started(self, message: Msg) -> Any:
        answer = await self._start(message)
        # What the plan began between request and hold is taken again, too.
        self._number += 1
        return answer

    def _added(self, obj: Any, status_object: Any, group: Any, action: str) -> None:
        self._begun[status_object] = self._number
        self._add(obj, status_object, group, action)

    def _ended(self, ret: Any, fut: asyncio.Future[None], pardon_failures: asyncio.Event) -> None:
        out_of_date = self._begun.get(ret, self._number) < self._number
        if out_of_date and not ret.success and isinstance(ret.exception(timeout=0), LOST):
            fut.set_result(None)
            return
        self._completed(ret, fut, pardon_failures)
