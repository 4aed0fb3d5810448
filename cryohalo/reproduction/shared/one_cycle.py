"""One cycle of the refrigerator on the control path, second by second, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryohalo.reproduction.finding import Finding, exact, measured, numerical, spread
from cryohalo.reproduction.shared.clock import clock_held
from instruments.drawing import BLUE, GREEN, RED, styled

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator
    from matplotlib.figure import Figure

    from cryohalo.catalog import Run
    from cryohalo.session import Session
    from devices.amrr import Refrigerator

__all__ = ["Seconds", "cycle_figure", "cycle_findings", "second_by_second"]

Seconds = Mapping[str, NDArray[Any]]

#: How often it is looked at, s: a length between two changes is known to that over root six, a
#: place to that over root twelve.
_STEP_S: Final = 1.0
_LENGTH_S, _PLACE_S = _STEP_S / 6.0**0.5, _STEP_S / 12.0**0.5
_FLOWS: Final = ("Flow A to B", "Flow B to A")


def second_by_second(session: Session, *, cycles: int = 1, step_s: float = _STEP_S) -> Seconds:
    """Cycles with the clock held, a step at a time: all that a claim asks about.

    Args:
        session: At the refrigerator, its cycle running.
        cycles: How many.
        step_s: Between two looks, s.
    """
    refrigerator = session.refrigerator
    looks = round(cycles * refrigerator.cycle.period_s() / step_s)
    (run,) = session.run(_stepped(refrigerator, looks, step_s))
    return _columns(run)


def _stepped(refrigerator: Refrigerator, looks: int, step_s: float) -> MsgGenerator[None]:
    import bluesky.plan_stubs as bps

    from plans.shared.common import in_run, metadata, record

    sim, r = refrigerator.sim, refrigerator
    devices = [
        *r.magnets.values(), r.chx, r.detector1, r.detector2, r.one_k_stage, r.flow, r.cycle.phase,
        sim,
    ]  # fmt: skip

    def steps() -> MsgGenerator[None]:
        for _ in range(looks):
            yield from bps.checkpoint()
            yield from bps.abs_set(sim.advance, step_s, wait=True)
            yield from record(devices, "primary")

    start = metadata("seconds", devices, {"looks": looks, "step_s": step_s}, None)
    return (yield from in_run(clock_held(sim, steps()), start))


def _columns(run: Run) -> Seconds:
    """Columns of the run, by name without the instrument's."""
    rows = [event["data"] for event in run.events()]
    return {
        name.partition("_")[2]: np.array([row[name] for row in rows])
        for name in rows[0]
        if not isinstance(rows[0][name], (list, np.ndarray))
    }


def cycle_findings(c: Seconds) -> dict[str, Finding]:
    """What one cycle shows, looked at once a second: columns of equal length by their names."""
    flow, rest = np.isin(c["cycle_phase"], _FLOWS), ~np.isin(c["cycle_phase"], _FLOWS)
    period_s = _STEP_S * len(flow)
    once = "once a second"
    direction = np.where(c["cycle_phase"] == _FLOWS[0], 1.0, -1.0)
    down = {"fountain-flow": "pump_a_field", "parallel-fields": "regen_a_field"}
    rising = {name: _slope(c[column]) * direction > 0.0 for name, column in down.items()}
    falling = _slope(c["regen_b_field"]) * direction < 0.0
    beside = {
        "fountain-flow": rising["fountain-flow"] & (c["flow_rate"] * direction > 0.0),
        "parallel-fields": rising["fountain-flow"] == rising["parallel-fields"],
        "demagnetising-regenerator": falling & (c["flow_rate"] * direction > 0.0),
    }
    found = {
        name: exact(100.0 * float(true[flow].mean()), f"counted {once}")
        for name, true in beside.items()
    }
    return {
        **found,
        "flow-time": _duration(c, _FLOWS),
        "no-flow-time": _duration(c, tuple(np.unique(c["cycle_phase"][rest]))),
        "cycle-time": numerical(_STEP_S * float(flow.sum() + rest.sum()), _LENGTH_S,
                                f"looked at {once}", "all phases of a cycle, each seen once"),
        "opposite-phase": numerical(
            360.0 * _shift(c) / period_s, 360.0 * _PLACE_S / period_s, f"looked at {once}"
        ),
        "warming-bed": _warming(c),
        "field-steps": exact(_steps(c), f"read {once}", "larger of the two, magnet A"),
        "precooling": spread(
            float(c["one_k_stage_temperature"].mean()), float(c["one_k_stage_temperature"].min()),
            float(c["one_k_stage_temperature"].max()), "statistical: the thermometer's readings",
            float(c["one_k_stage_temperature"].std() / np.sqrt(len(flow))),
        ),
    }  # fmt: skip


def _slope(values: NDArray[Any]) -> NDArray[np.float64]:
    """Change to the next second, the cycle taken as closed."""
    return np.asarray(np.roll(values, -1) - np.roll(values, 1), dtype=np.float64)


def _duration(c: Seconds, phases: tuple[str, ...]) -> Finding:
    """Mean length of these phases, each there once in a cycle."""
    seconds = [_STEP_S * float(np.sum(c["cycle_phase"] == phase)) for phase in phases]
    return numerical(
        float(np.mean(seconds)), _LENGTH_S / len(phases) ** 0.5, "looked at once a second",
        ", ".join(f"{phase}: {s:g} s" for phase, s in zip(phases, seconds, strict=True)),
    )  # fmt: skip


def _shift(c: Seconds) -> float:
    """By how many seconds side B follows side A."""
    a, b = c["regen_a_field"], c["regen_b_field"]
    misfit = [float(np.sum((np.roll(a, shift) - b) ** 2)) for shift in range(len(a))]
    return _STEP_S * float(np.argmin(misfit))


def _warming(c: Seconds) -> Finding:
    """Rise of the pump's bed A while it expels."""
    length = int(np.sum(c["cycle_phase"] == _FLOWS[0]))
    # The phase may straddle the end of the record, which is one closed cycle.
    seconds = (_first_of(c["cycle_phase"], _FLOWS[0]) + np.arange(length)) % len(c["cycle_phase"])
    bed = 1e3 * c["pump_a_bed_temperature"][seconds]
    noise = float(np.std(np.diff(bed)) / np.sqrt(2.0))
    rise = float(bed[-5:].mean() - bed[:5].mean())
    return measured(rise, noise * np.sqrt(2.0 / 5.0), "readings of five seconds at either end")


def _steps(c: Seconds) -> float:
    field = c["regen_a_field"]
    phases = [p for p in np.unique(c["cycle_phase"]) if p not in _FLOWS]
    return max(float(np.ptp(field[c["cycle_phase"] == phase])) for phase in phases)


@styled
def cycle_figure(c: Seconds) -> Figure:
    """Fields, flow and cold exchanger over a cycle that was looked at once a second."""
    from matplotlib.figure import Figure

    begins = _first_of(c["cycle_phase"], _FLOWS[0])
    seconds = _STEP_S * np.arange(len(c["sim_time"]))
    figure = Figure(figsize=(6.6, 4.8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    for name, colour, style in (
        ("pump_a", RED, "-"), ("pump_b", RED, ":"), ("regen_a", BLUE, "-"), ("regen_b", BLUE, ":"),
    ):  # fmt: skip
        label = name.replace("_", " ")
        top.plot(seconds, np.roll(c[f"{name}_field"], -begins), style, color=colour, label=label)
    top.set_ylabel("field (T)")
    top.legend(ncols=4, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    middle.plot(seconds, np.roll(c["flow_rate"], -begins), color=GREEN)
    middle.set_ylabel("flow A to B (mm³/s)")
    bottom.plot(seconds, 1e3 * np.roll(c["chx_temperature"], -begins), color=BLUE)
    bottom.set(ylabel="cold exchanger (mK)", xlabel="time in the cycle (s)")
    return figure


def _first_of(phases: NDArray[Any], phase: str) -> int:
    """Where a phase begins, the cycle taken as closed."""
    here = phases == phase
    return int(np.flatnonzero(here & ~np.roll(here, 1))[0])
