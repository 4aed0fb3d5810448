"""The refrigerator on the control path: cool-down, one cycle second by second, loads, a magnet.

IOC, devices, plans and catalog; every number is read from events of the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryohalo.reproduction.finding import Finding, exact, measured, numerical, spread
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.shared.control_path import session_at
from cryohalo.reproduction.work import Answers, Work
from instruments.drawing import BLUE, GREEN, RED, styled

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator
    from matplotlib.figure import Figure

    from cryohalo.catalog import Run
    from cryohalo.session import Session
    from devices.amrr import Refrigerator

__all__ = ["compute"]

Seconds = Mapping[str, NDArray[Any]]

#: Fast, and still seen: some three posts a cycle.
_SPEED: Final = 600.0
#: A cool-down ends when no more than this is still to come, K. Plain cycling has the 3He settle
#: over hundreds of cycles: what it still changes is counted in the error.
_TOLERANCE_K, _UNSETTLED_K = 1e-3, 5e-3
_UNSETTLED: Final = "what 3He still changes after so many cycles, and the thermometer"
_FLOWS: Final = ("Flow A to B", "Flow B to A")


def compute(work: Work) -> Answers:
    """Findings of the running machine."""
    most = 60 if work.quick else 150
    with session_at(work, "amrr", speed=_SPEED) as session:
        found = _loaded(session, most)
        work.tell(0.35)
        looked = _second_by_second(session)
        found |= {**_cycle(looked), **_parts(session)}
        work.tell(0.5)
        found |= _held(session, most)
        work.tell(0.65)
        found |= _distributed(session, most)
        work.tell(0.8)
        found |= _strong(session, most)
        work.tell(0.95)
        found |= _magnet(session)
    work.figure(
        "refrigerator-cycle", _figure(looked),
        "One cycle, read through the IOC once a simulated second: fields, flow, cold exchanger.",
        ["flow-time", "no-flow-time", "cycle-time", "opposite-phase", "parallel-fields",
         "fountain-flow", "demagnetising-regenerator", "field-steps"],
    )  # fmt: skip
    return found


def _loaded(session: Session, most: int) -> dict[str, Finding]:
    from plans.refrigerator.running import cooldown

    plan = cooldown(session.refrigerator, tolerance_k=_TOLERANCE_K, max_cycles=most)
    end = session.run(plan).value
    return {
        "cooling-600uw": numerical(
            1e3 * end.mean_temperature_k, 1e3 * _UNSETTLED_K, _UNSETTLED,
            f"mean of the last of {end.cycles} cycles at {end.mean_power_uw:.0f} uW",
        )
    }  # fmt: skip


def _held(session: Session, most: int) -> dict[str, Finding]:
    from plans.refrigerator.cooling import temperature_curve

    wanted_k = 1e-3 * claim_named("cooling-600uw").low
    plan = temperature_curve(session.refrigerator, [wanted_k], max_cycles=most)
    (point,) = session.run(plan).value
    return {
        "cooling-power-900mk": numerical(
            point.mean_power_uw, 8.0, "what 3He still changes, by 600 uW/K",
            f"heater's mean over a cycle that it held at {1e3 * point.mean_temperature_k:.1f} mK; "
            "50 uW of parasitic load besides",
        )
    }  # fmt: skip


def _distributed(session: Session, most: int) -> dict[str, Finding]:
    """A third of the load each on the plate and two detectors' stages."""
    import bluesky.plan_stubs as bps

    from plans.refrigerator.cooling import load_map

    third = [claim_named("cooling-power-900mk").low / 3.0]
    refrigerator = session.refrigerator
    session.run(load_map(refrigerator, third, third, third, max_cycles=most))
    looked = _second_by_second(session)
    places = ("chx_temperature", "detector1_temperature", "detector2_temperature")
    means = [1e3 * float(looked[name].mean()) for name in places]
    stages = refrigerator.detector1.power, refrigerator.detector2.power
    session.run_engine(bps.mv(stages[0], 0.0, stages[1], 0.0))
    told = ", ".join(f"{mean:.0f}" for mean in means)
    return {
        "distributed-cooling": numerical(
            max(means), 1e3 * _UNSETTLED_K, _UNSETTLED,
            f"means over a cycle of plate and two stages, 200 uW each: {told} mK",
        )
    }  # fmt: skip


def _strong(session: Session, most: int) -> dict[str, Finding]:
    """1 mW with stronger fields; their names in the cycle are those of the parameters."""
    import bluesky.plan_stubs as bps

    from amrr.parameters import STRONG_CYCLE
    from plans.refrigerator.running import cooldown
    from plans.refrigerator.waypoints import WAYPOINTS

    cycle = session.refrigerator.cycle
    values = {item.name.rpartition("_")[0]: item.name for item in fields(STRONG_CYCLE)}
    moves: list[Any] = []
    for name in WAYPOINTS:
        if name in values and WAYPOINTS[name] == "T":
            moves += [getattr(cycle, name), getattr(STRONG_CYCLE, values[name])]
    session.run_engine(bps.mv(*moves))
    plan = cooldown(
        session.refrigerator, heater_power_uw=1000.0, tolerance_k=_TOLERANCE_K, max_cycles=most
    )
    end = session.run(plan).value
    return {
        "cooling-1mw": numerical(
            1e3 * end.mean_temperature_k, 1e3 * _UNSETTLED_K, _UNSETTLED,
            f"mean of the last of {end.cycles} cycles at {end.mean_power_uw:.0f} uW; pump "
            f"{STRONG_CYCLE.pump_low_t:g} to {STRONG_CYCLE.pump_high_t:g} T",
        )
    }  # fmt: skip


def _magnet(session: Session) -> dict[str, Finding]:
    """The cycle stopped, a regenerator's magnet ramped to its design field."""
    import bluesky.plan_stubs as bps

    from plans.refrigerator.startup import safe_shutdown
    from plans.shared.common import in_run, metadata, record

    refrigerator = session.refrigerator
    session.run_engine(safe_shutdown(refrigerator))
    magnet, field_t = refrigerator.regen_a, claim_named("magnet-field").low

    def plan() -> MsgGenerator[None]:
        yield from bps.mv(magnet.field, field_t)
        yield from record([magnet], "primary")

    start = metadata("ramp", [magnet], {"field_t": field_t}, None)
    (run,) = session.run(in_run(plan(), start))
    (event,) = run.events()
    current_a, reached_t = (float(event["data"][s.name]) for s in _readbacks(magnet))
    session.run_engine(bps.mv(magnet.field, 0.0))
    return {
        "magnet-current": exact(
            current_a, "none: the supply's readback", f"at a field of {reached_t:.4f} T"
        )
    }


def _readbacks(magnet: Any) -> tuple[Any, Any]:
    return magnet.current.readback, magnet.field.readback


def _parts(session: Session) -> dict[str, Finding]:
    from devices.amrr import ColdExchanger, HotExchanger
    from devices.parts.magnet import PumpMagnet, RegeneratorMagnet

    kinds = (PumpMagnet, RegeneratorMagnet, ColdExchanger, HotExchanger)
    parts = [getattr(session.refrigerator, name) for name in session.refrigerator.component_names]
    counts = [sum(type(part) is kind for part in parts) for kind in kinds]
    return {
        "parts": exact(
            sum(counts), "counted among the devices",
            "{} pump canisters, {} regenerators, {} cold and {} hot exchangers".format(*counts),
        )
    }  # fmt: skip


def _second_by_second(session: Session) -> Seconds:
    """One cycle with the clock held, a second at a time: all that a claim asks about."""
    refrigerator = session.refrigerator
    (run,) = session.run(_stepped(refrigerator, round(refrigerator.cycle.period_s())))
    return _columns(run)


def _stepped(refrigerator: Refrigerator, seconds: int) -> MsgGenerator[None]:
    import bluesky.plan_stubs as bps
    import bluesky.preprocessors as bpp

    from plans.shared.common import in_run, metadata, record

    sim, r = refrigerator.sim, refrigerator
    devices = [
        *r.magnets.values(), r.chx, r.detector1, r.detector2, r.one_k_stage, r.flow, r.cycle.phase,
        sim,
    ]  # fmt: skip

    def steps() -> MsgGenerator[None]:
        yield from bps.abs_set(sim.paused, "Yes", wait=True)
        for _ in range(seconds):
            yield from bps.checkpoint()
            yield from bps.abs_set(sim.advance, 1.0, wait=True)
            yield from record(devices, "primary")

    def go_on() -> MsgGenerator[None]:
        yield from bps.abs_set(sim.paused, "No", wait=True)

    start = metadata("seconds", devices, {"seconds": seconds}, None)
    return (yield from in_run(bpp.finalize_wrapper(steps(), go_on), start))


def _columns(run: Run) -> Seconds:
    """Columns of the run, by name without the instrument's."""
    rows = [event["data"] for event in run.events()]
    return {
        name.partition("_")[2]: np.array([row[name] for row in rows])
        for name in rows[0]
        if not isinstance(rows[0][name], (list, np.ndarray))
    }


def _cycle(c: Seconds) -> dict[str, Finding]:
    """What one cycle shows, second by second."""
    flow, rest = np.isin(c["cycle_phase"], _FLOWS), ~np.isin(c["cycle_phase"], _FLOWS)
    period_s = len(flow)
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
        "cycle-time": numerical(float(flow.sum() + rest.sum()), 0.5, f"looked at {once}",
                                "all phases of a cycle, each seen once"),
        "opposite-phase": numerical(360.0 * _shift(c) / period_s, 1.0, f"looked at {once}"),
        "warming-bed": _warming(c),
        "field-steps": exact(_steps(c), f"read {once}", "larger of the two, magnet A"),
        "precooling": spread(
            float(c["one_k_stage_temperature"].mean()), float(c["one_k_stage_temperature"].min()),
            float(c["one_k_stage_temperature"].max()), "statistical: the thermometer's readings",
            float(c["one_k_stage_temperature"].std() / np.sqrt(period_s)),
        ),
    }  # fmt: skip


def _slope(values: NDArray[Any]) -> NDArray[np.float64]:
    """Change to the next second, the cycle taken as closed."""
    return np.asarray(np.roll(values, -1) - np.roll(values, 1), dtype=np.float64)


def _duration(c: Seconds, phases: tuple[str, ...]) -> Finding:
    """Mean length of these phases, each there once in a cycle."""
    seconds = [float(np.sum(c["cycle_phase"] == phase)) for phase in phases]
    return numerical(
        float(np.mean(seconds)), 0.5, "looked at once a second",
        ", ".join(f"{phase}: {s:g} s" for phase, s in zip(phases, seconds, strict=True)),
    )  # fmt: skip


def _shift(c: Seconds) -> float:
    """By how many seconds side B follows side A."""
    a, b = c["regen_a_field"], c["regen_b_field"]
    misfit = [float(np.sum((np.roll(a, shift) - b) ** 2)) for shift in range(len(a))]
    return float(np.argmin(misfit))


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
def _figure(c: Seconds) -> Figure:
    from matplotlib.figure import Figure

    begins = _first_of(c["cycle_phase"], _FLOWS[0])
    seconds = np.arange(len(c["sim_time"]))
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
