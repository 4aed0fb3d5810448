"""The groups of a simulated haloscope: what its owners state, and what only a simulation has.

Values stand in files: ``haloscope/data/capp12tb.toml`` has the letter's machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from haloscope.description.groups import (
    Analysis,
    Antenna,
    Axion,
    Cavity,
    Cryostat,
    Digitizer,
    Jpa,
    Magnet,
    NetworkAnalyzer,
    NoiseSource,
    Operation,
    Receiver,
    Rod,
    Safety,
    Unknowns,
)
from haloscope.description.quantities import quantity


@dataclass(frozen=True, kw_only=True)
class AxionParameters(Axion):
    """And the calendar."""

    start_day: float = quantity("day of the year at time zero", 0, 366)


@dataclass(frozen=True, kw_only=True)
class CavityParameters(Cavity):
    """And its TE modes, and its wander."""

    te_frequency_hz: tuple[float, ...] = quantity("TE modes that cross the mode", 0, 1e13)
    te_coupling_hz: tuple[float, ...] = quantity("their couplings to it", 0, 1e10)
    te_q: tuple[float, ...] = quantity("their quality factors", above=0, high=1e12)
    drift_hz: float = quantity("wander of the resonance over hours, rms", 0, 1e9)


@dataclass(frozen=True, kw_only=True)
class RodParameters(Rod):
    """And how it really moves, and what heats it."""

    step_scatter_deg: float = quantity("error of a finished move, rms", 0, 10)
    backlash_deg: float = quantity("play of the crank", 0, 10)
    creep_fraction: float = quantity("of the last move still to come when it ends", 0, 1)
    creep_range_deg: float = quantity("creep grows no further with longer moves", 0, 360)
    creep_time_s: float = quantity("time constant of the creep", 0, 1e6)
    base_load_w: float = quantity("heat on it at rest", 0, 1e3)
    moving_load_w: float = quantity("heat of the drive at the usual speed", 0, 1e3)
    time_constant_s: float = quantity("of its temperature", 0, 1e7)


@dataclass(frozen=True, kw_only=True)
class AntennaParameters(Antenna):
    """And how it really moves and couples."""

    depth_scale_mm: float = quantity("coupling grows e-fold over this", 0, 1e3)
    step_scatter_mm: float = quantity("error of a finished move, rms", 0, 100)
    backlash_mm: float = quantity("play", 0, 100)
    settle_s: float = quantity("the controller's settling at the end of a move", 0, 1e4)
    pulling_hz_per_beta: float = quantity(
        "shift of the resonance by the antenna, per unit of coupling", -1e9, 1e9, unit="Hz"
    )
    moving_load_w: float = quantity("heat of the drive at the usual speed", 0, 1e3)


@dataclass(frozen=True, kw_only=True)
class JpaParameters(Jpa):
    """And what the bench does not show: flux, drifts, the controller's table."""

    flux_offset_a: float = quantity("trapped flux", -10, 10)
    threshold_power_dbm: float = quantity("pump power at parametric oscillation", -300, 100)
    table_error_hz: float = quantity("error of the controller's table, rms", 0, 1e10)
    drift_hz: float = quantity("drift of the resonance over hours, rms", 0, 1e10)
    pump_drift_db: float = quantity("drift of the pump power, rms", 0, 10)
    in_situ_pump_db: float = quantity("pump with the cavity instead of 50 ohm", -10, 10)
    leakage_power_w: float = quantity("line at half the pump, at the input", 0, 1)


@dataclass(frozen=True, kw_only=True)
class ReceiverParameters(Receiver):
    """And its ripple, drifts, spurious lines."""

    rest_slope_db_per_mhz: float = quantity("slope of the gain", -10, 10)
    ripple_db: float = quantity("standing waves, amplitude of each", 0, 10)
    ripple_period_hz: tuple[float, ...] = quantity("their periods", above=0, high=1e13)
    gain_drift_db: float = quantity("drift of the gain over hours, rms", 0, 10)
    line_attenuation_span_db: float = quantity("half range of the line's loss in the band", 0, 60)
    comb_spacing_hz: float = quantity("clock harmonics are this far apart", above=0, high=1e12)
    comb_power_k: float = quantity(
        "median strength of one in a bin, at the first amplifier's input", 0, 1e6
    )
    interference_per_hour: float = quantity("lines that come and go", 0, 1e6)
    interference_power_k: float = quantity("their median strength per bin", 0, 1e6)
    interference_width_hz: float = quantity("their width", 0, 1e9)
    interference_span_hz: float = quantity(
        "they appear within half of this about the reference", 0, 1e13
    )


@dataclass(frozen=True, kw_only=True)
class NoiseSourceParameters(NoiseSource):
    """And what it costs to warm it."""

    link_w_per_k2: float = quantity("link to the mixing chamber", 0, 1e3)


@dataclass(frozen=True, kw_only=True)
class CryostatParameters(Cryostat):
    """And its other stages."""

    time_constant_s: float = quantity("of the mixing chamber's temperature", 0, 1e7)
    still_k: float = quantity("still", 0, 400)
    four_kelvin_k: float = quantity("4 K stage", 0, 400)
    quench_load_w: float = quantity("heat on the mixing chamber in a quench", 0, 1e6)


@dataclass(frozen=True, kw_only=True)
class NetworkAnalyzerParameters(NetworkAnalyzer):
    """And its lines."""

    strong_line_db: float = quantity("port to the strong antenna", -300, 100)
    weak_line_db: float = quantity("port to the weak antenna", -300, 100)
    bypass_line_db: float = quantity("port to the first amplifier's input", -300, 100)
    room_attenuation_db: float = quantity("receiver to the analyzer's second port", -300, 100)
    delay_s: float = quantity("delay of the cables", 0, 1)
    noise_source_reflection: float = quantity("reflection of the load", 0, 1)


@dataclass(frozen=True, kw_only=True)
class ParameterGroups:
    """All groups of one haloscope.

    ``file_origins`` has where values come from, by dotted name; ``folder`` is where a parameter
    file's mode map is looked for.
    """

    name: str
    axion: AxionParameters
    magnet: Magnet
    cavity: CavityParameters
    rod: RodParameters
    antenna: AntennaParameters
    jpa: JpaParameters
    receiver: ReceiverParameters
    noise_source: NoiseSourceParameters
    cryostat: CryostatParameters
    network_analyzer: NetworkAnalyzerParameters
    digitizer: Digitizer
    unknowns: Unknowns
    operation: Operation
    safety: Safety
    analysis: Analysis
    file_origins: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
