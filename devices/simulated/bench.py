"""A machine in process behind a table of channels, and the thread that lets its time pass.

A channel stands for one process variable: it reads the machine, and may command it. Time passes
only on demand: while a put has not completed, or a status watches a channel. So a plan that thinks
for a second between two phases of a cycle misses none of them, and a forgotten device costs no CPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from devices.signals import LONG_TEXT
from instruments.errors import Refused

__all__ = ["DO", "Bench", "Channel", "current_bench"]

#: States of a momentary command.
DO = ("Done", "Do")

#: The bench that signals made now belong to.
current_bench: ContextVar[Bench] = ContextVar("current_bench")

Done = Callable[[], bool]


@dataclass(frozen=True)
class Channel:
    """One process variable of a simulated machine.

    Attributes:
        get: reads the present value.
        put: commands a value; returns what tells when that is completed, or None for at once.
        units: engineering units.
        precision: digits shown.
        limits: lowest and highest value that may be put, or what tells them; equal for none.
        enum: names of the states, for an enumeration (`get` then returns an index or a name).
    """

    get: Callable[[], Any]
    put: Callable[[Any], Done | None] | None = None
    units: str = ""
    precision: int | None = None
    limits: tuple[float, float] | Callable[[], tuple[float, float]] = (0.0, 0.0)
    enum: tuple[str, ...] | None = None

    def range(self) -> tuple[float, float]:
        """Lowest and highest value that may be put now."""
        return self.limits() if callable(self.limits) else self.limits


@dataclass
class _Pending:
    done: Done
    callback: Callable[[], None]


@dataclass
class _Watched:
    post: Callable[[Any], None]
    channel: Channel
    last: Any
    waiting: int = 0


class Bench:
    """A machine, its channels by PV name, and its clock thread.

    Args:
        machine: has `time_s`, `step(dt_s)`, `dt_s`.
        channels: the table by full name.
        prefix: of the clock's and health's names.
        guard: looks at the machine after every step and every command (interlocks).
    """

    #: Steps between two posts to those who watch without waiting.
    STEPS_PER_POST = 50

    def __init__(
        self,
        machine: Any,
        channels: Mapping[str, Channel],
        prefix: str,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self.machine = machine
        self._guard = guard
        self.lock = threading.RLock()
        self._paused = False
        self.refusal = ""
        self._channels = {
            **{f"{prefix}{name}": channel for name, channel in _clock_channels(self).items()},
            **channels,
        }
        self._pending: list[_Pending] = []
        self._watched: dict[int, _Watched] = {}
        self._keys = iter(range(2**62))
        self._wanted = threading.Condition(self.lock)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="simulated-bench", daemon=True)
        self._thread.start()

    def channel(self, name: str) -> Channel:
        """The channel of a name; that of its long text, `NAME.VAL$`, is the same one.

        Raises:
            KeyError: this machine has no such channel.
        """
        try:
            return self._channels[name.removesuffix(LONG_TEXT)]
        except KeyError:
            raise KeyError(f"the simulated machine serves no {name!r}") from None

    @property
    def paused(self) -> bool:
        """Time stands still, whoever waits."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        with self.lock:
            self._paused = bool(value)
            self._wanted.notify()

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels by name."""
        return self._channels

    def put(self, channel: Channel, value: Any, callback: Callable[[bool], None]) -> None:
        """Command a value; `callback` is called once, told whether the put was refused.

        A refused put moves nothing, and `refusal` says why.
        """
        if channel.put is None:
            raise RuntimeError("the channel is read-only")
        with self.lock:
            refused = False
            try:
                done = channel.put(value)
            except Refused as error:
                self.refusal = str(error)
                refused, done = True, None
            self._guard()
            self._post()
            if done is not None:
                self._pending.append(_Pending(done, partial(callback, False)))
                self._wanted.notify()
                return
        callback(refused)

    def watch(self, channel: Channel, post: Callable[[Any], None]) -> int:
        """Call `post` on the bench's thread with each new value; returns a key for `demand`."""
        with self.lock:
            key = next(self._keys)
            self._watched[key] = _Watched(post, channel, _comparable(channel.get()))
        return key

    def demand(self, key: int | None, waiting: int) -> None:
        """State how many wait on a watch: while any does, time passes."""
        with self.lock:
            if key is not None:
                self._watched[key].waiting = waiting
                self._wanted.notify()

    def step(self, dt_s: float) -> None:
        """Let the machine's time pass, and look at it."""
        self.machine.step(dt_s)
        self._guard()

    def close(self) -> None:
        """End the clock thread."""
        with self.lock:
            self._closed = True
            self._wanted.notify()
        self._thread.join(timeout=10.0)

    @property
    def wanted(self) -> bool:
        """Somebody waits for time to pass."""
        return bool(self._pending) or any(w.waiting for w in self._watched.values())

    def _run(self) -> None:
        while True:
            with self.lock:
                while not self._closed and (self.paused or not self.wanted):
                    self._wanted.wait()
                if self._closed:
                    return
                finished = self._advance()
            for one in finished:
                one.callback()

    def _advance(self) -> list[_Pending]:
        """Step until a put completes or it is time to post; returns the completed puts."""
        finished = [one for one in self._pending if one.done()]
        for _ in range(self.STEPS_PER_POST):
            if finished or not self.wanted:
                break
            self.step(self.machine.dt_s)
            self._post(demanding=True)
            finished = [one for one in self._pending if one.done()]
        self._pending = [one for one in self._pending if one not in finished]
        self._post()
        return finished

    def _post(self, *, demanding: bool = False) -> None:
        """Post what has changed; with `demanding`, only to those who wait."""
        for watched in list(self._watched.values()):
            if demanding and not watched.waiting:
                continue
            value = _comparable(watched.channel.get())
            if value != watched.last:
                watched.last = value
                watched.post(watched.channel.get())


def _same(value: Any) -> Any:
    return value


def _comparable(value: Any) -> Any:
    """A value that `!=` can compare: arrays as bytes."""
    return value.tobytes() if isinstance(value, np.ndarray) else value


def _clock_channels(bench: Bench) -> dict[str, Channel]:
    """Clock and health channels, the same for every machine."""

    def pause(value: Any) -> None:
        bench.paused = value in (1, "Yes")

    def advance(seconds: float) -> None:
        end_s = bench.machine.time_s + float(seconds)
        while bench.machine.time_s < end_s - 1e-9:
            bench.step(min(bench.machine.dt_s, end_s - bench.machine.time_s))

    def ignore(_: Any) -> None:
        return None

    constant = {
        "IOC:HEARTBEAT": 0,
        "IOC:UPTIME": "0:00:00",
        "IOC:CA_CLNT_CNT": 0,
        "IOC:RECORD_CNT": 0,
        "IOC:MEM_USED": 0.0,
        "IOC:IOC_CPU_LOAD": 0.0,
        "IOC:HOSTNAME": "in process",
        "IOC:Version_RBV": "simulated",
        "IOC:Dropped_RBV": 0,
        "Sim:Overruns_RBV": 0.0,
    }
    units = {"IOC:MEM_USED": "MB", "IOC:IOC_CPU_LOAD": "%"}
    table = {
        name: Channel(partial(_same, value), units=units.get(name, ""))
        for name, value in constant.items()
    }
    return table | {
        "IOC:Refusal_RBV": Channel(lambda: bench.refusal),
        "Sim:Time_RBV": Channel(lambda: float(bench.machine.time_s), units="s", precision=1),
        "Sim:Speed": Channel(lambda: 0.0, ignore, precision=1, limits=(0.0, 1e6)),
        "Sim:Speed_RBV": Channel(lambda: 0.0, precision=1),
        "Sim:Pause": Channel(lambda: int(bench.paused), pause, enum=("No", "Yes")),
        "Sim:Step": Channel(lambda: 0.0, advance, units="s", limits=(0.0, 1e6)),
    }
