"""What the owners of a haloscope state of it, by groups; values stand in files alone.

Every field says what it is and what it may be; its unit is in its name. What only a simulated
haloscope needs beside it is in ``haloscope.parameters.groups``, whose groups derive from these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from haloscope.combining import detecting_volume_m3
from haloscope.description.quantities import quantity

__all__ = [
    "AMPLIFIERS",
    "Analysis",
    "Antenna",
    "Axion",
    "Cavity",
    "Cryostat",
    "Digitizer",
    "Jpa",
    "Magnet",
    "NetworkAnalyzer",
    "NoiseSource",
    "Operation",
    "Receiver",
    "Rod",
    "Safety",
    "Unknowns",
]

#: Kinds of the first amplifier.
AMPLIFIERS: Final = ("jpa", "squeezed", "wideband")
#: A spectrum of 80 MB; it is held in memory several times.
_MOST_BINS = 10_000_000
_MOST_HZ = 1e13
_MOST_K = 1e4


@dataclass(frozen=True, kw_only=True)
class Axion:
    """The dark matter field at the laboratory."""

    density_gev_per_cm3: float = quantity("local density of dark matter", above=0, high=1e6)
    latitude_deg: float = quantity("latitude of the laboratory", -90, 90)


@dataclass(frozen=True, kw_only=True)
class Magnet:
    """The solenoid and its supply."""

    full_field_t: float = quantity("central field of the search", above=0, high=100)
    average_field_t: float = quantity(
        "root mean square field over the cavity at that central field", above=0, high=100
    )
    full_current_a: float = quantity("current at full field", above=0, high=1e6)
    inductance_h: float = quantity("inductance of the coil", above=0, high=1e6)
    ramp_rate_a_per_s: float = quantity("rate of a ramp", above=0, high=1e5)
    voltage_limit_v: float = quantity("rating of the supply", above=0, high=1e6)


@dataclass(frozen=True, kw_only=True)
class Cavity:
    """The cavity and the mode that the axion drives."""

    volume_m3: float = quantity("inner volume less rods, of one cell", above=0, high=1e3)
    radius_m: float = quantity("inner radius", above=0, high=100)
    reference_hz: float = quantity(
        "frequency at which what depends on frequency is stated", 1e6, _MOST_HZ
    )
    unloaded_q: float = quantity("unloaded quality factor at the reference", above=1, high=1e12)
    weak_coupling: float = quantity("coupling of the fixed weak antenna", above=0, high=1)
    form_factor: float = quantity(
        "form factor at the reference; its course is the mode map's", above=0, high=1
    )
    frequency_scale: float = quantity(
        "true frequency over that of the mode map's table", above=0, high=100
    )
    cells: int = quantity("cavities, or cells of one, whose signals are added coherently", 1, 1000)
    matching_loss_db: float = quantity(
        "what phases, frequencies and combiner lose of that many times the power of one cell", 0, 30
    )

    @property
    def detecting_volume_m3(self) -> float:
        """The volume of one cavity that would give the same signal."""
        return detecting_volume_m3(self.volume_m3, self.cells, self.matching_loss_db)


@dataclass(frozen=True, kw_only=True)
class Rod:
    """The tuning rod on its crank, and its rotator."""

    mode_map: str = quantity(
        "table of the mode over the rod's place: one that is shipped, or a file beside this one"
    )
    axle_offset_m: float = quantity("crank's axle to the cavity's axis", above=0, high=100)
    arm_m: float = quantity("crank's axle to the rod's axis", above=0, high=100)
    low_limit_deg: float = quantity("lower stop of the rotator", -360, 360)
    high_limit_deg: float = quantity("upper stop of the rotator", -360, 360)
    velocity_deg_per_s: float = quantity("usual speed", above=0, high=1e3)
    highest_velocity_deg_per_s: float = quantity("highest speed", above=0, high=1e3)
    settle_s: float = quantity("the controller's settling at the end of a move", 0, 1e4)
    base_temperature_k: float = quantity("temperature at rest", 0, 400)


@dataclass(frozen=True, kw_only=True)
class Antenna:
    """The strongly coupled antenna and its drive. Its position is the depth of insertion."""

    low_limit_mm: float = quantity("withdrawn", -1e3, 1e3)
    high_limit_mm: float = quantity("fully inserted", -1e3, 1e3)
    reference_position_mm: float = quantity("where it has the reference coupling", -1e3, 1e3)
    reference_beta: float = quantity("coupling of the search", above=0, high=1e3)
    velocity_mm_per_s: float = quantity("usual speed", above=0, high=1e3)
    highest_velocity_mm_per_s: float = quantity("highest speed", above=0, high=1e3)


@dataclass(frozen=True, kw_only=True)
class Jpa:
    """The first amplifier: flux-driven, pumped at twice its resonance; or a wideband one."""

    kind: str = quantity(
        "jpa; squeezed: the same with a squeezer before the cavity, its pump on the cavity; "
        "wideband: gain without a resonance, its idler far away", words=AMPLIFIERS,
    )  # fmt: skip
    squeezing_db: float = quantity("of the squeezer at its output, 0 without one", 0, 60)
    squeezed_transmission: float = quantity(
        "of all lines from the squeezer to the amplifier, the cavity left out", above=0, high=1
    )
    highest_resonance_hz: float = quantity("highest resonance", 1e6, _MOST_HZ)
    flux_period_a: float = quantity("current per flux quantum", above=0, high=10)
    linewidth_hz: float = quantity(
        "linewidth without pump; of a wideband amplifier the width of its gain", above=0,
        high=_MOST_HZ,
    )  # fmt: skip
    compression_dbm: float = quantity("input at 1 dB compression, 20 dB of gain", -300, 100)
    excess_noise_k: float = quantity("noise beyond that of the idler", 0, _MOST_K)


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Line, amplifiers behind the first, and down-conversion."""

    rest_noise_k: float = quantity("noise of the chain without the first amplifier", 0, _MOST_K)
    rest_gain_db: float = quantity("gain of the chain without the first amplifier", -100, 300)
    line_attenuation_db: float = quantity("loss from the cavity to the switch", 0, 60)
    termination_k: float = quantity("noise that falls on the cavity", 0, 1e4)
    image_rejection_db: float = quantity("rejection of the image", 0, 300)
    intermediate_hz: float = quantity(
        "centre of a spectrum less the local oscillator's frequency", -1e10, 1e10
    )
    filter_half_width_hz: float = quantity(
        "half width of the intermediate frequency filter, 3 dB", above=0, high=1e11
    )


@dataclass(frozen=True, kw_only=True)
class NoiseSource:
    """The heated load behind the switch."""

    lowest_k: float = quantity("coldest temperature", above=0, high=_MOST_K)
    highest_k: float = quantity("hottest temperature", above=0, high=_MOST_K)
    time_constant_s: float = quantity("of its temperature", above=0, high=1e7)
    settled_within_k: float = quantity("setpoint reached", above=0, high=400)


@dataclass(frozen=True, kw_only=True)
class Cryostat:
    """The refrigerator and its stages."""

    base_temperature_k: float = quantity(
        "mixing chamber with the experiment running", above=0, high=400
    )
    cooling_power_w: float = quantity("cooling power at the next value", above=0, high=1e4)
    cooling_power_at_k: float = quantity("where it is stated", above=0, high=400)


@dataclass(frozen=True, kw_only=True)
class NetworkAnalyzer:
    """The network analyzer and the circulators that it looks through."""

    isolation_db: float = quantity("isolation of the circulators", above=0, high=300)
    default_power_dbm: float = quantity("power at the port", -300, 100)
    lowest_power_dbm: float = quantity("lowest power", -300, 100)
    highest_power_dbm: float = quantity("highest power", -300, 100)


@dataclass(frozen=True, kw_only=True)
class Digitizer:
    """How spectra are taken."""

    bins: int = quantity("bins of a spectrum", 1, _MOST_BINS)
    bin_width_hz: float = quantity("width of a bin", above=0, high=1e9)
    averages: int = quantity("spectra averaged at a step", 1, 10_000_000)
    efficiency: float = quantity("share of the time that is digitized", above=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Unknowns:
    """How far the apparatus may be from what its owners state: standard deviations.

    The owners know these numbers, and the analysis takes them for the errors of what nobody
    measures. A simulated machine draws its own from the seed (``haloscope.apparatus.unknowns``).
    """

    form_factor_spread: float = quantity("of the form factor, relative", 0, 0.2)
    field_spread: float = quantity("of the mean field, relative", 0, 0.2)
    line_attenuation_spread_db: float = quantity(
        "of the line's loss beyond what two reflections tell", 0, 1
    )
    noise_source_spread: float = quantity("of the noise source's temperature, relative", 0, 0.2)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How it is run: offsets, what each step must fulfil, how often it is calibrated."""

    band_low_hz: float = quantity("lower end of the search", 1e6, _MOST_HZ)
    band_high_hz: float = quantity("upper end of the search", 1e6, _MOST_HZ)
    jpa_offset_hz: float = quantity(
        "amplifier's resonance less the target, where cavity and spectrum are centred; at the "
        "target itself the idler would bring the cavity's noise in twice", -1e9, 1e9,
    )  # fmt: skip
    probe_offset_hz: float = quantity(
        "probe tone, at which the gain is stated, less the amplifier's resonance", -1e9, 1e9
    )
    tuning_tolerance_hz: float = quantity("resonance from its target, at most", 1, 1e9)
    beta_low: float = quantity("lowest coupling of a step", 0.05, 20)
    beta_high: float = quantity("highest coupling of a step", 0.05, 20)
    gain_db: float = quantity("gain of the first amplifier", 3, 30)
    gain_tolerance_db: float = quantity("gain from what is wanted, at most", 0.02, 3)
    first_pump_dbm: float = quantity("pump power to begin with, well below oscillation", -200, 100)
    step_hz: float = quantity("distance of targets", 1, 1e9)
    step_overhead_s: float = quantity("time of a step beside the integration", 0, 1e5)
    rescan_averages: int = quantity("spectra averaged at a step of a rescan", 1, 10_000_000)
    rescan_half_width_hz: float = quantity("steps of a rescan up to this far", 0, 1e9)
    calibration_averages: int = quantity(
        "spectra averaged at each temperature of the noise source", 10, 1_000_000
    )
    calibration_spacing_hz: float = quantity(
        "greatest distance of calibrations along a band", above=0, high=_MOST_HZ
    )
    calibration_every_s: float = quantity("time between calibrations", above=0, high=1e9)
    rod_take_up_deg: float = quantity(
        "this much too far the rod goes first: more than its play", 0, 360
    )
    antenna_take_up_mm: float = quantity("the same for the antenna", 0, 1e3)
    coupling_depth_mm: float = quantity(
        "insertion over which the coupling is taken to grow e-fold", above=0, high=1e3
    )
    map_step_hz: float = quantity("distance of points in a map of the modes", 1, 1e9)
    map_reach_hz: float = quantity("this far about each target modes must be known", 1, 1e9)
    crossing_pull_hz: float = quantity(
        "pulled farther off its course than this a resonance is crossing", 1, 1e9
    )


@dataclass(frozen=True, kw_only=True)
class Safety:
    """What is too warm: of suspenders, interlocks and alarms."""

    suspend_above_k: float = quantity(
        "plans are held while the mixing chamber is above this", above=0, high=400
    )
    resume_below_k: float = quantity("and go on below this", above=0, high=400)
    heater_cut_above_base_k: float = quantity(
        "the noise source's heater is cut when the mixing chamber is this much above its base",
        above=0, high=400,
    )  # fmt: skip
    cold_high_k: float = quantity("minor alarm of what is at the base", above=0, high=400)
    cold_hihi_k: float = quantity("major alarm of what is at the base", above=0, high=400)
    rod_high_k: float = quantity("minor alarm of the rod", above=0, high=400)
    rod_hihi_k: float = quantity("major alarm of the rod", above=0, high=400)
    still_low_k: float = quantity("minor alarm of a still too cold", 0, 400)
    still_high_k: float = quantity("minor alarm of a still too warm", above=0, high=400)
    still_hihi_k: float = quantity("major alarm of the still", above=0, high=400)
    four_kelvin_high_k: float = quantity("minor alarm of the 4 K stage", above=0, high=400)
    four_kelvin_hihi_k: float = quantity("major alarm of the 4 K stage", above=0, high=400)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """How its spectra are analysed: ``haloscope.analysis.options``."""

    window_hz: float = quantity("span kept around each target", above=0, high=1e9)
    line_span: float = quantity("span co-added for a line over its frequency", 1e-12, 1e-2)
    fine_per_line: int = quantity("fine bins in that span", 1, 10_000)
    coarse_per_line: int = quantity("coarse bins in that span", 1, 1_000)
    baseline: str = quantity(
        "what is subtracted from a spectrum", words=("auto", "letter", "pade", "savgol")
    )
    pade_degree: int = quantity("degree of the polynomial over a quadratic", 2, 20)
    savgol_window_hz: float = quantity("window of the smoother", above=0, high=1e9)
    savgol_degree: int = quantity("degree of its polynomial", 0, 20)
    jpa_gain_tolerance_db: float = quantity("prior of a fit on the gain at the target", 0, 30)
    confidence: float = quantity("probability to find a line of the target SNR", 0.5, 0.9999)
    target_snr: float = quantity("signal that the search is to find, in sigma", above=0, high=100)
    noise_systematic: float = quantity(
        "error of the noise temperature where no two methods were compared, relative", 0, 0.99
    )
