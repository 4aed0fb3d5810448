"""The instrument's clock as the IOC reports it, and the IOC's health."""

from __future__ import annotations

import math

from ophyd import Device

from devices.hardware.absent import is_absent
from devices.signals.reading import Fetching, readback
from devices.signals.settable import command, setting
from devices.waiting.watch import Watch
from instruments.ranges import within

__all__ = ["InstrumentClock", "ServerHealth", "expected_s"]

#: Wall seconds granted to any action beyond what the physics takes: network, a busy host.
GRACE_S = 30.0
#: A free-running simulation is taken to run at least this many times real time (assumed: both
#: machines reach some hundred times on one core, and a shared host may take nine tenths of it).
SLOWEST_FREE_RUN = 20.0
#: Factor on the simulated duration, since devices state how long an action takes, not a limit.
MARGIN = 2.0


class InstrumentClock(Fetching):
    """``Sim:``, simulated time and its speed: 1 is real time, N is N times, 0 as fast as it goes.

    Hardware that serves these PVs reports speed 1 and its own time. Where nobody serves them there
    is real time.
    """

    time = readback("Time_RBV", doc="simulated time, s")
    speed = setting("Speed", doc="times real time; 0 = as fast as possible")
    paused = command("Pause", doc="hold simulated time (No, Yes)")
    advance = command("Step", doc="advance a paused clock by so many seconds, then complete")
    seed = readback("Seed_RBV", "config")
    overruns = readback("Overruns_RBV", "omitted")

    def timeout(self, simulated_s: float) -> float:
        """Wall seconds to allow for an action that takes ``simulated_s`` at the present speed.

        Raises:
            ValueError: The duration is negative or not finite.
        """
        within(f"{self.name}: duration to wait for", simulated_s, 0.0, math.inf, "s")
        speed = self.speed_now() or SLOWEST_FREE_RUN
        return GRACE_S + MARGIN * simulated_s / speed

    def speed_now(self) -> float:
        """Simulated seconds in one of the wall; 1 where there is no simulated clock, 0 for free."""
        return 1.0 if is_absent(self.speed) else float(self.speed.get())

    def let_pass(self, simulated_s: float) -> Watch:
        """Return a status that ends when simulated time has advanced by ``simulated_s``."""
        end_s = self.time.get(use_monitor=False) + simulated_s
        return Watch(self.time, lambda value: value >= end_s, self.timeout(simulated_s))


def expected_s(limit_s: float) -> float:
    """Wall seconds that an action is expected to take whose limit is ``timeout``'s."""
    return max(0.0, limit_s - GRACE_S) / MARGIN


class ServerHealth(Device):
    """``IOC:``, what the server says about itself, under the names of iocStats."""

    heartbeat = readback("HEARTBEAT", "omitted")
    uptime = readback("UPTIME", "omitted")
    clients = readback("CA_CLNT_CNT", "omitted")
    records = readback("RECORD_CNT", "omitted")
    memory_used = readback("MEM_USED", "omitted")
    cpu_load = readback("IOC_CPU_LOAD", "omitted")
    hostname = readback("HOSTNAME", "omitted", string=True)
    version = readback("Version_RBV", "config", string=True)
    parameters_hash = readback("ParametersHash_RBV", "config", long=True)
    dropped = readback("Dropped_RBV", "omitted")
    refusal = readback("Refusal_RBV", "omitted", long=True)
