"""A plan whose message fails because an IOC went away is held, not ended."""

from __future__ import annotations

import asyncio
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

    An IOC's channels come back one after the other, and the plan goes on with the first: a reading
    is tried again for ``RECONNECT_S``.
    """
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
