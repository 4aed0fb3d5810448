"""What the session measured last, on the wire for screens, archivers and alarm handlers.

The instruments give raw data; gain, coupling and limit are inferred by plans and analysis. Whoever
runs those puts the newest values here (``cryohalo.publish`` in a session). Until the first put a
value is undefined: NaN, UDF, INVALID. Nothing is saved: a value of an earlier life is not new.
"""

from __future__ import annotations

from collections.abc import Iterator

from scipy.special import ndtri

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.description.groups import Analysis, Operation
from pvdb.records import AlarmLimits, Range, Record, published

MHZ_PER_HZ = 1e-6
_FAR_GAIN = 2.5
_GAIN_SHOWN_DB = 5.0


def gain_alarms(operation: Operation) -> AlarmLimits:
    """MINOR beyond the tolerance that the scan holds; MAJOR at 2.5 times that (assumed)."""
    gain, near = operation.gain_db, operation.gain_tolerance_db
    far = _FAR_GAIN * near
    return AlarmLimits(
        lolo=gain - far, low=gain - near, high=gain + near, hihi=gain + far, hysteresis=near / 8
    )


def beta_alarms(operation: Operation) -> AlarmLimits:
    """MINOR beyond the range that the scan holds; MAJOR twice as far from its middle (assumed)."""
    low, high = operation.beta_low, operation.beta_high
    width = high - low
    return AlarmLimits(
        lolo=max(0.0, low - width / 2), low=low, high=high, hihi=high + width / 2,
        hysteresis=width / 20,
    )  # fmt: skip


def excess_alarms(analysis: Analysis) -> AlarmLimits:
    """MINOR: a candidate to scan again, by the search's threshold; MAJOR: the signal sought."""
    threshold = analysis.target_snr - float(ndtri(analysis.confidence))
    return AlarmLimits(high=round(threshold, 3), hihi=analysis.target_snr, hysteresis=0.05)


def measured_records(machine: SimulatedHaloscope) -> Iterator[Record]:
    """The group ``Measured``."""
    operation, analysis = machine.parameters.operation, machine.parameters.analysis
    reference_mhz = machine.parameters.cavity.reference_hz * MHZ_PER_HZ
    band: Range = (0.5 * reference_mhz, 1.5 * reference_mhz)
    yield published(
        "Measured:JPAGain",
        "Gain at the probe tone, as measured",
        "dB",
        control=(-60.0, 60.0),
        display=(operation.gain_db - _GAIN_SHOWN_DB, operation.gain_db + _GAIN_SHOWN_DB),
        alarms=gain_alarms(operation),
    )
    yield published(
        "Measured:Beta",
        "Coupling of the antenna, as measured",
        control=(0.0, 100.0),
        display=(0.0, operation.beta_low + operation.beta_high),
        alarms=beta_alarms(operation),
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
        alarms=excess_alarms(analysis),
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
