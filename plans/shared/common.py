"""What all plans share: refusals, metadata, events, waiting for a condition.

A plan refuses nonsense by ``ValueError`` before its first message; ``plans.shared.rehearsal`` shows
limits and duration without touching anything.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator
from ophyd import OphydObject, Signal

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope, Seal
from devices.hardware.absent import Absent
from devices.signals.reading import foresee
from devices.waiting.watch import Watch
from devices.waiting.watchdogs import end
from haloscope.analysis.apparatus import recorded

__all__ = [
    "Until",
    "apparatus",
    "in_run",
    "metadata",
    "number_in",
    "provenance",
    "record",
    "require",
    "value_of",
]


def require(condition: bool, message: str) -> None:
    """Refuse.

    Raises:
        ValueError: The condition is false.
    """
    if not condition:
        raise ValueError(message)


def metadata(
    plan_name: str,
    detectors: Iterable[OphydObject],
    plan_args: Mapping[str, Any],
    md: Mapping[str, Any] | None,
    *,
    hints: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The start document's content: the plan and its arguments; the operator's ``md`` wins."""
    return {
        "plan_name": plan_name,
        "detectors": [detector.name for detector in detectors],
        "plan_args": dict(plan_args),
        "hints": dict(hints or {}),
        **more,
        **(md or {}),
    }


def apparatus(haloscope: Haloscope) -> dict[str, Any]:
    """What a scan's start document says of the apparatus: all that its owners state."""
    return recorded(haloscope.apparatus)


def provenance(instrument: Haloscope | Refrigerator) -> MsgGenerator[dict[str, Any]]:
    """Which machine this is: what the IOC says of its version, parameters and seed.

    Of an instrument that hides something, also under which seal; a blind one tells no seed.
    """
    version = yield from value_of(instrument.ioc.version, "")
    parameters_hash = yield from value_of(instrument.ioc.parameters_hash, "")
    seed = int((yield from value_of(instrument.sim.seed, 0)))
    found: dict[str, Any] = {"ioc_version": str(version), "parameters_hash": str(parameters_hash)}
    if seed >= 0:
        found["seed"] = seed
    if isinstance(instrument, Haloscope):
        found |= yield from _sealed(instrument.seal)
    return found


def _sealed(seal: Seal) -> MsgGenerator[dict[str, Any]]:
    """The envelope's hash, and once it was opened, its contents, when and by whom."""
    published = yield from value_of(seal.envelope_hash, "")
    blind = yield from value_of(seal.blind, "No")
    unsealed = yield from value_of(seal.unsealed, "No")
    found = {
        "envelope_hash": str(published),
        "blind": blind == "Yes",
        "unsealed": unsealed == "Yes",
    }
    if found["unsealed"]:
        found["unsealed_at"] = str((yield from value_of(seal.unsealed_at, "")))
        found["unsealed_by"] = str((yield from value_of(seal.unsealed_by, "")))
        found["envelope"] = str((yield from value_of(seal.envelope, "")))
    return found


def value_of(signal: OphydObject, default: Any = None) -> MsgGenerator[Any]:
    """Read one signal; in a rehearsal, where nothing answers, the default, NaN without one.

    Raises
    ------
    AbsentError
        There is no such PV, and no default.
    """
    if isinstance(signal, Absent):
        return signal.get() if default is None else default
    reading = yield from bps.read(signal)
    if not reading:
        return math.nan if default is None else default
    return reading[signal.name]["value"]


def number_in(reading: Mapping[str, Any], signal: OphydObject) -> float:
    """What a reading holds of a signal, or of a positioner: the number it reads."""
    return float(reading[signal.name]["value"])


def record(devices: Sequence[OphydObject], stream: str) -> MsgGenerator[Mapping[str, Any]]:
    """One event of what the devices say now; nothing is triggered. Returns the readings."""
    readings: dict[str, Any] = {}
    foresee(devices)
    yield from bps.create(name=stream)
    for device in devices:
        readings.update((yield from bps.read(device)) or {})
    yield from bps.save()
    return readings


def in_run(plan: MsgGenerator[Any], md: Mapping[str, Any]) -> MsgGenerator[Any]:
    """Run a plan inside a run of its own and return what the plan returns, not the run's uid."""
    results: list[Any] = []

    def inner() -> MsgGenerator[None]:
        results.append((yield from plan))

    yield from bpp.run_wrapper(inner(), md=dict(md))
    return results[0]


class Until:
    """A condition to wait for: ``yield from Until(signal, test, 600).wait()``.

    Args:
        signal: A monitored signal.
        test: Called with each value of the signal; true ends the wait.
        timeout_s: Wall seconds after which the wait fails.
        fresh: Begin with a value fetched now: what the monitor holds may be older than the command
            whose end is waited for.
        goal: The value at which the test passes, where it is one number's approach to another.
    """

    def __init__(
        self,
        signal: Signal,
        test: Callable[[Any], bool],
        timeout_s: float,
        *,
        fresh: bool = False,
        goal: float | None = None,
    ) -> None:
        self.signal, self.test, self.timeout_s, self.fresh = signal, test, timeout_s, fresh
        self.goal = goal
        self.name = f"until_{signal.name}"
        self.parent = None
        self._status: Watch | None = None

    def trigger(self) -> Watch:
        """Return a status that ends once the signal passes the test."""
        status = Watch(self.signal, self.test, self.timeout_s, run=not self.fresh, goal=self.goal)
        if self.fresh:
            status.check_value(value=self.signal.get(use_monitor=False))
        self._status = status
        return status

    def pause(self) -> None:
        """When a plan is paused or suspended: the condition is waited for anew when it goes on."""
        if self._status is not None:
            end(self._status, None)

    def resume(self) -> None:
        """Nothing to do: the plan triggers it again."""

    def wait(self) -> MsgGenerator[None]:
        """Wait for the condition."""
        yield Msg("trigger", self, group=self.name)
        yield Msg("wait", None, group=self.name)
