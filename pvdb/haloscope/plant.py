"""The haloscope with its faults, its interlocks, its sealed injection and its table."""

from __future__ import annotations

from collections.abc import Sequence

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.interlocks import interlocks_of
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from pvdb.haloscope.envelope import Envelope
from pvdb.haloscope.table import (
    antenna_motor,
    haloscope_faults,
    haloscope_records,
    rod_motor,
)
from pvdb.plant import Plant

BYTES_PER_BIN = 8
#: Room for the header and for clients that ask for a little more than an array.
HEADER_BYTES = 200_000


def haloscope_plant(
    parameters: HaloscopeParameters | None = None,
    *,
    seed: int = 0,
    lines: Sequence[AxionLine] = (),
    hidden: AxionLine | None = None,
    machine: SimulatedHaloscope | None = None,
) -> Plant:
    """The haloscope, ready to be served.

    Args:
        parameters: Of the apparatus; CAPP-12TB if not given.
        seed: Of its random numbers.
        lines: Axions in its field that everybody may know of.
        hidden: One more, sealed in the envelope.
        machine: The physics, where it is made already; the other arguments but ``hidden`` are then
            its.
    """
    in_field = [*lines, *([hidden] if hidden else [])]
    machine = machine or SimulatedHaloscope(parameters, seed=seed, lines=in_field)
    faults = haloscope_faults(machine)
    interlocks = interlocks_of(machine, lambda: faults.reading("MXC"))
    motors = (rod_motor(machine, interlocks), antenna_motor(machine, interlocks))
    envelope = Envelope(machine.seed, hidden)
    return Plant(
        name="Haloscope",
        machine=machine,
        records=[*haloscope_records(machine, interlocks, faults, motors), *envelope.records()],
        # A motion that follows another has begun when the interlocks look.
        guards=(*(motor.process for motor in motors), interlocks.check),
        seed=machine.seed,
        parameters_hash=machine.parameters.hash(),
        array_bytes=machine.parameters.digitizer.bins * BYTES_PER_BIN + HEADER_BYTES,
    )
