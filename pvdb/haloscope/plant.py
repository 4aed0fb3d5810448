"""The haloscope with its faults, its interlocks, its sealed injection and its table."""

from __future__ import annotations

from collections.abc import Sequence

from haloscope.apparatus.blinding import BlindKey
from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.injection import envelope
from haloscope.apparatus.interlocks import interlocks_of
from haloscope.axion import AxionLine
from haloscope.measuring.samples import MOST_SAMPLES
from haloscope.parameters import HaloscopeParameters
from pvdb.haloscope.envelope import Envelope
from pvdb.haloscope.table import (
    antenna_motor,
    haloscope_faults,
    haloscope_records,
    rod_motor,
)
from pvdb.plant import SEALED_SEED, Plant

BYTES_PER_BIN = 8
#: Room for the header and for clients that ask for a little more than an array.
HEADER_BYTES = 200_000


def haloscope_plant(
    parameters: HaloscopeParameters | None = None,
    *,
    seed: int = 0,
    lines: Sequence[AxionLine] = (),
    hidden: AxionLine | None = None,
    blind: BlindKey | None = None,
    machine: SimulatedHaloscope | None = None,
) -> Plant:
    """The haloscope, ready to be served.

    Args:
        parameters: Of the apparatus; CAPP-12TB if not given.
        seed: Of its random numbers; not of a blind one's, which follow from the key.
        lines: Axions in its field that everybody may know of.
        hidden: One more, sealed in the envelope; who knows the seed can open it.
        blind: Hide what this key holds instead; nothing that is served depends on it but spectra.
        machine: The physics, where it is made already; the other arguments but ``hidden`` are then
            its.

    Raises:
        ValueError: ``blind`` is given together with what it decides.
    """
    if blind is not None:
        if hidden is not None or machine is not None or seed:
            raise ValueError("a blind haloscope: seed and hidden line come from its key alone")
        machine = blind_haloscope(blind, parameters, lines)
    in_field = [*lines, *([hidden] if hidden else [])]
    machine = machine or SimulatedHaloscope(parameters, seed=seed, lines=in_field)
    faults = haloscope_faults(machine)
    interlocks = interlocks_of(machine, lambda: faults.reading("MXC"))
    motors = (rod_motor(machine, interlocks), antenna_motor(machine, interlocks))
    envelope = _envelope(machine, hidden, blind)
    most = max(machine.parameters.digitizer.bins, MOST_SAMPLES)
    return Plant(
        name="Haloscope",
        machine=machine,
        records=[*haloscope_records(machine, interlocks, faults, motors), *envelope.records()],
        # A motion that follows another has begun when the interlocks look.
        guards=(*(motor.process for motor in motors), interlocks.check),
        seed=machine.seed if blind is None else SEALED_SEED,
        parameters_hash=machine.parameters.hash(),
        array_bytes=most * BYTES_PER_BIN + HEADER_BYTES,
        seal=envelope,
    )


def blind_haloscope(
    key: BlindKey,
    parameters: HaloscopeParameters | None = None,
    lines: Sequence[AxionLine] = (),
) -> SimulatedHaloscope:
    """The machine of a blind run; one of its own in every life, as far as spectra go."""
    return SimulatedHaloscope(
        parameters, seed=key.seed, lines=[*lines, *key.lines()], noise_seed=key.noise_seed()
    )


def _envelope(
    machine: SimulatedHaloscope, hidden: AxionLine | None, blind: BlindKey | None
) -> Envelope:
    def busy() -> bool:
        return machine.digitizing

    if blind is not None:
        return Envelope(blind.contents, blind.unseal_key, busy=busy)
    return Envelope(envelope(hidden, machine.seed), busy=busy)
