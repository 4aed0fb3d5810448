"""The whole refrigerator, many steps in one compiled call.

One step, in this order: the cycle programs the supplies; supplies and coils move; fields change in
the beds; the pump moves fluid; the loop exchanges heat; the stage follows; thermometers read;
heaters are controlled. Nothing in here depends on how many steps a call makes: all that one step
leaves to the next is in the arrays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import conduction, loop, rows, slip
from amrr.coils import magnet
from amrr.compiled import jit, jit_sums
from amrr.controls import repetition, sequence, thermometry
from amrr.cryostat import stage
from instruments.control import pid as controller
from instruments.magnets import ramp

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

# Slots of the miscellaneous state.
TIME: Final = 0  # s, kept as steps * dt
STEPS: Final = 1
STAGE: Final = 2  # K
FLOW: Final = 3  # m3/s
CHX_POWER: Final = 4  # heater setting, W
CHX_CLOSED: Final = 5  # 1: closed loop
CHX_SETPOINT: Final = 6  # K
CHX_HEATER: Final = 7  # heater now, W
STAGE_CLOSED: Final = 8
STAGE_SETPOINT: Final = 9
STAGE_HEATER: Final = 10
SCAN_CHANNEL: Final = 11
SCAN_STEPS: Final = 12
FIELD_HEAT: Final = 13  # heat of the four coils into the stage, J, running sum
EXTRA_LOAD: Final = 14  # injected extra heat leak into the CHX, W
SLIP_FLOW: Final = 15  # osmotic closure: 3He into the CHX by counterflow, mol/s
SCANNER_OFF: Final = 16
UNSOUND: Final = 17  # 1: a number is none; no more steps
STATE_SIZE: Final = 18

# Slots of the fixed numbers.
DT: Final = 0
PARASITIC: Final = 1
SELF_HEATING: Final = 2  # K at 1 K
CHX_LIMIT: Final = 3  # W
STAGE_LIMIT: Final = 4  # W
KAPPA: Final = 5  # conductivity of the fluid at 1 K and x = 0.1, W/(m K)
SWEEP: Final = 6  # the part of the worst lump that 1 m3 through the loop sweeps, 1/m3
CONSTANTS: Final = 7

_ramp_output = jit(ramp.ramp_output)
_observe = jit(ramp.observe)
_pid = jit(controller.update)
_follow = jit(controller.follow)


@jit
def move_magnets(
    supplies: Array,
    supply_p: Array,
    coils: Array,
    coil_p: Array,
    currents: Array,
    m: Array,
    dt_s: float,
) -> float:
    """Supplies and coils; returns the heat that the coils gave to the stage, J."""
    heat = 0.0
    for k in range(4):
        x, p = coils[k], coil_p[k]
        clamp = magnet.forward_voltage(x, p)
        _ramp_output(supplies[k], supply_p[k], p[magnet.INDUCTANCE], clamp, dt_s)
        magnet.advance(x, p, supplies[k, ramp.OUTPUT], m[STAGE], dt_s)
        resistive = x[magnet.RESISTANCE] * x[magnet.CURRENT]
        _observe(supplies[k], supply_p[k], x[magnet.CURRENT], x[magnet.VOLTAGE], resistive, dt_s)
        currents[k] = x[magnet.CURRENT]
        heat += x[magnet.STAGE_HEAT]
    return heat


def true_temperature(m: Array, nodes: Array, place: int) -> float:
    """What a thermometer in this place reads if it has no error, K."""
    if place == thermometry.ON_STAGE:
        return m[STAGE]
    return nodes[rows.WALL, place]


_true_temperature = jit(true_temperature)


@jit
def read_thermometers(
    m: Array,
    c: Array,
    nodes: Array,
    mounts: Ints,
    meters: Array,
    log_r: Array,
    noise: Array,
    scan_steps: float,
) -> None:
    """Both bridges, and the scanner when its dwell is over."""
    row = int(m[STEPS]) % thermometry.NOISE_BLOCK
    for k in range(thermometry.CONTINUOUS):
        t = _true_temperature(m, nodes, mounts[k])
        thermometry.read(meters, k, log_r, t, noise[row, k], c[SELF_HEATING], m[TIME])
    if m[SCANNER_OFF] > 0.0:
        return
    m[SCAN_STEPS] += 1.0
    if m[SCAN_STEPS] >= scan_steps:
        m[SCAN_STEPS] = 0.0
        k = int(m[SCAN_CHANNEL])
        t = _true_temperature(m, nodes, mounts[k])
        thermometry.read(meters, k, log_r, t, noise[row, k], c[SELF_HEATING], m[TIME])
        k += 1
        while k < thermometry.COUNT and mounts[k] == thermometry.ABSENT:
            k += 1
        m[SCAN_CHANNEL] = k if k < thermometry.COUNT else thermometry.CONTINUOUS


@jit
def feeds_forward(cycle: Array, pid: Array, table: Array, slots: Array, closed: bool) -> float:
    """1 when the phase of the cycle adds to the cold exchanger's power (``repetition``), else 0.

    Whether it does may change at any time: the loop then takes over from the present power.
    """
    if cycle[sequence.COUNT] != slots[repetition.COUNT]:
        slots[repetition.COUNT] = cycle[sequence.COUNT]
        before = table[repetition.AHEAD, 0]
        repetition.end_cycle(table, slots)
        pid[controller.INTEGRAL] -= table[repetition.AHEAD, 0] - before
    active = closed and sequence.runs(cycle) and slots[repetition.ON] > 0.0
    if active != (slots[repetition.ACTIVE] > 0.0):
        slots[repetition.ACTIVE] = 1.0 if active else 0.0
        slots[repetition.WHOLE] = 0.0
        _follow(pid, pid[controller.OUTPUT])
    return 1.0 if active else 0.0


@jit
def control_chx(
    m: Array, meters: Array, pid: Array, cycle: Array, table: Array, slots: Array, dt_s: float
) -> None:
    """Open or closed loop for the cold exchanger's heater; with an open sensor it gives 0 W."""
    works = m[CHX_CLOSED] > 0.0 and meters[thermometry.BROKEN, 0] == 0.0
    active = feeds_forward(cycle, pid, table, slots, works)
    at = repetition.position(cycle[sequence.SUM_STEPS], sequence.period_s(cycle) / dt_s)
    ahead = active * repetition.ahead(table, at)
    reading = meters[thermometry.READING, 0]
    if works:
        m[CHX_HEATER] = _pid(pid, m[CHX_SETPOINT] - reading, reading, dt_s, ahead)
    else:
        m[CHX_HEATER] = m[CHX_POWER] if m[CHX_CLOSED] == 0.0 else 0.0
        _follow(pid, m[CHX_HEATER])
    if sequence.runs(cycle):
        repetition.note(table, at, reading, m[CHX_HEATER], ahead)


@jit
def control_stage(m: Array, meters: Array, pid: Array, dt_s: float) -> None:
    """The trim heater: off, or in closed loop; with an open sensor it gives 0 W.

    A loop that does not set its heater follows it, and starts from there when it does again.
    """
    if m[STAGE_CLOSED] > 0.0 and meters[thermometry.BROKEN, 1] == 0.0:
        reading = meters[thermometry.READING, 1]
        m[STAGE_HEATER] = _pid(pid, m[STAGE_SETPOINT] - reading, reading, dt_s, 0.0)
    else:
        m[STAGE_HEATER] = 0.0
        _follow(pid, 0.0)


WORK_ROWS: Final = max(conduction.WORK_ROWS, slip.WORK_ROWS)


class Machine(NamedTuple):
    """All arrays of one refrigerator, by name. What changes is changed in place.

    Attributes:
        m: Miscellaneous state, slots above.
        c: Fixed numbers, slots above.
        nodes: State of the lumps, rows as in ``amrr.circuit.loop``.
        node_c: Their constants.
        mixing: What ``amrr.circuit.loop.note_mixing`` has noted; nothing depends on it.
        coil_of: Which magnet each lump sits in.
        pump_c: Constants of the pump.
        garnet: Spline tables of the refrigerants.
        fluid: Spline table of the mixture.
        supplies: State of the four supplies, slots as in ``instruments.magnets.ramp``.
        supply_p: Their parameters.
        coils: State of the four coils, slots as in ``amrr.coils.magnet``.
        coil_p: Their constants.
        cycle: The sequencer's state, slots as in ``amrr.controls.sequence``.
        ledger: Running sums of work and heat, slots as in ``amrr.circuit.loop``.
        pids: Control loops of the cold exchanger and of the stage.
        meters: State of the thermometers, rows as in ``amrr.controls.thermometry``.
        mounts: Where they are mounted.
        log_r: Their common curve.
        dwell: The scanner's dwell, s.
        repeat: Phases of the cycle, rows as in ``amrr.controls.repetition``.
        repeating: Its settings, slots as there.
        plate: First lump of the cold exchanger, and the one behind its last.
        currents: Of the coils, A; this one and the next two are room that a step works in.
        per_ampere: Fields of the coils, T/A.
        work: Rows of ``WORK_ROWS``.
    """

    m: Array
    c: Array
    nodes: Array
    node_c: Array
    mixing: Array
    coil_of: Ints
    pump_c: Array
    garnet: Array
    fluid: Array
    supplies: Array
    supply_p: Array
    coils: Array
    coil_p: Array
    cycle: Array
    ledger: Array
    pids: Array
    meters: Array
    mounts: Ints
    log_r: Array
    dwell: Array
    repeat: Array
    repeating: Array
    plate: Ints
    currents: Array
    per_ampere: Array
    work: Array


@jit_sums
def sound(a: Machine) -> bool:
    """Whether all that a step has left is finite: a sum is not if one of its numbers is not."""
    total = a.m.sum() + a.nodes.sum() + a.coils.sum() + a.supplies.sum() + a.cycle.sum()
    total += a.repeat.sum() + a.repeating.sum()
    return bool(np.isfinite(total + a.ledger.sum() + a.pids.sum() + a.meters.sum()))


@jit
def circulate(a: Machine, work: Array, dt_s: float) -> None:
    """Flow, 3He and heat of one step, in as many pieces as its flow needs."""
    m, x, n, ledger = a.m, a.nodes, a.node_c, a.ledger
    flow = loop.pump_flow(x, n, a.fluid, a.pump_c, dt_s)
    longest = dt_s / loop.pieces(a.c[SWEEP], flow * dt_s)
    largest = loop.LARGEST_COURANT / (a.c[SWEEP] * longest)
    moved = slipped = 0.0
    left = dt_s
    while left > 1e-9 * dt_s:
        dt = min(longest, left)
        if left < dt_s:
            flow = loop.pump_flow(x, n, a.fluid, a.pump_c, dt)
        flow = min(max(flow, -largest), largest)
        dt = slip.prepare(x, n, a.fluid, a.pump_c, work, dt, dt_s / slip.MOST_PIECES)
        x[rows.HEAT] = 0.0
        slipped += slip.move(x, n, flow * dt, work)
        load_j, load_j_per_k = conduction.conduct(x, n, a.c[KAPPA], m[STAGE], work, dt)
        ledger[rows.HEAT_LOAD] += load_j
        ledger[rows.ENTROPY_OF_LOAD] += load_j_per_k
        loop.transport(x, n, a.mixing, a.garnet, a.fluid, flow * dt, m[STAGE], ledger, dt)
        moved += flow * dt
        left -= dt
    # Conduction goes along the chain, to which the pump's two beds do not belong: they have no
    # partner of metal, and their thermometers read that row.
    for bed in range(x.shape[1] - 2, x.shape[1]):
        x[rows.WALL, bed] = x[rows.TEMPERATURE, bed]
    m[FLOW] = moved / dt_s
    m[SLIP_FLOW] = slipped / dt_s


def advance(steps: int, a: Machine, noise: Array, stage_table: Array) -> None:
    """Advance a machine by a number of steps, or to the step that leaves a number which is none.

    Args:
        steps: How many.
        a: The machine.
        noise: A block of noise for its thermometers.
        stage_table: The table of its stage.
    """
    m, nodes, node_c, ledger, dt = a.m, a.nodes, a.node_c, a.ledger, a.c[DT]
    currents, per_ampere = a.currents, a.per_ampere
    for k in range(4):
        currents[k] = a.coils[k, magnet.CURRENT]
        per_ampere[k] = a.coil_p[k, magnet.FIELD_PER_A]
    for _ in range(steps):
        if not sound(a):  # before the chain's solution spreads it everywhere
            break
        reading = a.meters[thermometry.READING, 0]
        sequence.advance(
            a.cycle, a.supplies, currents, per_ampere, ledger, reading, m[CHX_HEATER], dt
        )
        heat = move_magnets(a.supplies, a.supply_p, a.coils, a.coil_p, currents, m, dt)
        m[FIELD_HEAT] += heat
        loop.change_field(nodes, node_c, a.mixing, a.coil_of, currents, a.garnet, a.fluid, ledger)
        if not np.isfinite(nodes[rows.TEMPERATURE].sum()):
            break
        before = ledger[rows.HEAT_HHX] + ledger[rows.HEAT_BEDS]
        load = m[CHX_HEATER] + a.c[PARASITIC] + m[EXTRA_LOAD]
        nodes[rows.LOAD, a.plate[0] : a.plate[1]] = load / (a.plate[1] - a.plate[0])
        circulate(a, a.work, dt)
        heat += ledger[rows.HEAT_HHX] + ledger[rows.HEAT_BEDS] - before
        m[STAGE] = stage.advance(stage_table, m[STAGE], heat + m[STAGE_HEATER] * dt, dt)
        m[STEPS] += 1.0
        m[TIME] = m[STEPS] * dt
        scan_steps = np.round(a.dwell[0] / dt)
        read_thermometers(m, a.c, nodes, a.mounts, a.meters, a.log_r, noise, scan_steps)
        control_chx(m, a.meters, a.pids[0], a.cycle, a.repeat, a.repeating, dt)
        control_stage(m, a.meters, a.pids[1], dt)
    m[UNSOUND] = 0.0 if sound(a) else 1.0


def settle(nodes: Array, node_c: Array, garnet: Array, fluid: Array) -> None:
    """``amrr.circuit.loop.settle`` for all lumps.

    Args:
        nodes: State of the lumps.
        node_c: Their constants.
        garnet: Spline tables of the refrigerants.
        fluid: Spline table of the mixture.
    """
    for i in range(nodes.shape[1]):
        loop.settle(nodes, node_c, i, garnet, fluid)
