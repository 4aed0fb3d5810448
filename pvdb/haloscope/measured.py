"""What the session measured last, on the wire for screens, archivers and alarm handlers.

The instruments give raw data; gain, coupling and limit are inferred by plans and analysis. Whoever
runs those puts the newest values here (``cryohalo.publish`` in a session). Until the first put a
value is undefined: NaN, UDF, INVALID. Nothing is saved: a value of an earlier life is not new.
"""

from __future__ import annotations

from collections.abc import Iterator

from haloscope.apparatus.experiment import SimulatedHaloscope
from pvdb.records import AlarmLimits, Range, Record, published

MHZ_PER_HZ = 1e-6
#: MINOR outside 20 +- 0.4 dB, which the scan holds; MAJOR outside 20 +- 1 dB (assumed).
GAIN_ALARMS = AlarmLimits(lolo=19.0, low=19.6, high=20.4, hihi=21.0, hysteresis=0.05)
#: MINOR outside 1.8 to 2.2, which the scan holds; MAJOR at twice that distance from 2 (assumed).
BETA_ALARMS = AlarmLimits(lolo=1.6, low=1.8, high=2.2, hihi=2.4, hysteresis=0.02)
#: MINOR: a candidate to scan again (5 - 1.282, the search's threshold); MAJOR: five sigma.
EXCESS_ALARMS = AlarmLimits(high=3.718, hihi=5.0, hysteresis=0.05)


def measured_records(machine: SimulatedHaloscope) -> Iterator[Record]:
    """The group ``Measured``."""
    reference_mhz = machine.parameters.cavity.reference_hz * MHZ_PER_HZ
    band: Range = (0.5 * reference_mhz, 1.5 * reference_mhz)
    yield published(
        "Measured:JPAGain",
        "Gain at the probe tone, as measured",
        "dB",
        control=(-60.0, 60.0),
        display=(15.0, 25.0),
        alarms=GAIN_ALARMS,
    )
    yield published(
        "Measured:Beta",
        "Coupling of the antenna, as measured",
        control=(0.0, 100.0),
        display=(0.0, 4.0),
        alarms=BETA_ALARMS,
    )
    yield published(
        "Measured:LoadedQ",
        "Loaded quality factor, as measured",
        control=(0.0, 1e9),
        display=(0.0, 1e5),
        precision=0,
    )
    for name, what in (("Cavity", "Resonance, as measured"), ("Target", "Target of this step")):
        yield published(f"Measured:{name}Frequency", what, "MHz", control=band, precision=6)
    yield published(
        "Measured:LimitCoupling",
        "Excluded |g_agg|, 1e-15/GeV",
        "f/GeV",
        control=(0.0, 1e9),
        display=(0.0, 10.0),
    )
    yield published(
        "Measured:HighestExcess",
        "Highest normalised excess",
        "sigma",
        control=(-1e3, 1e6),
        display=(-5.0, 10.0),
        precision=2,
        alarms=EXCESS_ALARMS,
    )
    yield from _forecasts()


def _forecasts() -> Iterator[Record]:
    """What is forecast of the scan under way, from what it has recorded."""
    times: Range = (0.0, 1e12)
    yield published(
        "Measured:CampaignEnd", "Simulated time of the scan's end", "s", control=times, precision=0
    )
    yield published(
        "Measured:CampaignLeft", "Simulated time left of the scan", "s", control=times, precision=0
    )
    yield published(
        "Measured:ForecastCoupling",
        "Will be excluded in the end, 1e-15/GeV",
        "f/GeV",
        control=(0.0, 1e9),
        display=(0.0, 10.0),
    )
