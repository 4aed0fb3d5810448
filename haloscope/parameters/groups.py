"""The groups of a haloscope's constants, each value with where it comes from.

Every field carries its unit in its name and its origin in its metadata: ``paper`` (the letter
unless it says otherwise), ``derived`` (computed from paper values, the note says how) or
``assumed`` (the note says why).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from haloscope.constants import INTERMEDIATE_HZ
from haloscope.parameters.provenance import assumed, derived, paper


@dataclass(frozen=True)
class AxionParameters:
    """The dark matter field at the laboratory."""

    density_gev_per_cm3: float = paper(0.45, "below Eq. 1")
    start_day: float = paper(59.0, "data taking from 1 March 2022: day of the year at time zero")
    latitude_deg: float = assumed(36.38, "Daejeon")


@dataclass(frozen=True)
class MagnetParameters:
    """The solenoid and its supply."""

    full_field_t: float = paper(12.0, "central field")
    average_field_t: float = paper(10.31, "B_avg over the cavity at full field")
    full_current_a: float = assumed(300.0, "of the order of such Nb3Sn/NbTi magnets")
    inductance_h: float = assumed(120.0, "5.4 MJ stored at 300 A, a 320 mm bore at 12 T")
    ramp_rate_a_per_s: float = assumed(0.05, "100 minutes to full field")
    voltage_limit_v: float = assumed(10.0, "supply rating; 6 V at the ramp rate")


@dataclass(frozen=True)
class CavityParameters:
    """Cavity and its TM010-like mode."""

    volume_m3: float = paper(36.85e-3, "text before Eq. 1")
    radius_m: float = assumed(
        0.131, "bore of 320 mm less wall and cryostat; puts 1.1 GHz in the tuning range"
    )
    reference_hz: float = paper(1.1e9, "Eq. 1")
    unloaded_q: float = derived(
        107500.0, "Q_L over 35000 at beta = 2 everywhere from 1.09 to 1.11 GHz"
    )
    weak_coupling: float = assumed(1e-4, "the fixed antenna is 'minimally coupled'")
    form_factor: float = paper(
        0.6, "Eq. 1: 'about 0.6' at the reference frequency; its course is the map's"
    )
    frequency_scale: float = derived(1.0, "multiplies the map: end gaps and machining")
    te_frequency_hz: tuple[float, ...] = derived(
        (1094.63e6, 1127.2e6), "first: 4.527 ueV (mode crossing); second: assumed, outside the scan"
    )
    te_coupling_hz: tuple[float, ...] = derived(
        (63.3e3, 30e3), "first: 380 kHz hole cut at 90 % TM fraction; second: assumed"
    )
    te_q: tuple[float, ...] = assumed((120e3, 120e3), "copper, as the TM mode without the rod")
    drift_hz: float = assumed(30.0, "rms wander of the resonance over hours")


@dataclass(frozen=True)
class RodParameters:
    """Tuning rod, its crank and its piezo rotator."""

    mode_map: str = assumed(
        "capp12tb", "shipped table; rod diameter a tenth of the cavity's (letter)"
    )
    axle_offset_m: float = assumed(
        0.060, "axle to cavity axis; gives 1.02 to 1.15 GHz over the travel"
    )
    arm_m: float = assumed(0.050, "crank arm")
    low_limit_deg: float = assumed(20.0, "mechanical stop")
    high_limit_deg: float = assumed(60.0, "mechanical stop")
    velocity_deg_per_s: float = assumed(
        0.01, "200 steps/s of 50 udeg, reduced drive voltage when cold"
    )
    highest_velocity_deg_per_s: float = assumed(0.1, "2 kHz stepping")
    step_scatter_deg: float = assumed(
        1.0e-4, "rms error of a finished move: about 0.35 kHz of tuning"
    )
    backlash_deg: float = assumed(1.0e-3, "crank play: about 3.5 kHz of tuning on reversal")
    settle_s: float = assumed(0.2, "controller's own settling time at the end of a move")
    creep_fraction: float = assumed(
        0.01, "of the last move still to come when it ends (piezo creep)"
    )
    creep_range_deg: float = assumed(0.02, "creep grows no further with longer moves")
    creep_time_s: float = assumed(60.0, "time constant of the creep")
    base_temperature_k: float = derived(
        0.2627, "solved for T_n = 215 mK on resonance, with the map's rod share of loss"
    )
    base_load_w: float = assumed(1e-6, "radiation and eddy heat on the rod")
    moving_load_w: float = assumed(2e-6, "piezo heat that reaches the rod at the default speed")
    time_constant_s: float = assumed(300.0, "poor thermal link (letter)")


@dataclass(frozen=True)
class AntennaParameters:
    """Strongly coupled antenna and its linear piezo drive. Position is insertion depth."""

    low_limit_mm: float = assumed(0.0, "mechanical stop, withdrawn")
    high_limit_mm: float = assumed(10.0, "mechanical stop, fully inserted")
    reference_position_mm: float = assumed(5.0, "where beta is the reference coupling")
    reference_beta: float = paper(2.0, "Eq. 1; measured between 1.8 and 2.2")
    depth_scale_mm: float = assumed(1.0, "evanescent field in the antenna tube, e-fold of power")
    velocity_mm_per_s: float = assumed(0.05, "piezo linear drive when cold")
    highest_velocity_mm_per_s: float = assumed(0.5, "2 kHz stepping")
    step_scatter_mm: float = assumed(0.002, "rms error of a finished move: 0.2 % of beta")
    backlash_mm: float = assumed(0.005, "play")
    settle_s: float = assumed(0.2, "controller's own settling time")
    pulling_hz_per_beta: float = assumed(-300.0, "the antenna's reactance shifts the resonance")
    moving_load_w: float = assumed(5e-6, "piezo heat")


@dataclass(frozen=True)
class JpaParameters:
    """Flux-driven Josephson parametric amplifier."""

    highest_resonance_hz: float = assumed(1.18e9, "flux sweet spot")
    flux_period_a: float = assumed(800e-6, "coil current per flux quantum")
    flux_offset_a: float = assumed(23e-6, "trapped flux")
    linewidth_hz: float = derived(1.045e6, "190 kHz bandwidth at 20 dB with G0 = ((1+p)/(1-p))^2")
    threshold_power_dbm: float = assumed(-30.0, "pump generator power at parametric oscillation")
    excess_noise_k: float = derived(0.0211, "T_JPA = 60 mK at 16.8 dB less the idler's 33.7 mK")
    compression_dbm: float = assumed(
        -122.0, "input at 1 dB compression, 20 dB gain; Kutlu et al. 2021: about -120"
    )
    table_error_hz: float = assumed(
        15e3, "rms error of the controller's table of resonance against current"
    )
    drift_hz: float = assumed(3e3, "rms flux drift over hours")
    pump_drift_db: float = assumed(0.003, "rms pump power drift: 0.03 dB of gain")
    in_situ_pump_db: float = assumed(
        0.01, "pump efficiency with the cavity instead of 50 ohm: 0.1 dB of gain"
    )
    leakage_power_w: float = assumed(3e-21, "half-pump line at f_J, referred to the JPA's input")


@dataclass(frozen=True)
class ReceiverParameters:
    """Lines, switch, amplifiers and down-conversion."""

    rest_noise_k: float = paper(1.2, "noise of the chain without the JPA, by the Y factor")
    rest_gain_db: float = paper(104.0, "gain of the chain without the JPA, by the Y factor")
    rest_slope_db_per_mhz: float = assumed(0.005, "HEMT gain slope")
    ripple_db: float = assumed(0.03, "standing waves, amplitude of each of three periods")
    ripple_period_hz: tuple[float, ...] = assumed(
        (1.9e6, 4.7e6, 11.3e6), "cables of 20 to 80 m electrical length"
    )
    gain_drift_db: float = assumed(0.004, "rms HEMT gain drift over hours")
    line_attenuation_db: float = paper(
        0.4, "cavity to switch, 0.3 to 0.5 dB depending on frequency"
    )
    line_attenuation_span_db: float = assumed(0.08, "half range over the band")
    termination_k: float = derived(
        0.0402, "noise incident on the cavity, solved for T_n = 130 mK at -100 kHz"
    )
    image_rejection_db: float = paper(
        35.0, "fast DAQ of CAPP: JINST 17, P05025 (2022), about 35 dB"
    )
    intermediate_hz: float = paper(INTERMEDIATE_HZ, "text on the receiver chain")
    filter_half_width_hz: float = assumed(
        540e3, "intermediate frequency filter, 3 dB, eighth order"
    )
    comb_spacing_hz: float = derived(
        0.5e6, "the digitised limit has its spikes on a 0.5 MHz comb: clock harmonics"
    )
    comb_power_k: float = assumed(
        0.008, "median strength in one 10 Hz bin, log-normal, at the JPA's input"
    )
    interference_per_hour: float = assumed(
        6.0, "lines that come and go within 20 MHz; 14 spectra had candidates"
    )
    interference_power_k: float = assumed(
        0.01, "median strength per bin, log-normal, at the JPA's input"
    )
    interference_width_hz: float = assumed(400.0, "width of such a line")
    interference_span_hz: float = assumed(
        20e6, "they appear within half of this around the reference frequency"
    )


@dataclass(frozen=True)
class NoiseSourceParameters:
    """Heated 50 ohm load behind the switch."""

    lowest_k: float = paper(0.025, "about 25 mK while the JPA noise is measured")
    highest_k: float = paper(0.400, "varied up to 400 mK")
    link_w_per_k2: float = assumed(5e-5, "weak link to the mixing chamber: 8 uW at 400 mK")
    time_constant_s: float = assumed(60.0, "heat capacity of the load over the link")
    settled_within_k: float = assumed(0.0003, "setpoint reached")


@dataclass(frozen=True)
class CryostatParameters:
    """Dilution refrigerator and its stages."""

    base_temperature_k: float = paper(0.025, "around 25 mK with the experiment")
    cooling_power_w: float = paper(1e-3, "measured at the next value's temperature, without load")
    cooling_power_at_k: float = paper(0.090, "90 mK")
    time_constant_s: float = assumed(120.0, "mixing chamber plate")
    still_k: float = assumed(0.85, "usual still temperature")
    four_kelvin_k: float = assumed(4.1, "HEMT stage")
    quench_load_w: float = assumed(0.02, "eddy heat on the mixing chamber in a quench")


@dataclass(frozen=True)
class NetworkAnalyzerParameters:
    """Vector network analyzer and its lines."""

    strong_line_db: float = assumed(-70.0, "port to antenna, with the directional coupler")
    weak_line_db: float = assumed(-45.0, "port to the weak antenna")
    bypass_line_db: float = assumed(-108.0, "port to the JPA's input")
    room_attenuation_db: float = assumed(-44.0, "receiver chain to the analyser's second port")
    delay_s: float = assumed(62e-9, "cables")
    noise_source_reflection: float = assumed(0.03, "reflection of the 50 ohm load, -30 dB")
    isolation_db: float = assumed(
        50.0, "of two circulators in series: what the strong line leaks past cavity and switch"
    )
    default_power_dbm: float = assumed(-32.0, "port power; -140 dBm at the JPA by the bypass")
    lowest_power_dbm: float = assumed(-90.0, "instrument range")
    highest_power_dbm: float = assumed(10.0, "instrument range")


@dataclass(frozen=True)
class DigitizerParameters:
    """Spectrum acquisition."""

    bins: int = paper(100_000, "1 MHz span at 10 Hz")
    bin_width_hz: float = paper(10.0, "resolution bandwidth")
    averages: int = paper(5000, "about 500 s")
    efficiency: float = paper(0.995, "over 99 %: JINST 17, P05025 (2022)")


@dataclass(frozen=True)
class UnknownParameters:
    """How far the apparatus may be from what its owners state: standard deviations.

    Each seed draws its own machine (``haloscope.apparatus.unknowns``); 0 for one as stated. The
    owners know these numbers, and the analysis takes them for the errors of what nobody measures.
    """

    form_factor_spread: float = assumed(
        0.02, "relative; field calculation against the cavity as built, 1 to 5 % are quoted"
    )
    field_spread: float = assumed(0.003, "relative; mean field by a map of the solenoid")
    line_attenuation_spread_db: float = assumed(
        0.03, "what two reflections do not tell: contacts of antenna and switch"
    )
    noise_source_spread: float = assumed(
        0.005, "relative; thermometer of the noise source and its contact with the load"
    )


@dataclass(frozen=True)
class ParameterGroups:
    """All groups of one haloscope, the letter's by default.

    ``file_origins`` has the origins that a parameter file states, by dotted name.
    """

    name: str = "CAPP-12TB"
    axion: AxionParameters = field(default_factory=AxionParameters)
    magnet: MagnetParameters = field(default_factory=MagnetParameters)
    cavity: CavityParameters = field(default_factory=CavityParameters)
    rod: RodParameters = field(default_factory=RodParameters)
    antenna: AntennaParameters = field(default_factory=AntennaParameters)
    jpa: JpaParameters = field(default_factory=JpaParameters)
    receiver: ReceiverParameters = field(default_factory=ReceiverParameters)
    noise_source: NoiseSourceParameters = field(default_factory=NoiseSourceParameters)
    cryostat: CryostatParameters = field(default_factory=CryostatParameters)
    network_analyzer: NetworkAnalyzerParameters = field(default_factory=NetworkAnalyzerParameters)
    digitizer: DigitizerParameters = field(default_factory=DigitizerParameters)
    unknowns: UnknownParameters = field(default_factory=UnknownParameters)
    file_origins: Mapping[str, str] = field(default_factory=dict)
