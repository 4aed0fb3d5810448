"""The magnetic refrigerator as one ophyd device, its cycle as a thing that can be waited for."""

from __future__ import annotations

from typing import Any

from ophyd import Component as Cpt
from ophyd import Device

from amrr.description import RefrigeratorDescription
from devices.hardware.optional import optional
from devices.parts.base import Positioner, wall_timeout
from devices.parts.clock import expected_s
from devices.parts.described import DescribedInstrument, ServedRefrigerator
from devices.parts.interlock import InterlockStatus
from devices.parts.magnet import PumpMagnet, RegeneratorMagnet
from devices.parts.measured import Measured, number
from devices.signals.reading import readback
from devices.signals.settable import command, setting
from devices.signals.settings import Settings
from devices.waiting.status import NotReachedError, Orders, end_short, send
from devices.waiting.watch import Watch
from devices.waiting.watchdogs import end

__all__ = [
    "ColdExchanger",
    "ColdPath",
    "CurvePoint",
    "Cycle",
    "CycleEndedError",
    "CyclePhases",
    "CyclesMissed",
    "DetectorStage",
    "Flow",
    "HotExchanger",
    "OneKelvinStage",
    "Refrigerator",
    "StabilityMeasured",
]


class CycleEndedError(NotReachedError):
    """The sequencer stopped while its next cycle or phase was waited for; says why."""


class HotExchanger(Device):
    """A hot heat exchanger, on the 1 K stage."""

    temperature = readback("Temp_RBV")


class CyclePhases(Device):
    """The last whole cycle of the cold exchanger, phase by phase; ``trigger`` waits for the next.

    Mean readings in K and mean powers in uW, as many as the cycle has phases, without gaps.
    """

    temperatures = readback("CycleTemp_RBV")
    powers = readback("CyclePower_RBV")
    count = readback("WholeCycles_RBV", "hinted")

    def trigger(self) -> Watch:
        """Return a status that ends when the next whole cycle is known, like ``Cycle.trigger``."""
        cycle = self.parent.parent.cycle
        now = int(self.count.get(use_monitor=False))
        limit_s = wall_timeout(self, 3.0 * cycle.period_s())
        watch = Watch(self.count, lambda value: int(value) > now, limit_s)
        guarded: Watch = cycle.guard(watch, limit_s)
        return guarded

    def pause(self) -> None:
        """When a plan is paused or suspended: what it waits for is asked for again."""
        self.parent.parent.cycle.pause()


class ColdExchanger(Device):
    """The cold heat exchanger with its load heater: open loop in uW, or holding a temperature."""

    temperature = readback("Temp_RBV", "hinted")
    setpoint = command("Temp", "config", doc="K, for the closed loop")
    heater_power = Cpt(Positioner, "HeaterPower", kind="normal", tolerance=0.5, simulated_s=600.0)
    mode = command("Mode", "config", string=True, doc="Open loop, Closed loop")
    proportional = optional(command("P", "config"), "the controller's own")
    integral = optional(command("I", "config"), "the controller's own")
    derivative = optional(command("D", "config"), "the controller's own")
    feed_forward = optional(
        command("FeedForward", "config", string=True, doc="Off, On: by the phase"),
        "the controller's own",
    )
    learning = optional(
        command("Learning", "config", doc="0 to 1, of what the loop did"),
        "the controller's own",
    )
    phases = optional(Cpt(CyclePhases, "", kind="omitted"), "no temperatures phase by phase")


class DetectorStage(Device):
    """A detector's stage on a cold line; ``power`` is what it dissipates, in uW."""

    temperature = readback("Temp_RBV", "hinted")
    power = Cpt(Positioner, "Power", kind="normal", tolerance=0.5, simulated_s=600.0)
    distance = optional(readback("Distance_RBV", "config"), "not recorded")


class ColdPath(Device):
    """Along the tube from regenerator B to A: temperatures of the fluid, and the load map."""

    temperatures = readback("TempProfile_RBV", "omitted")
    loads = readback("Load_RBV", "omitted")
    positions = readback("Position_RBV", "omitted")


class OneKelvinStage(Device):
    """The stage that takes the rejected heat."""

    temperature = readback("Temp_RBV")
    setpoint = command("Temp", "config", doc="K")
    heater = optional(readback("Heater_RBV"), "not recorded")
    mode = command("Mode", "config", string=True, doc="Off, Closed loop")
    proportional = optional(command("P", "config"), "the controller's own")
    integral = optional(command("I", "config"), "the controller's own")
    derivative = optional(command("D", "config"), "the controller's own")


class Flow(Device):
    """The flow through the regenerators, positive from A to B, and the 3He concentrations."""

    rate = readback("Rate_RBV")
    molar_rate = optional(readback("MolarRate_RBV"), "not recorded")
    concentration_a = optional(readback("ConcentrationA_RBV", "omitted"), "not shown")
    concentration_b = optional(readback("ConcentrationB_RBV", "omitted"), "not shown")


class Phase(Device):
    """The phase of the cycle; ``trigger`` waits for its end."""

    value = readback("_RBV", string=True)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.value.name = self.name

    def trigger(self) -> Watch:
        """Return a status that ends when the phase is no longer the present one.

        It rests on a monitor, and IOCs post ten times a second of wall time: a phase that lasts
        less than 0.1 s there (10 s of it above a speed of 100) can pass unseen. Events hold the
        cycle's count and simulated time, by which such gaps are found.
        """
        now = self.value.get(use_monitor=False)
        limit_s = wall_timeout(self, self.parent.period_s())
        return self.parent.guard(Watch(self.value, lambda value: value != now, limit_s), limit_s)

    def pause(self) -> None:
        """When a plan is paused or suspended: what it waits for is asked for again."""
        self.parent.pause()


class Cycle(Device):
    """The sequencer of the cycle; ``trigger`` waits for the end of the next cycle.

    It is commanded by its signal ``run``, not by a ``set`` of its own: bluesky stops whatever it
    has set when a plan ends, and a cool-down shall leave the machine cold and running.
    """

    #: States in which no cycle will end.
    ENDED = frozenset({"Stopped", "Aborted", "Blocked", "Ramping down"})

    run = command("Run", string=True, ends=True, doc="Stop, Run; Stop ramps to zero first")
    hold = optional(
        command("Pause", string=True, doc="No, Yes"),
        "the cycle cannot be paused from here",
    )
    abort = command("Abort", ends=True)
    state = readback("State_RBV", "omitted", string=True)
    phase = optional(Cpt(Phase, "Phase", kind="omitted"), "no event at the end of each phase")
    phase_time = optional(readback("PhaseTime_RBV", "omitted"), "not shown")
    count = readback("Count_RBV", "hinted")
    flow_time = command("FlowTime", "config", doc="s")
    hold_time = command("HoldTime", "config", doc="s")
    pump_low = optional(setting("PumpLow", doc="T"), "the sequencer's own waypoint")
    pump_high = optional(setting("PumpHigh", doc="T"), "the sequencer's own waypoint")
    regen_cold_start = optional(
        setting("RegenColdStart", doc="T, at the start of the cold blow"),
        "the sequencer's own waypoint",
    )
    regen_cold_end = optional(setting("RegenColdEnd", doc="T"), "the sequencer's own waypoint")
    regen_hot_start = optional(
        setting("RegenHotStart", doc="T, at the start of the hot blow"),
        "the sequencer's own waypoint",
    )
    regen_hot_end = optional(setting("RegenHotEnd", doc="T"), "the sequencer's own waypoint")
    mean_chx_temperature = readback("MeanCHXTemp_RBV", "hinted")
    min_chx_temperature = optional(readback("MinCHXTemp_RBV"), "not recorded")
    max_chx_temperature = optional(readback("MaxCHXTemp_RBV"), "not recorded")
    mean_chx_power = readback("MeanCHXPower_RBV")
    work = optional(readback("Work_RBV"), "not recorded")
    rejected_heat = optional(readback("RejectedHeat_RBV"), "not recorded")
    blocked = optional(
        readback("Blocked_RBV", "omitted", long=True),
        "that the cycle is blocked is told, not why",
    )

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self._orders = Orders()
        self._waits: list[Watch] = []

    def period_s(self) -> float:
        """Length of one cycle: two flows and two pauses without flow."""
        return 2.0 * (float(self.flow_time.get()) + float(self.hold_time.get()))

    def trigger(self) -> Watch:
        """Return a status that ends when the next cycle ends.

        It rests on a monitor, posted ten times a second of wall time: cycles shorter than that
        (180 s of them above a speed of 1800) can pass unseen. The count in the event shows it;
        plans record how many (``CyclesMissed``).
        """
        now = int(self.count.get(use_monitor=False))
        limit_s = wall_timeout(self, 2.0 * self.period_s())
        status = Watch(self.count, lambda value: int(value) > now, limit_s)
        status.expected_s = expected_s(limit_s) / 2.0  # at the latest after two, on average one
        return self.guard(status, limit_s)

    def guard(self, status: Watch, limit_s: float) -> Watch:
        """Let ``status`` fail, with the reason, as soon as the sequencer no longer runs.

        One that a plan has ended itself has not failed it; and one that an interlock has ended
        leaves its suspender time to hold the plan.
        """
        self._waits = [wait for wait in self._waits if not wait.done] + [status]
        orders = self._orders
        orders.begin()

        def judge(state: str) -> bool:
            if state not in self.ENDED:
                return False
            if not status.done:
                why = f"{state.lower()}: {self._why_ended()}"
                end_short(self, CycleEndedError(why, orders.by), status)
            return True

        watch = Watch(self.state, judge, limit_s, aside=True)
        status.add_callback(lambda _: end(watch, None))
        return status

    def ordered(self) -> None:
        """A command of this session ends the cycle, and what else moves the magnets."""
        self._orders.give()
        for magnet in self.parent.magnets.values():
            magnet.ordered()

    def pause(self) -> None:
        """When a plan is paused or suspended: what it waits for is asked for again."""
        waits, self._waits = self._waits, []
        for wait in waits:
            end(wait, None)

    def _why_ended(self) -> str:
        """What blocks the sequencer, or which interlock stopped it, as far as is known."""
        try:
            reason = self.blocked.get() or self.parent.interlock.reason.get()
        except Exception as error:  # the status must end in any case
            return f"its reason could not be read: {error}"
        return reason or "no reason is given"

    def stop(self, *, success: bool = False) -> None:
        """End the cycle safely: the sequencer ramps all magnets to zero."""
        send(self.run, "Stop")
        super().stop(success=success)


class CyclesMissed(Measured):
    """What a plan infers from the counts of the cycles it records; the number has its name."""

    unseen = number("cycles", "hinted")

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.unseen.name = self.name


class CurvePoint(Measured):
    """What a plan says of a point of a curve: 1 if its cycles had settled, 0 if it gave up."""

    converged = number("", "hinted")


class StabilityMeasured(Measured):
    """What a plan infers from the phases of many cycles (``instruments.stability``)."""

    cycles = number("cycles")
    mean = number("K")
    within_cycle = number("K", "hinted")
    repeating = number("K", "hinted")
    random = number("K")
    between_cycles = number("K", "hinted")
    expected_between = number("K")
    mean_power = number("uW")
    settled = number("")


class Refrigerator(DescribedInstrument):
    """The active magnetic regenerative refrigerator: ``Refrigerator("AMRR:", name="amrr")``.

    What is fixed about it, ``apparatus``, its IOC serves. A device in front of an IOC that does not
    is given it: ``Refrigerator(..., description=...)``.
    """

    pump_a = Cpt(PumpMagnet, "PumpA:", kind="normal")
    pump_b = Cpt(PumpMagnet, "PumpB:", kind="normal")
    regen_a = Cpt(RegeneratorMagnet, "RegenA:", kind="normal")
    regen_b = Cpt(RegeneratorMagnet, "RegenB:", kind="normal")
    hhx_a = optional(Cpt(HotExchanger, "HHXA:", kind="normal"), "not recorded")
    hhx_b = optional(Cpt(HotExchanger, "HHXB:", kind="normal"), "not recorded")
    chx = Cpt(ColdExchanger, "CHX:", kind="normal")
    cold_path = optional(
        Cpt(ColdPath, "ColdPath:", kind="omitted"),
        "no temperatures along the cold line",
    )
    detector1 = optional(Cpt(DetectorStage, "Detector1:", kind="normal"), "no stage to load")
    detector2 = optional(Cpt(DetectorStage, "Detector2:", kind="normal"), "no stage to load")
    one_k_stage = Cpt(OneKelvinStage, "Stage:", kind="normal")
    flow = optional(Cpt(Flow, "Flow:", kind="normal"), "not recorded")
    cycle = Cpt(Cycle, "Cycle:", kind="normal")
    interlock = optional(
        Cpt(InterlockStatus, "Interlock:", kind="normal"),
        "its reset and its reasons are not here",
    )
    settings = Cpt(Settings, "", kind="omitted")
    #: Lazy: an IOC that serves none is not waited for where a description is given.
    described = optional(
        Cpt(ServedRefrigerator, "Apparatus:", kind="omitted", lazy=True),
        "give the device a description",
    )

    @property
    def apparatus(self) -> RefrigeratorDescription:
        """What its owners state of it; plans go by this.

        Fetched from the IOC once, and again when its hash changes.

        Raises:
            NoDescriptionError: It was given none, and the IOC serves none that can be used.
        """
        stated: RefrigeratorDescription = self._stated()
        return stated

    @property
    def magnets(self) -> dict[str, Any]:
        """The four magnets by name, pumps first."""
        return {
            "pump_a": self.pump_a,
            "pump_b": self.pump_b,
            "regen_a": self.regen_a,
            "regen_b": self.regen_b,
        }
