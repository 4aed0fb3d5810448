"""Keeps services running: starts them, and starts again what dies, at a bounded rate.

It runs in a process of its own that the terminal does not hold. Every service watches its standard
input, which this process holds: if it is killed, even with -9, they end well by themselves.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import psutil

from cryohalo.control_room.folder import Report, ServiceReport, StateFolder
from cryohalo.control_room.pulse import HANGS_S, Pulse
from cryohalo.processes.addresses import LOOPBACK, repeater_stand_in
from cryohalo.processes.ages import since_boot
from cryohalo.processes.launcher import (
    READY_TIMEOUT_S,
    TERMINATE_TIMEOUT_S,
    Launched,
    RunningIoc,
)
from instruments.printable import escaped

__all__ = ["ASKED", "NOT_AGAIN", "Kept", "Supervisor"]

log = logging.getLogger("cryohalo.control_room")

#: Exit codes after which a service is not started again: options that cannot be used, a port that
#: somebody else has (docs/reference/serving.md).
NOT_AGAIN: Final = {2: "an option that cannot be used", 69: "its port is taken"}
#: What ``IOC:SYSRESET`` ends an IOC with (docs/reference/serving.md).
RESTART_CODE: Final = 75
#: The pause before the first new start, and the longest, seconds: it doubles each time.
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
#: A service that has run so long gets the short pause again.
GOOD_RUN_S: Final = 60.0
ASKED: Final = "ended as asked"
_LONGEST_WORDS: Final = 300


class Kept:
    """One service, through all its starts.

    Args:
        what: What to start.
        port: Where it listens.
        folder: Where its log is.
        environment: Of the process.
        changed: Called, from another thread, when it is ready and when it has gone.
    """

    def __init__(
        self,
        what: Launched,
        port: int,
        folder: StateFolder,
        environment: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        self.name, self.port = what.name, port
        self.state, self.since, self.said, self.starts = "waiting", time.time(), "", 0
        self.running: RunningIoc | None = None
        self._what, self._log = what, folder.log(what.name)
        self._environment, self._changed = environment, changed
        self._due_s, self._pause_s = 0.0, FIRST_PAUSE_S
        self._begun_s = 0.0
        self._heart: str = getattr(what, "heart", "")
        self._pulse: Pulse | None = None
        self._hung = ""

    def look(self, now_s: float) -> float | None:
        """Do what is due.

        Args:
            now_s: Of the monotonic clock.

        Returns:
            When to look again at the latest, None if only an event can bring news.
        """
        if self.state == "waiting" and now_s >= self._due_s:
            self._start(now_s)
        running = self.running
        if running is None:
            return self._due_s if self.state == "waiting" else None
        if running.gone:
            self._ended(running, running.end(), now_s)
            return self._due_s if self.state == "waiting" else None
        if self.state == "starting" and running.ready:
            self._become("ready", running.ready)
            if self._heart:
                self._pulse = Pulse(self._heart, self.port, partial(self._hangs, running))
        if self.state == "starting":
            if now_s >= self._begun_s + READY_TIMEOUT_S:
                log.error("%s: not ready in %g s; killed", self.name, READY_TIMEOUT_S)
                running.process.kill()  # its end is the next event
                return None
            return self._begun_s + READY_TIMEOUT_S
        return None

    def end(self, deadline_s: float) -> int:
        """End it; returns its exit code, 0 if it was not running."""
        code = 0
        self._feel_no_more()
        if self.running is not None:
            code = self.running.end(deadline_s - time.monotonic())
            killed = self.running.killed
            self._become("ended", "had to be killed" if killed else ASKED)
            self.running = None
        return code

    def report(self) -> ServiceReport:
        """What it does now."""
        pid = None if self.running is None else self.running.process.pid
        address = f"{LOOPBACK}:{self.port}"
        return ServiceReport(
            self.name, address, self.state, pid, self.since, self.starts, self.said
        )

    def _start(self, now_s: float) -> None:
        self.starts += 1
        self._begun_s = now_s
        self._become("starting", "")
        try:
            self.running = RunningIoc(
                self._what, self.port, self._environment, self._log, self._changed
            )
        except OSError as error:  # no memory, no file descriptors
            self._again(f"cannot be started: {error}", now_s)

    def _hangs(self, running: RunningIoc) -> None:
        """Kill what does not answer: its end is the next event."""
        self._hung = f"no answer to a search for {HANGS_S:g} s, killed"
        log.error("%s: %s", self.name, self._hung)
        running.process.kill()

    def _feel_no_more(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None

    def _ended(self, running: RunningIoc, code: int, now_s: float) -> None:
        self.running = None
        self._feel_no_more()
        # Who was killed or asked to restart had no last words: its log ends with something else.
        last = "" if code < 0 or code == RESTART_CODE else running.tail(1).strip()
        told, self._hung = self._hung or escaped(last, _LONGEST_WORDS), ""
        words = f"ended with code {code}" + (f": {told}" if told else "")
        if code in NOT_AGAIN:
            log.error("%s: %s; it is not started again (%s)", self.name, words, NOT_AGAIN[code])
            self._become("failed", words)
            return
        if self.state == "ready" and now_s - self._begun_s >= GOOD_RUN_S:
            self._pause_s = FIRST_PAUSE_S
        self._again(words, now_s)

    def _again(self, words: str, now_s: float) -> None:
        log.warning("%s: %s; started again in %g s", self.name, words, self._pause_s)
        self._due_s = now_s + self._pause_s
        self._pause_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)
        self._become("waiting", words)

    def _become(self, state: str, said: str) -> None:
        self.state, self.since, self.said = state, time.time(), said


class Supervisor:
    """All services of a control room.

    Args:
        wanted: What to start, each with its port.
        folder: Where state and logs are. The caller holds its lock.
        environment: Of the services.
        repeater_port: Where a repeater is stood in for; None for nowhere.
    """

    def __init__(
        self,
        wanted: Iterable[tuple[Launched, int]],
        folder: StateFolder,
        environment: Mapping[str, str],
        repeater_port: int | None = None,
    ) -> None:
        self._folder = folder
        # Putting to it is safe in a signal handler: an event or a condition could lock up there.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._asked_to_end = False
        self._repeater = _repeater(repeater_port)
        merged = {**os.environ, **environment}
        self.kept: Sequence[Kept] = [
            Kept(what, port, folder, merged, lambda: self._news.put(None)) for what, port in wanted
        ]

    def ask_to_end(self) -> None:
        """Let ``run`` return soon; for a signal handler or another thread."""
        self._asked_to_end = True
        self._news.put(None)

    def run(self, changed: Callable[[Sequence[ServiceReport]], None]) -> int:
        """Keep the services until asked to end.

        Args:
            changed: Called with all reports whenever one has changed.

        Returns:
            The exit code: 0 if all ended well.
        """
        last: Sequence[ServiceReport] = ()
        try:
            while not self._asked_to_end:
                now_s = time.monotonic()
                due = [when for kept in self.kept if (when := kept.look(now_s)) is not None]
                last = self._tell(last, changed)
                timeout_s = max(0.0, min(due) - now_s) if due else None
                with contextlib.suppress(queue.Empty):
                    self._news.get(timeout=timeout_s)
        finally:
            code = self._end()
            self._tell(last, changed)
        return code

    def _end(self) -> int:
        for kept in self.kept:
            if kept.running is not None:
                kept.running.terminate()
        deadline_s = time.monotonic() + TERMINATE_TIMEOUT_S
        codes = [kept.end(deadline_s) for kept in self.kept]
        if self._repeater is not None:
            self._repeater.close()
        return int(any(codes))

    def _tell(
        self,
        last: Sequence[ServiceReport],
        changed: Callable[[Sequence[ServiceReport]], None],
    ) -> Sequence[ServiceReport]:
        reports = [kept.report() for kept in self.kept]
        if reports != last:
            own = psutil.Process()
            try:
                self._folder.write(Report(own.pid, since_boot(own), reports))
            except OSError as error:  # a full disk ends no service
                log.error("the report cannot be written: %s", error)
            changed(reports)
        return reports


def _repeater(port: int | None) -> socket.socket | None:
    if port is None:
        return None
    try:
        return repeater_stand_in(port=port)
    except OSError as error:
        log.warning("port %d, of the CA repeater: %s; whoever has it is the repeater", port, error)
        return None
