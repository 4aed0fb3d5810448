"""The axion: its couplings, the power of Eq. (1), its line in bins, and the letter's arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cryohalo.reproduction.claim import half_a_digit
from cryohalo.reproduction.finding import Finding, exact, numerical, spread
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.work import Answers, Work
from haloscope import axion
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray
from haloscope.axion import bin_fractions, line_pdf
from haloscope.constants import (
    AXION_MASS_DECAY_PRODUCT_EV2,
    DFSZ_G_GAMMA,
    EARTH_SPEED_M_PER_S,
    HALO_RMS_SPEED_M_PER_S,
    KSVZ_G_GAMMA,
    LOCAL_DENSITY_GEV_PER_CM3,
)
from haloscope.parameters import HaloscopeParameters
from instruments.drawing import BLUE, GREY, RED, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compute"]

_SETTING: Final = "none: a setting"
_READ_BACK: Final = "none: a constant, read back"
#: Places of an axion within a bin at which losses are looked at, odd: the middle one is the edge.
_PLACES: Final = 45


def compute(work: Work) -> Answers:
    """Findings of formulas alone."""
    parameters = HaloscopeParameters.capp12tb()
    nu_hz = parameters.cavity.reference_hz
    found = {**_couplings(nu_hz), **_power(parameters), **_line(nu_hz), **_losses(nu_hz)}
    found |= {**_arithmetic(parameters), **_settings(parameters)}
    work.tell(0.7)
    work.figure(
        "axion-line", _figure(nu_hz),
        "The axion's line at 1.1 GHz, and the nine bins of 450 Hz that are co-added.",
        ["signal-window", "signal-share"],
    )  # fmt: skip
    return found


def _couplings(nu_hz: float) -> dict[str, Finding]:
    return {
        "mass-frequency": exact(1e6 * axion.mass_ev(nu_hz), "closed form", "at 1.1 GHz"),
        "ksvz-coupling": exact(KSVZ_G_GAMMA, _READ_BACK),
        "dfsz-coupling": exact(DFSZ_G_GAMMA, _READ_BACK),
        "local-density": exact(LOCAL_DENSITY_GEV_PER_CM3, _READ_BACK),
        "halo-speed": exact(1e-3 * HALO_RMS_SPEED_M_PER_S, _READ_BACK),
        "earth-speed": exact(1e-3 * EARTH_SPEED_M_PER_S, _READ_BACK),
    }


def _power(p: HaloscopeParameters) -> dict[str, Finding]:
    """Eq. (1) at its reference values, all of which stand in the claims."""
    nu_hz = 1e9 * claim_named("eq1-frequency").low
    power_w = axion.signal_power_w(
        axion.coupling_dfsz(nu_hz), nu_hz,
        field_t=claim_named("average-field").low,
        volume_m3=1e-3 * claim_named("cavity-volume").low,
        form_factor=claim_named("form-factor").low,
        loaded_q=claim_named("loaded-q").low,
        beta=claim_named("eq1-coupling").low,
    )  # fmt: skip
    return {
        "signal-power": numerical(
            1e24 * float(power_w), 1e24 * float(power_w) * _last_digit_of_fa(),
            "the last digit of m_a f_a",
            "m_a f_a = 5.691 ueV x 1e12 GeV is chosen for it; older conventions give 19.0 to 22.4",
        ),
        "eq1-frequency": exact(1e-9 * p.cavity.reference_hz, _READ_BACK),
        "eq1-coupling": exact(p.antenna.reference_beta, _READ_BACK),
    }  # fmt: skip


def _last_digit_of_fa() -> float:
    """What the rounding of m_a f_a leaves open in a power, relative, as a standard deviation."""
    product = AXION_MASS_DECAY_PRODUCT_EV2
    return 2.0 * half_a_digit(product) / product / 3.0**0.5


def _line(nu_hz: float) -> dict[str, Finding]:
    """How many coarse bins hold more than the share that the letter asks for."""
    wanted = 0.01 * claim_named("signal-share").low
    coarse_hz = _coarse_hz()
    shares = np.cumsum(bin_fractions(nu_hz + coarse_hz * np.arange(30.0), nu_hz))
    bins = int(np.argmax(shares > wanted)) + 1
    return {
        "signal-window": exact(
            bins * coarse_hz, "closed form",
            f"the first multiple of {coarse_hz:g} Hz with more than {100 * wanted:g} %; one bin "
            f"less holds {100 * shares[bins - 2]:.2f} %",
        ),
        "coadded-bins": exact(bins, "closed form"),
        "signal-share": exact(100.0 * float(shares[bins - 1]), "closed form"),
    }  # fmt: skip


def _coarse_hz() -> float:
    options = Options()
    bin_hz = HaloscopeParameters.capp12tb().digitizer.bin_width_hz
    return options.coarse_merge * options.fine_merge * bin_hz


def _losses(nu_hz: float) -> dict[str, Finding]:
    """SNR that wider bins lose: of an axion at a bin's edge, and over its places in a bin.

    What a template costs that does not know the place is the misalignment, counted apart.
    """
    bin_hz = HaloscopeParameters.capp12tb().digitizer.bin_width_hz
    widths = bin_hz, bin_hz * Options().fine_merge, _coarse_hz()
    found = {}
    for name, before_hz, after_hz in (
        ("rbw-loss-fine", widths[0], widths[1]), ("rbw-loss-coarse", widths[1], widths[2]),
    ):  # fmt: skip
        rough, fine = (_loss(nu_hz, before_hz, after_hz, n) for n in (_PLACES, 2 * _PLACES + 1))
        blind = _lost(_kept(nu_hz, after_hz, follows=False), nu_hz, before_hz, follows=False)
        edge, low, high = fine
        found[name] = spread(
            edge, low, high, f"numerical: {_PLACES} or twice as many places of the axion",
            max(abs(x - y) for x, y in zip(rough, fine, strict=True)),
            f"with one template for all places {blind.mean():.2g} % in the mean, to "
            f"{blind.max():.2g} %: that is misalignment too",
        )  # fmt: skip
    return found


def _loss(nu_hz: float, before_hz: float, after_hz: float, places: int) -> tuple[float, ...]:
    """Per cent lost at a bin's edge, at the best and at the worst place."""
    lost = _lost(_kept(nu_hz, after_hz, places=places), nu_hz, before_hz, places=places)
    return float(lost[places // 2]), float(lost.min()), float(lost.max())


def _lost(
    kept: FloatArray, nu_hz: float, before_hz: float, *, follows: bool = True, places: int = _PLACES
) -> FloatArray:
    """Per cent of the SNR that narrower bins keep on average."""
    before = _kept(nu_hz, before_hz, follows=follows, places=places).mean()
    return np.asarray(100.0 * (1.0 - kept / before))


def _kept(
    nu_hz: float, width_hz: float, *, follows: bool = True, places: int = _PLACES
) -> FloatArray:
    """SNR by place of the axion in bins of one width, of a matched filter without bins.

    The template is the line where it is, or the line that begins at the nearest edge of a bin.
    """
    edges = nu_hz + width_hz * np.arange(-2.0, np.ceil(_SPAN_HZ / width_hz) + 3.0)
    shifts = ((np.arange(places) + 0.5) / places - 0.5) * width_hz
    lines = np.array([bin_fractions(edges, nu_hz + shift) for shift in shifts])
    templates = lines if follows else bin_fractions(edges, nu_hz)[None, :]
    seen = (templates * lines).sum(axis=1) / np.sqrt((templates**2).sum(axis=1))
    return np.asarray(seen / np.sqrt(width_hz * _square(nu_hz)))


#: What of the line is looked at: all but 1e-5.
_SPAN_HZ: Final = 9000.0


def _square(nu_hz: float) -> float:
    """Integral of the line's density squared, 1/Hz."""
    frequency = nu_hz + np.linspace(0.0, _SPAN_HZ, 200_001)
    return float(np.trapezoid(line_pdf(frequency, nu_hz) ** 2, frequency))


def _arithmetic(p: HaloscopeParameters) -> dict[str, Finding]:
    """The letter's numbers against each other."""
    range_mhz, hole_khz = claim_named("scan-range").low, claim_named("crossing-hole").low
    step_khz = claim_named("scan-step").low
    window_hz, seconds = claim_named("signal-window").low, claim_named("integration-time").low
    spectra = claim_named("averages").low
    return {
        "eq2-forms": exact(
            np.sqrt(spectra / (window_hz * seconds)), "closed form",
            "third form over the second: equal only if N were b_a times the time, 2.0e6",
        ),
        "averages": exact(
            seconds * p.digitizer.bin_width_hz, "closed form", "time times bin width"
        ),
        "overlaps-stated": exact(
            1e-3 * p.analysis.window_hz / step_khz, "closed form", "window over step"
        ),
        "scan-steps-stated": exact(
            round((1e3 * range_mhz - hole_khz) / step_khz) + 1, "closed form",
            "(20.06 MHz - 380 kHz) in steps of 10 kHz, both ends; the letter does not say what the "
            "others were",
        ),
        "threshold": exact(Options().threshold, "closed form", "5 less a Gaussian's 90 % point"),
    }  # fmt: skip


def _settings(p: HaloscopeParameters) -> dict[str, Finding]:
    """What the analysis is told to do, as the letter did."""
    options, bin_hz = Options(), p.digitizer.bin_width_hz
    fine_hz = options.fine_merge * bin_hz
    return {
        "axion-share": exact(100.0 * options.density_fraction, _SETTING),
        "savgol-degree": exact(options.savgol_degree, _SETTING),
        "savgol-window": exact(options.savgol_bins(bin_hz), _SETTING),
        "fine-merge": exact(options.fine_merge, _SETTING),
        "fine-bins": exact(fine_hz, "none: points times width"),
        "coarse-merge": exact(options.coarse_merge, _SETTING),
        "coarse-bins": exact(_coarse_hz(), "none: points times width"),
        "known-lines": exact(
            options.line_bins * _coarse_hz() / fine_hz, "counted", f"lines of {fine_hz:g} Hz"
        ),
    }


@styled
def _figure(nu_hz: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    offsets, coarse_hz = np.linspace(-300.0, 5000.0, 1200), _coarse_hz()
    window_hz = claim_named("signal-window").low
    axes.plot(offsets, 1e3 * line_pdf(nu_hz + offsets, nu_hz), color=BLUE, label="line")
    edges = np.arange(0.0, window_hz + 1.0, coarse_hz)
    bins = bin_fractions(nu_hz + edges, nu_hz) / coarse_hz
    axes.stairs(1e3 * bins, edges, color=RED, label="bins of 450 Hz, co-added")
    axes.axvline(window_hz, color=GREY, ls=":", label=f"{window_hz:.0f} Hz")
    axes.set(xlabel="frequency above the axion's (Hz)", ylabel="power density (1/kHz)")
    axes.legend()
    return figure
