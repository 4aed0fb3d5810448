"""One figure per candidate: its line, and its power by distance from the cavity and in time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from haloscope.analysis.exchange.found import pairs
from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes.steps import Steps, Window
from instruments.drawing import BLUE, GREY, RED, styled

__all__ = ["captioned", "followed"]

_BINS_DRAWN = 54  # Of a window of three lines: 225 Hz each for the letter's.


def captioned(result: Result, most: int = 12) -> dict[str, Figure]:
    """Figures of the highest candidates that spectra could be asked about, by caption."""
    ranked = sorted(pairs(result), key=lambda pair: -pair[0].excess)[:most]
    return {
        f"Candidate {found.frequency_hz * 1e-6:.6f} MHz, {found.excess:.2f} sigma: "
        f"{said.verdict}.": followed(found, said.steps)
        for found, said in ranked
        if said is not None and said.steps is not None
    }


@styled
def followed(found: Candidate, seen: Steps) -> Figure:
    """A candidate's line in all spectra, and its power spectrum by spectrum.

    Args:
        found: The candidate.
        seen: It in the spectra that hold it.
    """
    figure = Figure(figsize=(7.0, 2.5), layout="constrained")
    left, middle, right = (figure.add_subplot(1, 3, k + 1) for k in range(3))
    _draw_line(left, seen.window, found.frequency_hz, seen.mean)
    _draw_power(middle, seen.detuning_hz * 1e-3, seen, "candidate - cavity (kHz)")
    grid = np.linspace(seen.detuning_hz.min(), seen.detuning_hz.max(), 200)
    flat = _behind(seen)
    order = np.argsort(seen.detuning_hz)
    response = np.interp(grid, seen.detuning_hz[order], 1 / seen.response[order])
    middle.plot(grid * 1e-3, flat * response, "--", color=RED, lw=0.9, label="behind the cavity")
    middle.legend(fontsize=6)
    if seen.time_s.all() and np.ptp(seen.time_s):
        hours = (seen.time_s - seen.time_s.min()) / 3600
        _draw_power(right, hours, seen, "time (h)")
    else:
        _draw_power(right, np.arange(float(len(seen))), seen, "spectrum")
    middle.set_ylabel("power (DFSZ)", fontsize=7)
    return figure


def _behind(seen: Steps) -> float:
    """Power that all of it would be, entering behind the cavity, in units of that at resonance."""
    model = 1 / seen.response / seen.error
    return float(model @ (seen.strength / seen.error) / (model @ model))


def _draw_line(axis: Axes, window: Window, at_hz: float, strength: float) -> None:
    merge = max(len(window.pull) // _BINS_DRAWN, 1)
    whole = len(window.pull) // merge * merge

    def merged(values: np.ndarray) -> np.ndarray:
        total: np.ndarray = values[:whole].reshape(-1, merge).sum(axis=1)
        return total / np.sqrt(merge)

    khz = (window.centre_hz[:whole].reshape(-1, merge).mean(axis=1) - at_hz) * 1e-3
    axis.step(khz, merged(window.pull), where="mid", color=BLUE, lw=0.8)
    axis.plot(khz, strength * merged(window.line), color=RED, lw=1, label="axion")
    axis.set_xlabel("offset (kHz)", fontsize=7)
    axis.set_ylabel(r"excess ($\sigma$)", fontsize=7)
    axis.tick_params(labelsize=6)
    axis.legend(fontsize=6)


def _draw_power(axis: Axes, x: np.ndarray, seen: Steps, label: str) -> None:
    axis.errorbar(x, seen.strength, seen.error, fmt=".", color=BLUE, ms=3, lw=0.7)
    axis.axhline(seen.mean, color=GREY, lw=0.9)
    axis.set_xlabel(label, fontsize=7)
    axis.tick_params(labelsize=6)
    low, high = np.min(seen.strength), np.max(seen.strength)
    room = 2 * float(np.median(seen.error)) + 0.1 * (high - low)
    axis.set_ylim(low - room, high + room)
