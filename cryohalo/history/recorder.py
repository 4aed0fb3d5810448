"""Channel Access subscriptions into a history, a transaction at a time.

Everything that arrives goes into a list; every ``commit_s`` another thread writes it, while the
next list fills. A kill loses what has not been written, so at most that interval (and what the
writing of the last takes). Of a number that moves all the time the last value in each interval is
kept, and every change of severity; states and texts are all kept.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aioca

from cryohalo.history.alarms import AlarmLog
from cryohalo.history.store import LOST, MICRO, Properties, Sample, Store, Value
from cryohalo.history.variables import Variable
from instruments.printable import escaped

__all__ = ["Options", "Recorder", "now_us"]

log = logging.getLogger("cryohalo.history")

#: How long an IOC may take to tell what a variable is (assumed).
PROPERTIES_TIMEOUT_S: Final = 10.0
#: Samples that may wait while the disk is full; then the oldest go, which is said.
MOST_WAITING: Final = 500_000
_FORGET_EVERY_S: Final = 3600.0
_EVENTS: Final = aioca.DBE_LOG | aioca.DBE_ALARM


def now_us() -> int:
    """Now, microseconds of the epoch."""
    return round(time.time() * MICRO)


@dataclass(frozen=True)
class Options:
    """How a history is recorded.

    Attributes:
        commit_s: Between two transactions, seconds: what a kill may lose.
        retention_s: How long samples are kept, seconds.
    """

    commit_s: float = 1.0
    retention_s: float = 30 * 86_400.0


@dataclass
class _Channel:
    """What is known of one variable."""

    variable: Variable
    connected: bool = False
    newest_us: int = 0
    severity: int = 0
    moving: Sample | None = None
    #: The kind of alarm that the log of alarms was told last.
    told: tuple[int, int] | None = None
    subscription: Any = field(default=None, repr=False)


class Recorder:
    """Records variables; use it inside a running event loop.

    Args:
        store: Where to.
        variables: What.
        hearts: Heartbeats, with their prefixes: the loss of one is an alarm, and nothing else of
            it is recorded.
        options: How.
    """

    def __init__(
        self,
        store: Store,
        variables: Sequence[Variable],
        hearts: Sequence[str] = (),
        options: Options | None = None,
    ) -> None:
        self.written = 0
        self.dropped = 0
        self._store, self._log = store, AlarmLog(store)
        self._options = options or Options()
        self._waiting: list[Sample] = []
        self._alarms: list[Sample] = []
        self._channels = {one.name: _Channel(one) for one in variables}
        self._hearts, self._heart_channels = tuple(hearts), []  # type: tuple[str, ...], list[Any]
        self._to_describe: set[str] = set()
        self._failing = False

    def open(self) -> None:
        """Begin recording."""
        self._store.begin(now_us())
        for channel in self._channels.values():
            self._store.name(channel.variable.name, channel.variable.kind)
        for name, newest in self._store.last_times().items():
            if name in self._channels:
                self._channels[name].newest_us = newest
        for channel in self._channels.values():
            channel.subscription = self._subscribe(channel)
        self._heart_channels = [self._watch(name) for name in self._hearts]

    async def run(self) -> None:
        """Write until cancelled; then write what is left."""
        forget_s = time.monotonic()
        try:
            while True:
                await asyncio.sleep(self._options.commit_s)
                await self._describe()
                await self._commit()
                if time.monotonic() >= forget_s:
                    forget_s = time.monotonic() + _FORGET_EVERY_S
                    await self._guarded(self._forget)
        finally:
            self.close()

    def close(self) -> None:
        """End all subscriptions and write what is left."""
        subscriptions = [c.subscription for c in self._channels.values()] + self._heart_channels
        for subscription in subscriptions:
            if subscription is not None:
                subscription.close()
        for channel in self._channels.values():
            self._settle(channel)
        samples, self._waiting = self._waiting, []
        changes, self._alarms = self._alarms, []
        self._write(samples, changes)

    def _subscribe(self, channel: _Channel) -> Any:
        text = channel.variable.long

        def take(value: Any) -> None:
            try:
                self._take(channel, value)
            except Exception as error:  # aioca would end the subscription
                log.warning("%s: %s", channel.variable.name, escaped(error))

        return aioca.camonitor(
            channel.variable.address,
            take,
            events=_EVENTS,
            datatype=aioca.DBR_CHAR_STR if text else None,
            format=aioca.FORMAT_TIME,
            all_updates=True,
            notify_disconnect=True,
            connect_timeout=None,
        )

    def _watch(self, name: str) -> Any:
        """Note the loss of an IOC, once, by its heartbeat."""

        def take(value: Any) -> None:
            self._alarms.append(Sample(name, now_us(), None, 0 if value.ok else LOST))

        return aioca.camonitor(
            name, take, events=aioca.DBE_ALARM, notify_disconnect=True, connect_timeout=None
        )

    def _take(self, channel: _Channel, value: Any) -> None:
        name = channel.variable.name
        if not value.ok:
            if channel.connected:
                channel.connected, channel.told = False, None
                self._settle(channel)
                self._keep(channel, Sample(name, now_us(), None, LOST))
            return
        time_us = round(float(value.timestamp) * MICRO)
        if not channel.connected:
            channel.connected = True
            self._to_describe.add(name)
            # A value that has not changed since before the loss is there again from now on.
            if time_us < channel.newest_us:
                time_us = now_us()
        sample = Sample(
            name, time_us, _plain(channel.variable.kind, value), value.severity, value.status
        )
        if channel.told != (sample.severity, sample.status):
            channel.told = sample.severity, sample.status
            self._alarms.append(sample)
        if channel.variable.kind == "number" and sample.severity == channel.severity:
            channel.moving = sample
        else:
            self._settle(channel)
            self._keep(channel, sample)

    def _settle(self, channel: _Channel) -> None:
        """Keep the last value of a number that moved."""
        if channel.moving is not None:
            self._keep(channel, channel.moving)
            channel.moving = None

    def _keep(self, channel: _Channel, sample: Sample) -> None:
        channel.newest_us = max(channel.newest_us, sample.time_us)
        channel.severity = sample.severity
        self._waiting.append(sample)

    async def _commit(self) -> None:
        for channel in self._channels.values():
            self._settle(channel)
        samples, self._waiting = self._waiting, []
        changes, self._alarms = self._alarms, []
        if not await self._guarded(lambda: self._write(samples, changes)):
            self._waiting = [*samples, *self._waiting]
            self._alarms = [*changes, *self._alarms]
            self._drop()

    def _write(self, samples: Sequence[Sample], changes: Sequence[Sample]) -> None:
        self.written += self._store.write(samples, now_us())
        self._log.follow(changes)

    def _forget(self) -> None:
        before_us = now_us() - round(self._options.retention_s * MICRO)
        deleted = self._store.forget(before_us)
        if deleted:
            log.info("%d samples older than %g s deleted", deleted, self._options.retention_s)

    async def _guarded(self, act: Callable[[], object]) -> bool:
        """Do it in another thread; a disk that is full is one line in the log, and no end."""
        try:
            await asyncio.to_thread(act)
        except Exception as error:
            if not self._failing:
                log.error("the history cannot be written: %s", escaped(error))
            self._failing = True
            return False
        if self._failing:
            log.warning("the history is written again")
        self._failing = False
        return True

    def _drop(self) -> None:
        too_many = len(self._waiting) - MOST_WAITING
        if too_many > 0:
            del self._waiting[:too_many]
            self.dropped += too_many
            log.error("%d samples that could not be written are lost", too_many)
        too_many = len(self._alarms) - MOST_WAITING
        if too_many > 0:
            del self._alarms[:too_many]
            log.error("%d changes of alarms that could not be written are lost", too_many)

    async def _describe(self) -> None:
        """Ask for the properties of all that have connected."""
        if not self._to_describe:
            return
        names, self._to_describe = sorted(self._to_describe), set()
        found = await aioca.caget(
            names, format=aioca.FORMAT_CTRL, count=1, timeout=PROPERTIES_TIMEOUT_S, throw=False
        )
        known = [
            (name, _properties(told)) for name, told in zip(names, found, strict=True) if told.ok
        ]

        def describe() -> None:
            for name, properties in known:
                self._store.describe(name, self._channels[name].variable.kind, properties)

        written = await self._guarded(describe)
        done = {name for name, _ in known} if written else set()
        self._to_describe |= {name for name in names if self._channels[name].connected} - done


def _plain(kind: str, value: Any) -> Value:
    """The value as SQLite keeps it; what is no number is none."""
    if kind == "text":
        return str(value)
    if kind == "state":
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if isinstance(value, int) else number


def _properties(told: Any) -> Properties:
    states = [str(state) for state in getattr(told, "enums", ())]
    units, precision = getattr(told, "units", ""), getattr(told, "precision", 3)
    return Properties(str(units), int(precision), states)
