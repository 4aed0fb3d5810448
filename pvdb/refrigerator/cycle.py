"""The refrigerator's sequencer on the wire: commands, times and waypoints, the last cycle."""

from __future__ import annotations

from collections.abc import Iterator

from amrr.controls.cycle import CycleState
from amrr.limits import FLOW_TIME_S, HOLD_TIME_S
from amrr.refrigerator import SimulatedRefrigerator
from instruments.control.interlocks import Interlocks
from pvdb.records import Record, State, choice, command, counter, readback, setpoint, state, text
from pvdb.records.binding import reader, setting, writer
from pvdb.records.severity import Severity

UW_PER_W = 1e6
CYCLE_STATES = (
    State("Stopped"),
    State("Running"),
    State("Paused", Severity.MINOR_ALARM),
    State("Ramping down"),
    State("Aborted", Severity.MINOR_ALARM),
    State("Blocked", Severity.MAJOR_ALARM),
)
PHASES = ("Idle", "Flow A to B", "No flow 1", "Flow B to A", "No flow 2")
WAYPOINTS = {
    "PumpLow": ("pump_low_t", "Lowest field of the pumps"),
    "PumpHigh": ("pump_high_t", "Highest field of the pumps"),
    "RegenColdStart": ("regen_cold_start_t", "Regenerator, cold flow begins"),
    "RegenColdEnd": ("regen_cold_end_t", "Regenerator, cold flow ends"),
    "RegenHotStart": ("regen_hot_start_t", "Regenerator, hot flow begins"),
    "RegenHotEnd": ("regen_hot_end_t", "Regenerator, hot flow ends"),
}


def cycle_records(machine: SimulatedRefrigerator, interlocks: Interlocks) -> Iterator[Record]:
    """The group ``Cycle``."""
    yield from _commands(machine, interlocks)
    yield from _readbacks(machine)


def _commands(machine: SimulatedRefrigerator, interlocks: Interlocks) -> Iterator[Record]:
    cycle = machine.cycle
    start = interlocks.guarded("Cycle", lambda _: cycle.run())

    def run(index: int) -> None:
        start(index) if index else cycle.stop()

    def pause(index: int) -> None:
        # The cycle refuses to pause twice; a client that writes what it has read is not refused.
        if bool(index) is not (cycle.state is CycleState.PAUSED):
            cycle.pause() if index else cycle.resume()

    def running() -> int:
        return int(cycle.state in (CycleState.RUNNING, CycleState.PAUSED))

    yield choice("Cycle:Run", running, run, "Run, or stop by ramping to zero", ("Stop", "Run"))
    yield choice(
        "Cycle:Pause",
        lambda: int(cycle.state is CycleState.PAUSED),
        pause,
        "Stand still where the magnets are",
        ("No", "Yes"),
    )
    yield command("Cycle:Abort", cycle.abort, "Hold all magnets where they are")
    seconds = (
        ("FlowTime", "flow_time_s", FLOW_TIME_S, "Time of a flow phase"),
        ("HoldTime", "hold_time_s", HOLD_TIME_S, "Time of a phase without flow"),
    )
    for name, attribute, control, what in seconds:
        yield setpoint(
            f"Cycle:{name}",
            reader(cycle, attribute),
            writer(cycle, attribute),
            what,
            "s",
            control=control,
            precision=1,
        )
    for name, (attribute, what) in WAYPOINTS.items():
        side = "PumpA" if name.startswith("Pump") else "RegenA"
        supply = machine.supplies[side]
        highest_t = supply.parameters.current_limit_a * supply.coil.field_per_ampere_t
        yield from setting(
            f"Cycle:{name}", cycle, attribute, what, "T", (0.0, highest_t), precision=4
        )


def _readbacks(machine: SimulatedRefrigerator) -> Iterator[Record]:
    cycle = machine.cycle
    yield state("Cycle:State_RBV", lambda: cycle.state, "What the sequencer is doing", CYCLE_STATES)
    yield state("Cycle:Phase_RBV", lambda: cycle.phase, "Phase of the cycle", PHASES)
    yield counter("Cycle:Count_RBV", lambda: cycle.count, "Finished cycles")
    yield readback(
        "Cycle:PhaseTime_RBV", reader(cycle, "phase_time_s"), "Time in this phase", "s", precision=1
    )
    highest_uw = machine.chx_heater.highest_w * UW_PER_W
    rows = (
        ("MeanCHXTemp_RBV", "mean_chx_temperature_k", "Last cycle, mean CHX", "K", 1.0, (0.0, 2.0)),
        ("MinCHXTemp_RBV", "min_chx_temperature_k", "Last cycle, lowest CHX", "K", 1.0, (0.0, 2.0)),
        ("MaxCHXTemp_RBV", "max_chx_temperature_k", "Last cycle, top CHX", "K", 1.0, (0.0, 2.0)),
        (
            "MeanCHXPower_RBV",
            "cooling_power_w",
            "Last cycle, power",
            "uW",
            UW_PER_W,
            (0.0, highest_uw),
        ),
        ("Work_RBV", "work_j", "Last cycle, magnetic work", "J", 1.0, (0.0, 100.0)),
        (
            "RejectedHeat_RBV",
            "rejected_heat_j",
            "Last cycle, heat",
            "J",
            1.0,
            (0.0, 100.0),
        ),
    )
    for name, attribute, what, units, scale, display in rows:
        yield readback(
            f"Cycle:{name}",
            reader(cycle, attribute, scale),
            what,
            units,
            precision=4,
            display=display,
        )
    yield text(
        "Cycle:Blocked_RBV",
        lambda: cycle.blocked,
        "Why the cycle does not run",
        alarm=Severity.MAJOR_ALARM,
    )
