"""The refrigerator on the control path: cool-down, one cycle second by second, loads, a magnet.

IOC, devices, plans and catalog; every number is read from events of the catalog. Loads are compared
when the machine has settled under them, and what is still to come is in the error.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from amrr.design.points import at_load, running
from amrr.parameters import RefrigeratorParameters
from cryohalo.reproduction.finding import Finding, exact, numerical
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.shared.control_path import session_at
from cryohalo.reproduction.shared.one_cycle import cycle_figure, cycle_findings, second_by_second
from cryohalo.reproduction.shared.settling import Settled, settled
from cryohalo.reproduction.work import Answers, Work

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator

    from cryohalo.session import Session

__all__ = ["at_temperature", "compute", "sampling_error"]

#: Fast, and still seen: some three posts a cycle.
_SPEED: Final = 600.0
#: What may still be to come where a load has settled; quick settings leave ten times as much.
_TO_COME_K, _TO_COME_UW = 1e-4, 0.3
_QUICKER: Final = 10.0
#: A step in temperature from which the load curve's slope is taken, K.
_APART_K: Final = 0.01
#: Cycles over which thermometers that are scanned are looked at, and how often, s.
_LOOKED_AT, _LOOK_S = 8, 5.0
_PLACES: Final = ("chx", "detector1", "detector2")
_HOW: Final = "still to come, half the step, twice the lumps"


def compute(work: Work) -> Answers:
    """Findings of the running machine."""
    rough = _QUICKER if work.quick else 1.0
    limits = rough * _TO_COME_K, rough * _TO_COME_UW
    grid_k = _grid_k()
    with session_at(work, "amrr", speed=_SPEED) as session:
        found = _loaded(session, limits, grid_k)
        work.tell(0.3)
        looked = second_by_second(session)
        found |= {**cycle_findings(looked), **_parts(session)}
        work.tell(0.45)
        found |= _held(session, limits, grid_k)
        work.tell(0.65)
        found |= _distributed(session, limits)
        work.tell(0.8)
        found |= _strong(session, limits, grid_k)
        work.tell(0.95)
        found |= _magnet(session)
    work.figure(
        "refrigerator-cycle", cycle_figure(looked),
        "One cycle, read through the IOC once a simulated second: fields, flow, cold exchanger.",
        ["flow-time", "no-flow-time", "cycle-time", "opposite-phase", "parallel-fields",
         "fountain-flow", "demagnetising-regenerator", "field-steps"],
    )  # fmt: skip
    return found


def _grid_k() -> float:
    """What half the step and twice the lumps change in T_CHX at the described load, K."""
    p = RefrigeratorParameters()
    more = replace(p.regenerator, nodes=2 * p.regenerator.nodes)
    finer = p, replace(p, dt_s=0.5 * p.dt_s), replace(p, regenerator=more)
    kelvin = [at_load(running(one), p.operation.load_w).chx_k for one in finer]
    return float(np.hypot(kelvin[1] - kelvin[0], kelvin[2] - kelvin[0]))


def _temperature(end: Settled, grid_k: float, note: str) -> Finding:
    """The plate's settled temperature in mK."""
    told = f"{note}, settled in {end.cycles} cycles to {1e3 * end.to_come_k:.2g} mK"
    error_k = float(np.hypot(end.to_come_k, grid_k))
    return numerical(1e3 * end.temperature_k, 1e3 * error_k, _HOW, told)


Limits = tuple[float, float]


def _loaded(session: Session, limits: Limits, grid_k: float) -> dict[str, Finding]:
    from plans.refrigerator.running import cooldown

    ended = session.run(cooldown(session.refrigerator)).value
    end = settled(session, *limits)
    note = f"cooled down in {ended.cycles} cycles, {end.power_uw:.0f} uW"
    return {"cooling-600uw": _temperature(end, grid_k, note)}


def _held(session: Session, limits: Limits, grid_k: float) -> dict[str, Finding]:
    """Heater power at the paper's temperature, from where two setpoints near it settle."""
    from plans.refrigerator.cooling import temperature_curve

    wanted_k = 1e-3 * claim_named("cooling-600uw").low
    ends = []
    for setpoint_k in (wanted_k, wanted_k + _APART_K):
        session.run(temperature_curve(session.refrigerator, [setpoint_k]))
        ends.append(settled(session, *limits))
    power_uw, error_uw, slope = at_temperature(wanted_k, ends[0], ends[1], grid_k)
    return {
        "cooling-power-900mk": numerical(
            power_uw, error_uw, f"{_HOW}, by {slope:.0f} uW/K",
            f"heater's mean over a cycle, from {ends[0].power_uw:.1f} uW at "
            f"{1e3 * ends[0].temperature_k:.1f} mK; 50 uW of parasitic load besides",
        )
    }  # fmt: skip


def at_temperature(
    wanted_k: float, near: Settled, other: Settled, grid_k: float
) -> tuple[float, float, float]:
    """Heater power at a temperature, by the straight line through two settled states.

    Args:
        wanted_k: The temperature.
        near: The state next to it.
        other: Another, for the slope.
        grid_k: What else the temperature of a load is uncertain by.

    Returns:
        Power (uW), its error (uW) and the slope (uW/K).

    Raises:
        ValueError: The two are at one temperature.
    """
    apart_k = other.temperature_k - near.temperature_k
    if apart_k == 0.0:
        raise ValueError(f"two states at {near.temperature_k:.4f} K have no slope")
    slope = (other.power_uw - near.power_uw) / apart_k
    power_uw = near.power_uw + slope * (wanted_k - near.temperature_k)
    in_kelvin = np.hypot(near.to_come_k, grid_k)
    return power_uw, float(np.hypot(near.to_come_uw, slope * in_kelvin)), slope


def _distributed(session: Session, limits: Limits) -> dict[str, Finding]:
    """A third of the load each on the plate and two detectors' stages.

    The scanner comes to a stage's thermometer a few times in a cycle, and may come at the same
    phases in each: what so few readings of a swinging temperature leave open is in the error.
    """
    import bluesky.plan_stubs as bps

    from plans.refrigerator.cooling import load_map

    third = [claim_named("cooling-power-900mk").low / 3.0]
    refrigerator = session.refrigerator
    session.run(load_map(refrigerator, third, third, third))
    end = settled(session, *limits)
    looked = second_by_second(session, cycles=_LOOKED_AT, step_s=_LOOK_S)
    stages = refrigerator.detector1.power, refrigerator.detector2.power
    session.run_engine(bps.mv(stages[0], 0.0, stages[1], 0.0))
    readings = {name: looked[f"{name}_temperature"] for name in _PLACES}
    warmest = max(readings.values(), key=lambda each: float(each.mean()))
    scanned_k = sampling_error(warmest, _LOOKED_AT)
    steps_k = _stages_k(1e-6 * third[0])
    told = ", ".join(f"{1e3 * each.mean():.0f}" for each in readings.values())
    return {
        "distributed-cooling": numerical(
            1e3 * float(warmest.mean()), 1e3 * float(np.hypot(scanned_k, steps_k)),
            "few readings in a cycle, half the step",
            f"means of plate and two stages, {third[0]:.0f} uW each: {told} mK; settled in "
            f"{end.cycles} cycles to {1e3 * end.to_come_k:.2g} mK",
        )
    }  # fmt: skip


def sampling_error(looked: NDArray[np.float64], cycles: int) -> float:
    """Of a cycle's mean, from readings that come a few times in each, maybe at the same phases.

    Args:
        looked: What the thermometer said at equal steps: a reading stays until the next.
        cycles: That this took.

    Returns:
        The readings' scatter over the root of how many there are in one cycle; more cycles do not
        help where the phases are the same.
    """
    fresh = looked[np.flatnonzero(np.diff(looked, prepend=np.nan) != 0.0)]
    in_one = max(1.0, len(fresh) / cycles)
    return float(np.std(fresh) / in_one**0.5)


def _stages_k(load_w: float) -> float:
    """What half the step changes in the stages' mean temperature, loaded as the plate, K."""
    p = RefrigeratorParameters()
    kelvin = []
    for one in (p, replace(p, dt_s=0.5 * p.dt_s)):
        machine = running(one)
        for stage in machine.detectors.values():
            stage.power_w = load_w
        at_load(machine, load_w)
        seconds = []
        for _ in range(round(machine.cycle.period_s)):
            machine.step(1.0)
            seconds.append([stage.temperature_k for stage in machine.detectors.values()])
        kelvin.append(np.mean(seconds, axis=0))
    return float(np.abs(kelvin[1] - kelvin[0]).max())


def _strong(session: Session, limits: Limits, grid_k: float) -> dict[str, Finding]:
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
    session.run(cooldown(session.refrigerator, heater_power_uw=1000.0))
    end = settled(session, *limits)
    pump = f"pump {STRONG_CYCLE.pump_low_t:g} to {STRONG_CYCLE.pump_high_t:g} T"
    return {"cooling-1mw": _temperature(end, grid_k, f"{end.power_uw:.0f} uW, {pump}")}


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
