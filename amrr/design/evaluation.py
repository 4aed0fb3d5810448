"""Machines evaluated in parallel, from a store or anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TypeVar

from amrr.design.points import Effort, FailureError, at_load, at_temperature, running
from amrr.design.store import Outcome, Store, key
from amrr.parameters import RefrigeratorParameters

Name = TypeVar("Name", bound=Hashable)
Ask = Callable[[RefrigeratorParameters], Outcome]


def power_at(p: RefrigeratorParameters, chx_k: float, first_w: float, effort: Effort) -> Outcome:
    """Cooling power of one machine at a temperature; a machine that has none is an outcome, too."""
    try:
        power_w, point = at_temperature(running(p), chx_k, first_w=first_w, effort=effort)
    except FailureError as error:
        return Outcome(math.nan, None, error.kind, str(error))
    return Outcome(power_w, point)


def state_at(p: RefrigeratorParameters, load_w: float, effort: Effort) -> Outcome:
    """The periodic state of one machine at a heater power."""
    try:
        point = at_load(running(p), load_w, effort)
    except FailureError as error:
        return Outcome(math.nan, None, error.kind, str(error))
    return Outcome(load_w, point)


def evaluated(
    machines: Mapping[Name, RefrigeratorParameters],
    ask: Ask,
    question: str,
    store: Store,
    workers: int = 1,
) -> Iterator[tuple[Name, Outcome]]:
    """Outcomes of machines by name, from the store or computed, in the order they are finished.

    Args:
        machines: By name.
        ask: Makes the outcome of a machine.
        question: What is asked, in words that tell it from all else that is asked of a machine.
        store: Of outcomes that are known, and where new ones go.
        workers: Evaluations at a time.
    """
    keys = {name: key(p.digest(), question) for name, p in machines.items()}
    missing = []
    for name in machines:
        stored = store.get(keys[name])
        if stored is None:
            missing.append(name)
        else:
            yield name, stored
    for name, outcome in _computed({name: machines[name] for name in missing}, ask, workers):
        store.put(keys[name], outcome)
        yield name, outcome


def _computed(
    machines: Mapping[Name, RefrigeratorParameters], ask: Ask, workers: int
) -> Iterator[tuple[Name, Outcome]]:
    if workers == 1:
        for name, p in machines.items():
            yield name, ask(p)
        return
    with ThreadPoolExecutor(workers) as pool:  # the compiled step holds no lock
        waiting: dict[Future[Outcome], Name] = {
            pool.submit(ask, p): name for name, p in machines.items()
        }
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            for future in waiting:
                future.cancel()
