"""The haloscope's interlocks: quench, warm mixing chamber, oscillating amplifier; and its locks.

A lock is no fault: nothing that shapes a spectrum moves while the digitizer acquires, and the
digitizer does not start while an axis moves. It takes a spectrum or a stream, not both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from haloscope.apparatus.acquisition import Acquisition
from haloscope.apparatus.experiment import SimulatedHaloscope
from instruments.control.interlocks import Interlock, Interlocks

__all__ = ["amplifier_fault", "interlocks_of", "pump_switch"]


def interlocks_of(machine: SimulatedHaloscope, mixing_chamber_k: Callable[[], float]) -> Interlocks:
    """All interlocks of a haloscope.

    They restrain "Magnet", "JPA" (its pump), "JPA settings", "NoiseSource", "Rod", "Antenna",
    "Switch", "Digitizer" and "HighRes" (its high-resolution channel).

    Args:
        machine: The haloscope.
        mixing_chamber_k: Gives the reading of the thermometer at the mixing chamber, K; NaN when
            there is none. With a fault of the sensor it gives the faulty reading, as to any
            controller in a laboratory.
    """
    return Interlocks(
        [
            Interlock(
                "quench",
                partial(_quenched, machine),
                partial(_make_safe, machine),
                restrains=("Magnet", "JPA", "NoiseSource"),
            ),
            Interlock(
                "warm",
                partial(_warm, mixing_chamber_k, _warm_k(machine)),
                partial(_cut_heater, machine),
                restrains=("NoiseSource",),
                latched=True,
            ),
            Interlock(
                "jpa", partial(_oscillating, machine), partial(_pump_off, machine), latched=True
            ),
            *_locks(machine),
        ]
    )


def _locks(machine: SimulatedHaloscope) -> list[Interlock]:
    """Either digitizing or motion, a spectrum or a stream: no faults."""
    spectrum, stream = machine.digitizer, machine.high_resolution
    no_stream = partial(_taking, spectrum, "a spectrum is being taken")
    no_spectrum = partial(_taking, stream, "a high-resolution stream is being taken")
    both = ("Digitizer", "HighRes")
    no_motion = partial(_digitizing, machine, "no motion while digitizing")
    no_change = partial(_digitizing, machine, "no change while digitizing")
    return [
        Interlock("digitizing", no_motion, restrains=("Rod", "Antenna"), alarming=False),
        Interlock("measuring", no_change, restrains=("Switch", "JPA settings"), alarming=False),
        Interlock("moving", partial(_moving, machine), restrains=both, alarming=False),
        Interlock("spectrum", no_stream, restrains=("HighRes",), alarming=False),
        Interlock("stream", no_spectrum, restrains=("Digitizer",), alarming=False),
    ]


def pump_switch(machine: SimulatedHaloscope, interlocks: Interlocks) -> Callable[[object], None]:
    """What switches the amplifier's pump tone.

    Off is always allowed. On is refused during a quench and while digitizing, and acknowledges what
    had switched it off.
    """
    reset = interlocks.guarded("JPA settings", lambda _: interlocks.reset("jpa"))
    acknowledge = interlocks.guarded("JPA", reset)

    def switch(on: object) -> None:
        if on:
            acknowledge(on)
        machine.jpa.pump_on = bool(on)

    return switch


def amplifier_fault(machine: SimulatedHaloscope, interlocks: Interlocks) -> Callable[[], str]:
    """A function that gives the amplifier's fault, also once the pump is off; "" for none."""
    return lambda: machine.jpa.fault or interlocks.reason_of("jpa")


# Reasons; they are asked after every step, so all is well costs one look -------------------------


def _quenched(machine: SimulatedHaloscope) -> str:
    return "magnet quenched: pump and noise source off" if machine.magnet.quenched else ""


def _warm_k(machine: SimulatedHaloscope) -> float:
    p = machine.parameters
    return p.cryostat.base_temperature_k + p.safety.heater_cut_above_base_k


def _warm(mixing_chamber_k: Callable[[], float], limit_k: float) -> str:
    reading_k = mixing_chamber_k()
    if not reading_k > limit_k:
        return ""
    return f"mixing chamber at {1e3 * reading_k:.0f} mK: noise source heater cut"


def _oscillating(machine: SimulatedHaloscope) -> str:
    fault = machine.jpa.fault if machine.jpa.pump_on else ""
    return f"pump switched off: {fault}" if fault else ""


def _digitizing(machine: SimulatedHaloscope, words: str) -> str:
    return words if machine.digitizing else ""


def _taking(instrument: Acquisition, words: str) -> str:
    return words if instrument.busy else ""


def _moving(machine: SimulatedHaloscope) -> str:
    if not (machine.rod.moving or machine.antenna.moving):
        return ""
    axes = {"rod": machine.rod, "antenna": machine.antenna}
    names = " and ".join(name for name, axis in axes.items() if axis.moving)
    return f"no digitizing while moving: {names}"


# What is done about them -------------------------------------------------------------------------


def _make_safe(machine: SimulatedHaloscope) -> None:
    _pump_off(machine)
    _cut_heater(machine)


def _cut_heater(machine: SimulatedHaloscope) -> None:
    machine.noise_source.setpoint_k = machine.parameters.noise_source.lowest_k


def _pump_off(machine: SimulatedHaloscope) -> None:
    machine.jpa.pump_on = False
