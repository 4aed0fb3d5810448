"""Suspenders of both instruments: what holds a plan, why, and what lets it go on, in words.

A RunEngine prints why it holds a plan, and when one is to begin while something holds it. The words
are asked of the instrument then: an interlock's reason, not the name of its signal.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from bluesky import RunEngine
from bluesky.suspenders import SuspendBoolHigh, SuspendCeil, SuspenderBase
from ophyd import Signal
from ophyd.signal import EpicsSignalBase

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope, NoDescriptionError
from devices.hardware.absent import is_absent
from devices.hardware.leaving_out import unwatched_in
from devices.parts.magnet import MagnetSupply
from devices.signals.burst import host_of
from devices.waiting.watchdogs import aside, later
from haloscope.description.groups import Safety

__all__ = ["SuspendDisconnected", "SuspendSilent", "suspenders"]

log = logging.getLogger("plans.suspending")

#: Wall seconds without a heartbeat after which an IOC is taken to hang: several beats, and less
#: than a reading or a put may take.
SILENT_S = 8.0
#: What walks through the recovery.
PAGE = "docs/how_to/recovery.md"

Words = Callable[[], str]


def _told(words: Words, remedy: str) -> str:
    """The reason and the remedy; says so if the reason cannot be read."""
    try:
        why = words()
    except Exception as error:  # the plan is held nevertheless
        why = f"its reason could not be read: {error}"
    return f"{why}. {remedy} ({PAGE})"


class AtOnce(SuspenderBase):
    """Trips also while the RunEngine's thread is busy.

    bluesky's own (1.15.1) asks that thread for an event, and if it does not get one within 0.1 s
    it raises where nobody listens: the plan is not held. The thread is busy just then, it waits for
    a PV whose IOC is gone. An event needs no loop to be made (Python 3.10 and later).
    """

    _ev: asyncio.Event | None

    def _make_event(self) -> asyncio.Event | None:
        if self._ev is None and self.RE is not None:
            self._ev = asyncio.Event()
        return self._ev

    #: By which name bluesky calls it.
    _SuspenderBase__make_event = _make_event


class SuspendDisconnected(AtOnce):
    """Suspend while a signal's PV is not connected: the IOC or the network is gone."""

    def install(self, RE: RunEngine, *, event_type: str | None = None) -> None:
        """Watch the connection of the signal rather than its value."""
        super().install(RE, event_type=event_type or self._sig.SUB_META)

    def _should_suspend(self, value: bool) -> bool:
        return not value

    def _should_resume(self, value: bool) -> bool:
        return bool(value)

    def _get_justification(self) -> str:
        if not self.tripped:
            return ""
        pv = getattr(self._sig, "pvname", self._sig.name)
        where = " at ".join(part for part in (pv, host_of(self._sig)) if part)
        lost = ": ".join(part for part in ("IOC lost", where, self._tripped_message) if part)
        return f"{lost}. The plan goes on by itself when it is back ({PAGE})"

    def __call__(self, value: Any = None, *, connected: bool = True, **kwargs: Any) -> None:
        """Judge a change of the connection."""
        super().__call__(connected, **kwargs)


class SuspendSilent(AtOnce):
    """Suspend while a heartbeat stands still: an IOC that hangs keeps its connections.

    Parameters
    ----------
    signal
        The heartbeat, a PV that is posted each second.
    silent_s
        Wall seconds without a beat.
    """

    def __init__(self, signal: Signal, silent_s: float = SILENT_S) -> None:
        super().__init__(signal)
        self._silent_s, self._beats = silent_s, 0

    def install(self, RE: RunEngine, *, event_type: str | None = None) -> None:
        """Look from now on, also where not one beat comes."""
        super().install(RE, event_type=event_type)
        self._await_beat()

    def _should_suspend(self, value: bool) -> bool:
        return value

    def _should_resume(self, value: bool) -> bool:
        return not value

    def _get_justification(self) -> str:
        if not self.tripped:
            return ""
        hangs = f"IOC hangs: no heartbeat for {self._silent_s:g} s"
        return f"{hangs}. The plan goes on by itself when it beats again ({PAGE})"

    def __call__(self, value: Any = None, **kwargs: Any) -> None:
        """Take a beat, and look whether another one follows."""
        self._await_beat()
        super().__call__(False, **kwargs)

    def _await_beat(self) -> None:
        self._beats += 1
        later(self._silent_s, partial(self._look, self._beats))

    def _look(self, beats: int) -> None:
        # The loss of the connection is SuspendDisconnected's matter.
        if beats == self._beats and self.RE is not None and self._sig.connected:
            aside(partial(super().__call__, True))


class SuspendActive(AtOnce, SuspendBoolHigh):
    """Suspend while a flag is up, and say what it stands for.

    Parameters
    ----------
    signal
        The flag.
    words
        Called for what it stands for.
    remedy
        What lets the plan go on.
    """

    def __init__(self, signal: Signal, words: Words, remedy: str, **kwargs: Any) -> None:
        super().__init__(signal, **kwargs)
        self._words, self._remedy = words, remedy

    def _get_justification(self) -> str:
        return _told(self._words, self._remedy) if self.tripped else ""


class SuspendWarm(AtOnce, SuspendCeil):
    """Suspend while a thermometer reads too much, by what the apparatus' owners state now.

    Parameters
    ----------
    signal
        The thermometer.
    safety
        Called for the thresholds: an IOC may come back with another parameter file.
    """

    def __init__(self, signal: Signal, safety: Callable[[], Safety], **kwargs: Any) -> None:
        now = safety()
        super().__init__(signal, now.suspend_above_k, resume_thresh=now.resume_below_k, **kwargs)
        self._safety = safety

    def _should_suspend(self, value: float) -> bool:
        try:
            now = self._safety()
        except NoDescriptionError:  # the last thresholds hold
            log.warning("%s: its thresholds cannot be read anew", self._sig.name)
        else:
            self._suspend_thresh, self._resume_thresh = now.suspend_above_k, now.resume_below_k
        return bool(super()._should_suspend(value))

    def _get_justification(self) -> str:
        if not self.tripped:
            return ""
        warm_k, cold_k = self._suspend_thresh, self._resume_thresh
        return _told(
            lambda: f"{self._sig.name} at {self._sig.get():.3g} K is above {warm_k:g} K",
            f"The plan goes on by itself below {cold_k:g} K",
        )


def suspenders(instrument: Haloscope | Refrigerator) -> list[SuspenderBase]:
    """The suspenders of an instrument, to be installed in a RunEngine.

    What it is without cannot be watched: that is logged, each with what it means.
    """
    for words in unwatched_in(instrument):
        log.warning("%s is not watched: there is no %s", instrument.name, words)
    name, interlock = instrument.name, instrument.interlock
    unsuspended = "within session.unsuspended()"
    clear = f"When its cause has gone, run clear_interlocks({name}) {unsuspended}"
    servers = one_of_each_server(instrument)
    found: list[SuspenderBase] = [SuspendDisconnected(signal) for signal in servers]
    found += _active(
        interlock.active, lambda: f"{name}'s interlock: {_reason(interlock.reason)}", clear
    )
    if isinstance(instrument, Refrigerator):
        magnets = list(instrument.magnets.values())
        reset = f"Run recover_from_quench({name}) {unsuspended}"
    else:
        magnets = [instrument.magnet]
        reset = f"When the coil is cold and empty, set {name}.magnet.quench_reset {unsuspended}"
        if not is_absent(instrument.fridge.mxc):
            found.append(SuspendWarm(instrument.fridge.mxc, lambda: instrument.apparatus.safety))
        fault = instrument.jpa.fault
        found += _active(fault, lambda: f"{name}'s amplifier: {_reason(interlock.reason)}", clear)
    heartbeat = instrument.ioc.heartbeat
    # In process time passes for those who wait alone: a machine that nobody waits for beats not.
    if isinstance(heartbeat, EpicsSignalBase) and not is_absent(heartbeat):
        found.append(SuspendSilent(heartbeat))
    return found + [one for magnet in magnets for one in _quench(magnet, reset)]


def one_of_each_server(instrument: Haloscope | Refrigerator) -> list[Signal]:
    """A signal of each IOC that serves the instrument: its loss is the loss of that IOC.

    The heartbeat is the first, where there is one. In process, and before anything has been
    connected, all is of one server.
    """
    heartbeat = instrument.ioc.heartbeat
    signals = [] if is_absent(heartbeat) else [heartbeat]
    signals += [walk.item for walk in instrument.walk_signals() if hasattr(walk.item, "pvname")]
    servers: dict[str, Signal] = {}
    for signal in signals:
        if not is_absent(signal):
            servers.setdefault(host_of(signal), signal)
    return list(servers.values())


def _active(signal: Signal, words: Words, remedy: str) -> list[SuspenderBase]:
    return [] if is_absent(signal) else [SuspendActive(signal, words, remedy)]


def _quench(magnet: MagnetSupply, reset: str) -> list[SuspenderBase]:
    return _active(magnet.quench, lambda: f"{magnet.name}: {_reason(magnet.message)}", reset)


def _reason(signal: Signal) -> str:
    """What a text says, or that there is none."""
    return "active, no reason is served" if is_absent(signal) else str(signal.get())
