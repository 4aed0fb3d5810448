"""The list of frequencies of a scan: from a range, without the crossing, without what is done.

Frequencies are compared to a hertz: a target is written into an event as it was planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from haloscope.analysis.exchange.keys import value_in
from haloscope.parameters import HaloscopeParameters
from instruments.ranges import within
from plans.shared.common import require

__all__ = ["completed", "planned", "remaining", "without"]

#: Documents as (name, content) pairs, in the order of emission.
Documents = Iterable[tuple[str, Mapping[str, Any]]]


def planned(
    frequencies_mhz: Sequence[float] | None = None,
    *,
    start_mhz: float | None = None,
    stop_mhz: float | None = None,
    step_khz: float | None = None,
) -> list[float]:
    """The targets of a scan, MHz: the list as given, or start to stop (included) in steps.

    The steps of a range are CAPP-12TB's where no others are given; ``scan`` gives those of its
    apparatus.

    Raises:
        ValueError: Both or neither of list and range, an empty list, repeated targets.
    """
    if frequencies_mhz is None:
        require(
            start_mhz is not None and stop_mhz is not None,
            "a scan needs frequencies_mhz, or start_mhz and stop_mhz",
        )
        if step_khz is None:
            step_khz = HaloscopeParameters.capp12tb().operation.step_hz * 1e-3
        within("step_khz", step_khz, 0.001, 1e6, "kHz")
        assert start_mhz is not None
        assert stop_mhz is not None
        within("start_mhz", start_mhz, 1.0, 1e5, "MHz")
        within("stop_mhz", stop_mhz, 1.0, 1e5, "MHz")
        sign = 1.0 if stop_mhz >= start_mhz else -1.0
        count = int(np.floor(abs(stop_mhz - start_mhz) * 1e3 / step_khz + 1e-6)) + 1
        return [round(start_mhz + sign * i * step_khz * 1e-3, 6) for i in range(count)]
    require(start_mhz is None and stop_mhz is None, "a list of frequencies and a range exclude")
    targets = [round(within("frequency", f, 1.0, 1e5, "MHz"), 6) for f in frequencies_mhz]
    require(bool(targets), "the list of frequencies is empty")
    require(len(set(targets)) == len(targets), "the list of frequencies has one of them twice")
    return targets


def without(targets_mhz: Iterable[float], skip_mhz: Iterable[tuple[float, float]]) -> list[float]:
    """The targets outside all the intervals of ``skip_mhz`` (low, high), limits included."""
    intervals = [(float(low), float(high)) for low, high in skip_mhz]
    for low, high in intervals:
        require(low < high, f"interval to skip: {low} MHz is not below {high} MHz")
    return [f for f in targets_mhz if not any(low <= f <= high for low, high in intervals)]


def completed(documents: Documents, plan_name: str | None = None) -> list[float]:
    """Targets of all steps that were recorded, MHz, in their order.

    A step is done when its event was emitted, whether or not its run ever ended.

    Args:
        documents: Of one or many runs, interrupted or complete.
        plan_name: Count runs of this plan alone.
    """
    # Events name their descriptor, and descriptors their start, by uid alone.
    primary: set[str] = set()
    counted: set[str] = set()
    done: list[float] = []
    for name, document in documents:
        if name == "start" and plan_name in (None, document.get("plan_name")):
            counted.add(document["uid"])
        elif name == "descriptor" and document["run_start"] in counted:
            if document.get("name") == "primary":
                primary.add(document["uid"])
        elif name == "event" and document["descriptor"] in primary:
            done += _targets([value_in(document["data"], "measured_target_frequency")])
        elif name == "event_page" and document["descriptor"] in primary:
            targets = value_in(document["data"], "measured_target_frequency")
            done += _targets([] if targets is None else targets)
    return done


def _targets(recorded: Iterable[object]) -> list[float]:
    """The numbers among recorded targets: another run of the catalog may have recorded anything."""
    return [round(float(target), 6) for target in recorded if isinstance(target, Real)]


def remaining(targets_mhz: Iterable[float], done_mhz: Iterable[float]) -> list[float]:
    """The targets not yet done, in their order: none is taken twice, none is lost."""
    done = {round(float(f), 6) for f in done_mhz}
    return [f for f in targets_mhz if round(f, 6) not in done]
