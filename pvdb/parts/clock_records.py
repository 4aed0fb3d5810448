"""``Sim:``, the process variables of the simulated clock."""

from __future__ import annotations

from collections.abc import Callable

from pvdb.parts.clock import MAX_SPEED, SimClock
from pvdb.records import AlarmLimits, OnBusy, Record, choice, counter, readback, setpoint, text
from pvdb.records.severity import Severity

LONGEST_STEP_S = 1e6


def clock_records(clock: SimClock, seed: int, error: Callable[[], str]) -> list[Record]:
    """Records of ``clock``.

    Args:
        clock: The clock.
        seed: Seed of the machine's random numbers.
        error: Why the simulation stopped, "" while it is well.
    """
    return [
        setpoint(
            "Sim:Speed",
            lambda: clock.speed,
            lambda speed: setattr(clock, "speed", speed),
            "Times real time; 0 as fast as possible",
            control=(0.0, MAX_SPEED),
            saved=False,
        ),
        readback("Sim:Speed_RBV", lambda: clock.speed, "Times real time; 0 as fast as possible"),
        readback("Sim:Time_RBV", lambda: clock.machine.time_s, "Simulated time", "s"),
        choice(
            "Sim:Pause",
            lambda: int(clock.paused),
            lambda index: setattr(clock, "paused", bool(index)),
            "Hold simulated time",
            ("No", "Yes"),
        ),
        setpoint(
            "Sim:Step",
            None,
            clock.advance_by,
            "Advance a paused clock; completes after",
            "s",
            control=(0.0, LONGEST_STEP_S),
            done=clock.step_done,
            on_busy=OnBusy.REFUSE,
            saved=False,
        ),
        counter("Sim:Seed_RBV", lambda: seed, "Seed of the random numbers"),
        _overruns(clock),
        text("Sim:Error_RBV", error, "Why the simulation stopped", alarm=Severity.MAJOR_ALARM),
    ]


def _overruns(clock: SimClock) -> Record:
    return readback(
        "Sim:Overruns_RBV",
        lambda: float(clock.overruns),
        "Times the physics fell behind",
        precision=0,
        alarms=AlarmLimits(high=1.0),
    )
