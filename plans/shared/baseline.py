"""What every run should carry at its beginning and end, whatever its plan is about.

RE.preprocessors.append(SupplementalData(baseline=[*baseline(haloscope), *baseline(refrigerator)]))
"""

from __future__ import annotations

from ophyd import OphydObject

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope

__all__ = ["baseline"]


def baseline(instrument: Haloscope | Refrigerator) -> list[OphydObject]:
    """Devices for the baseline stream: fields, temperatures, positions, settings, versions."""
    common = [instrument.sim.time, instrument.ioc.version, instrument.ioc.parameters_hash]
    if isinstance(instrument, Refrigerator):
        stages = [instrument.one_k_stage, instrument.hhx_a, instrument.hhx_b, instrument.chx]
        return [*common, *instrument.magnets.values(), *stages]
    jpa = [instrument.jpa.flux_current, instrument.jpa.pump_frequency, instrument.jpa.pump_power]
    moved = [instrument.rod, instrument.antenna, instrument.switch.selected]
    return [*common, instrument.magnet, instrument.fridge, instrument.noise_source, *moved, *jpa]
