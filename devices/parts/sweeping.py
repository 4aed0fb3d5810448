"""One sweep of the haloscope's network analyzer: what to set for it, and what it showed.

Plans and the cavity's positioner measure by these. The device counts in MHz, as on the wire; the
sweeps and fits of ``haloscope.measuring`` in Hz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from devices.parts.rf import JosephsonAmplifier, NetworkAnalyzer, Selector
from devices.signals.settable import Setting, limits_of
from haloscope.description import Description
from haloscope.measuring.sweeps import Analyzer, Sweep, Sweeps, Widths
from haloscope.measuring.transmission import Transmission, fit_transmission

__all__ = [
    "Trace",
    "expected_widths",
    "passive",
    "sweep_settings",
    "sweeps_of",
    "trace_in",
    "transmission_in",
]


class Sweeping(Protocol):
    """What a sweep needs of an instrument: ``devices.haloscope.Haloscope`` has it."""

    @property
    def vna(self) -> NetworkAnalyzer:
        """The analyzer."""

    @property
    def jpa(self) -> JosephsonAmplifier:
        """The amplifier, whose pump is off or on."""

    @property
    def switch(self) -> Selector:
        """What is connected to the amplifier."""

    @property
    def apparatus(self) -> Description:
        """What its owners state of it."""


@dataclass(frozen=True)
class Trace:
    """One trace: frequency (P,) in MHz and the complex S-parameter (P,)."""

    frequency_mhz: NDArray[np.float64]
    s: NDArray[np.complex128]

    @property
    def frequency_hz(self) -> NDArray[np.float64]:
        """Frequency (P,) in Hz."""
        return self.frequency_mhz * 1e6


def sweeps_of(haloscope: Sweeping) -> Sweeps:
    """The sweeps for the widths that the owners expect, within the analyzer's limits."""
    known = haloscope.apparatus
    expected = expected_widths(known)
    vna, most = haloscope.vna, Analyzer()
    points, span_mhz = limits_of(vna.num_points), limits_of(vna.span)
    return Sweeps(
        expected,
        Analyzer(
            most.most_points if points is None else int(points[1]),
            most.widest_hz if span_mhz is None else 1e6 * span_mhz[1],
        ),
    )


def expected_widths(known: Description) -> Widths:
    """What the owners expect; a wideband amplifier is looked at over the spectrum's window."""
    widths = Widths.expected(
        frequency_hz=known.cavity.reference_hz,
        unloaded_q=known.cavity.unloaded_q,
        beta=known.antenna.reference_beta,
        amplifier_hz=known.jpa.linewidth_hz,
        gain_db=known.operation.gain_db,
        offset_hz=known.operation.jpa_offset_hz,
    )
    if known.jpa.kind != "wideband":
        return widths
    return replace(widths, gain_hz=min(widths.gain_hz, known.analysis.window_hz))


def sweep_settings(haloscope: Sweeping, sweep: Sweep, center_mhz: float) -> dict[Setting, Any]:
    """What a sweep about a frequency needs of the analyzer, by setting."""
    vna = haloscope.vna
    return {
        vna.path: sweep.path,
        vna.center: center_mhz,
        vna.span: sweep.span_hz / 1e6,
        vna.num_points: sweep.points,
        vna.averages: sweep.averages,
        vna.bandwidth: sweep.bandwidth_hz,
    }


def passive(haloscope: Sweeping, source: str = "Cavity") -> dict[Setting, Any]:
    """The pump off, and what the switch connects, by setting."""
    return {haloscope.jpa.pump: "Off", haloscope.switch.selected: source}


def trace_in(haloscope: Sweeping, reading: Mapping[str, Any]) -> Trace:
    """The trace in a reading of the analyzer."""
    vna = haloscope.vna
    frequency, real, imaginary = (
        np.asarray(reading[signal.name]["value"])
        for signal in (vna.frequency, vna.real, vna.imaginary)
    )
    return Trace(frequency, real + 1j * imaginary)


def transmission_in(trace: Trace) -> Transmission | None:
    """The resonance in a transmission, None if there is none."""
    try:
        return fit_transmission(trace.frequency_hz, trace.s)
    except ValueError:
        return None
