"""Draw the figures of docs/explanation/haloscope.md by the plans, the haloscope in process.

    python examples/haloscope_figures.py [folder] [figure ...]

Figures: mode_map, crossing, reflection, jpa_gain, noise, spectrum, line_shape.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bluesky.plan_stubs as bps
import numpy as np
from matplotlib.figure import Figure
from operating import operator

from haloscope import axion, mode_map
from haloscope.axion import AxionLine
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.measuring.reflection import fit_reflection
from haloscope.parameters import HaloscopeParameters
from instruments.drawing import BLUE, GREEN, GREY, RED, save, styled
from plans.haloscope.calibration import y_factor
from plans.haloscope.measure import (
    amplifier_at,
    amplifier_gain,
    configure,
    passive,
    sweep,
    sweeps_of,
)
from plans.haloscope.tuning import set_coupling, set_jpa, tune_to

TARGET_HZ, TARGET_MHZ = 1.1e9, 1100.0


@styled
def draw_mode_map() -> Figure:
    """Frequency, form factor, rod's share of the loss and unloaded Q against the rod's angle."""
    table = mode_map.load()
    rod = table.rod
    angle = np.linspace(rod.low_limit_deg, rod.high_limit_deg, 400)
    nu = table.frequency_hz(angle)
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    axes[0, 0].plot(angle, nu / 1e6, color=BLUE)
    axes[0, 0].axhspan(1089.98, 1110.04, color=RED, alpha=0.15, lw=0, label="scan of the letter")
    for te in HaloscopeParameters.capp12tb().cavity.te_frequency_hz:
        axes[0, 0].axhline(te / 1e6, color=GREY, lw=0.8, ls="--")
    axes[0, 0].set_ylabel("TM$_{010}$-like mode (MHz)")
    axes[0, 0].legend()
    axes[0, 1].plot(angle, table.form_factor(nu), color=BLUE)
    axes[0, 1].set_ylabel("form factor C")
    axes[1, 0].plot(angle, 100 * table.rod_share(nu), color=BLUE)
    axes[1, 0].set_ylabel("rod's share of the wall loss (%)")
    axes[1, 1].plot(angle, table.unloaded_q(nu) / 1e3, color=BLUE)
    axes[1, 1].set_ylabel("unloaded Q (thousands)")
    for axis in axes[1]:
        axis.set_xlabel("angle of the rod's crank (deg)")
    return figure


@styled
def draw_crossing() -> Figure:
    """Transmission while the rod moves through the TE mode at 4.527 ueV."""
    table = mode_map.load()
    nu_te = HaloscopeParameters.capp12tb().cavity.te_frequency_hz[0]
    offsets = np.linspace(-0.6e6, 0.6e6, 97)
    rows = []
    with operator(seed=0) as hand:
        look = sweeps_of(hand.haloscope).modes
        settings = replace(look, span_hz=1.2e6, bandwidth_hz=300.0)
        for offset in offsets:
            hand.run(bps.mv(hand.haloscope.rod, float(table.angle_deg(nu_te + offset))))
            nu, s = hand.sweep(settings, nu_te / 1e6)
            rows.append(20 * np.log10(np.abs(s)))
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    image = np.array(rows)
    mesh = axis.pcolormesh(
        offsets / 1e3, (nu - nu_te) / 1e3, image.T - image.max(), vmin=-45, cmap="magma"
    )
    figure.colorbar(mesh, ax=axis, label="transmission (dB)")
    for edge in (-190, 190):
        axis.axhline(edge, color="white", lw=0.8, ls="--")
    axis.set_xlabel("bare TM mode, distance from the TE mode (kHz)")
    axis.set_ylabel("frequency, distance from the TE mode (kHz)")
    axis.set_title("Mode crossing at 1094.63 MHz, dashed: the 380 kHz hole")
    axis.grid(visible=False)
    return figure


@styled
def draw_reflection() -> Figure:
    """|S11| and its circle at three couplings, with the fits."""
    figure = Figure(figsize=(7.6, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    traces = {}
    with operator(seed=0) as hand:
        # Wide enough for the whole circle and what the line's delay does to it.
        look = sweeps_of(hand.haloscope).reflection
        wide = replace(look, span_hz=300e3, points=151, bandwidth_hz=300.0)
        for beta in (0.5, 1.0, 2.0):
            low, high = beta - 0.02, beta + 0.02
            plan = set_coupling(hand.haloscope, beta, low=low, high=high, frequency_mhz=TARGET_MHZ)
            found = hand.run(plan)
            traces[beta] = hand.sweep(wide, found.resonance.frequency_mhz)
    for (nu, s), colour in zip(traces.values(), (GREEN, BLUE, RED), strict=True):
        fit = fit_reflection(nu, s)
        offset = (nu - fit.frequency_hz) / 1e3
        label = f"beta = {fit.beta:.3f} +- {fit.beta_error:.3f}"
        left.plot(offset, 20 * np.log10(np.abs(s) / fit.amplitude), ".", ms=3, color=colour)
        x = (nu - fit.frequency_hz) / fit.frequency_hz
        model = 2 * fit.beta / (1 + fit.beta) / (1 + 2j * fit.loaded_q * x) - 1
        left.plot(offset, 20 * np.log10(np.abs(model)), color=colour, lw=0.8)
        # The measured phase of line and JPA is taken off with the fitted model's own.
        turn = np.unwrap(np.angle(s / model))
        smooth = np.polyval(np.polyfit(offset, turn, 3), offset)
        flat = s * np.exp(-1j * smooth) / fit.amplitude
        right.plot(flat.real, flat.imag, ".", ms=3, color=colour, label=label)
    left.set_xlabel("distance from resonance (kHz)")
    left.set_ylabel("|S11| (dB)")
    right.set_aspect("equal")
    right.axhline(0, color=GREY, lw=0.6)
    right.axvline(0, color=GREY, lw=0.6)
    right.set_xlabel("Re S11")
    right.set_ylabel("Im S11")
    right.legend(loc="center", fontsize=7)
    right.set_title("overcoupled when the circle holds the origin", fontsize=8)
    return figure


@styled
def draw_jpa_gain() -> Figure:
    """Measured gain profile through the bypass line, and gain against pump power."""
    powers, gains = np.linspace(-33, -30.4, 27), []
    with operator(seed=0) as hand:
        haloscope = hand.haloscope
        wide = replace(sweeps_of(haloscope).gain, span_hz=1e6, bandwidth_hz=100.0)
        profile = hand.run(set_jpa(haloscope, TARGET_MHZ, source="Noise source"))
        on = hand.run(sweep(haloscope, wide, TARGET_MHZ))
        off = passive(haloscope, "Noise source")
        reference = hand.run(sweep(haloscope, wide, TARGET_MHZ, off))
        for power in powers:
            hand.run(configure({haloscope.jpa.pump_power: float(power)}))
            plan = amplifier_gain(
                haloscope,
                amplifier_at(haloscope, TARGET_MHZ)[haloscope.jpa.resonance],
                reference,
                wide,
                source="Noise source",
            )
            gains.append(hand.run(plan).peak_gain_db)
    nu = on.frequency_hz
    figure = Figure(figsize=(7.6, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    offset = (nu - TARGET_HZ) / 1e3
    left.plot(
        offset, 20 * np.log10(np.abs(on.s / reference.s)), ".", ms=3, color=BLUE, label="measured"
    )
    left.plot(offset, 10 * np.log10(profile.gain(nu)), color=RED, lw=0.9,
              label=f"B = {profile.bandwidth_hz / 1e3:.1f} kHz")  # fmt: skip
    letter = ((-100, 20), (0, 17), (100, 14))
    left.plot(*zip(*letter, strict=True), "k+", ms=9, label="letter")
    left.set_xlabel("distance from the target (kHz)")
    left.set_ylabel("JPA gain (dB)")
    left.legend()
    right.plot(powers, gains, ".-", color=BLUE)
    right.axhspan(19.6, 20.4, color=RED, alpha=0.15, lw=0, label="20 +- 0.4 dB")
    right.set_xlabel("pump power (dBm)")
    right.set_ylabel("peak gain (dB)")
    right.legend()
    return figure


@styled
def draw_noise() -> Figure:
    """Noise temperature in situ as measured, and the parts that make it inside."""
    with operator(seed=0) as hand:
        hand.run(tune_to(hand.haloscope, TARGET_MHZ))
        chain = hand.run(y_factor(hand.haloscope, TARGET_MHZ, averages=500))
        hand.run(tune_to(hand.haloscope, TARGET_MHZ))
        offsets, noise, _ = hand.system_noise(TARGET_MHZ, chain)
        receiver, c, p = hand.machine.receiver, hand.machine.conditions(), hand.machine.parameters
    nu = TARGET_HZ + offsets
    gain = c.paramp.gain(nu)
    source = receiver.source_noise_k(nu, c)
    idler = receiver.source_noise_k(c.paramp.mirror(nu), c) * (1 - 1 / gain)
    excess = p.jpa.excess_noise_k * (1 - 1 / gain) * (1 + 1 / np.sqrt(gain)) ** 2
    cold = float(effective_temperature_k(p.receiver.termination_k, TARGET_HZ))
    parts = {
        "incident noise": np.full_like(nu, cold),
        "hot rod and losses": source - cold,
        "JPA: idler": idler,
        "JPA: excess": excess,
        "chain behind the JPA": p.receiver.rest_noise_k / gain,
    }
    figure = Figure(figsize=(6.8, 4.2), layout="constrained")
    axis = figure.subplots()
    colours = ["#c9d7ea", "#e6a58f", "#9cc5a1", "#d8cf8f", "#bdbdbd"]
    axis.stackplot(
        offsets / 1e3, [1e3 * part for part in parts.values()], labels=list(parts), colors=colours
    )
    axis.plot(
        offsets / 1e3, 1e3 * noise, ".", ms=2.5, color="black", label="measured, 1 kHz blocks"
    )
    letter = ((-100, 130), (0, 215), (100, 185))
    axis.plot(*zip(*letter, strict=True), "D", color=RED, ms=6, label="letter")
    axis.set_xlim(-250, 250)
    axis.set_ylim(0, 330)
    axis.set_xlabel("distance from the target (kHz)")
    axis.set_ylabel("noise temperature (mK)")
    axis.legend(fontsize=7, loc="upper left", ncols=2)
    return figure


@styled
def draw_spectrum() -> Figure:
    """One 500 s spectrum over the whole band, and the window around a strong axion."""
    line = AxionLine(TARGET_HZ + 20e3, 10 * axion.coupling_dfsz(TARGET_HZ))
    with operator(seed=0, lines=[line]) as hand:
        hand.run(tune_to(hand.haloscope, TARGET_MHZ))
        hand.run(set_jpa(hand.haloscope, TARGET_MHZ))
        spectrum = hand.digitize(TARGET_MHZ, 5000)
    offset = (spectrum.frequency_hz - TARGET_HZ) / 1e3
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    top.semilogy(offset, spectrum.power_w, ",", color=BLUE)
    top.set_ylabel("power per 10 Hz bin (W)")
    top.set_xlabel("distance from the target (kHz)")
    top.axvspan(-75, 75, color=RED, alpha=0.12, lw=0, label="150 kHz used in the analysis")
    top.annotate("pump leakage at $f_J$", (-100, spectrum.power_w.max()), (-330, 1.6e-10),
                 arrowprops={"arrowstyle": "-", "color": GREY})  # fmt: skip
    top.legend()
    near = np.abs(offset - 20) < 8
    bottom.plot(offset[near], 1e12 * spectrum.power_w[near], color=BLUE, lw=0.5)
    merged = spectrum.power_w[near][: near.sum() // 45 * 45].reshape(-1, 45).mean(axis=1)
    centre = offset[near][: merged.size * 45].reshape(-1, 45).mean(axis=1)
    bottom.step(centre, 1e12 * merged, where="mid", color=RED, label="450 Hz blocks")
    bottom.axvline(20, color=GREY, ls="--", lw=0.8, label="axion at 10 times the DFSZ coupling")
    bottom.set_xlabel("distance from the target (kHz)")
    bottom.set_ylabel("power per bin (pW)")
    bottom.legend(fontsize=7)
    return figure


@styled
def draw_line_shape() -> Figure:
    """The axion line with its bins of 450 Hz and its yearly change."""
    nu = np.linspace(-200, 5000, 2000)
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.plot(nu, 1e3 * axion.line_pdf(TARGET_HZ + nu, TARGET_HZ), color=BLUE, label="230 km/s")
    for day, colour in ((152, RED), (335, GREEN)):
        speed = axion.earth_speed_m_per_s(0.0, start_day=float(day))
        pdf = axion.line_pdf(TARGET_HZ + nu, TARGET_HZ, earth_speed_m_per_s=speed)
        label = f"day {day}: {speed / 1e3:.0f} km/s"
        axis.plot(nu, 1e3 * pdf, color=colour, lw=0.8, label=label)
    edges = 450.0 * np.arange(10)
    held = axion.bin_fractions(TARGET_HZ + edges, TARGET_HZ)
    axis.stairs(1e3 * held / 450, edges, color=GREY, label="bins of 450 Hz")
    axis.set_xlabel("frequency above the axion's rest frequency (Hz)")
    axis.set_ylabel("density (1/kHz)")
    axis.set_title(f"4050 Hz hold {100 * held.sum():.3f} % of the line at 1.1 GHz")
    axis.legend()
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "mode_map": draw_mode_map,
    "crossing": draw_crossing,
    "reflection": draw_reflection,
    "jpa_gain": draw_jpa_gain,
    "noise": draw_noise,
    "spectrum": draw_spectrum,
    "line_shape": draw_line_shape,
}


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or FIGURES:
        print(*save(FIGURES[name](), folder / f"haloscope_{name}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/figures"), sys.argv[2:])
