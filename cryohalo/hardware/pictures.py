"""What the analyzer and the digitizer of a softIoc show: a haloscope in good order at few targets.

A database has no physics: all traces are worked out here, before, from what the owners state, and
stand in one long array. Which of them is shown follows from path, pump, rod, centre and amplifier,
by records that count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryohalo.hardware.records import Served, array, record
from devices.parts.sweeping import expected_widths
from haloscope.description import Description
from haloscope.measuring.sweeps import Sweeps
from plans.shared.healthy import Healthy

__all__ = ["Pictures"]

Array = NDArray[np.float64]

#: Points of a trace: all traces of so many targets fit into one field of a database.
POINTS: Final = 45
MOST_TARGETS: Final = 3
#: Of a trace, as a share of it.
TRACE_NOISE: Final = 1e-4
#: Spectra that follow each other in turn, and their bins: they fit into one field, too. Where one
#: comes back the analysis finds it out, and refuses it.
DRAWS, BINS = 3, 400
_LETTERS: Final = "BC"


class Pictures:
    """Traces and spectra.

    Args:
        apparatus: What the owners state.
        targets_mhz: Where the cavity has a resonance to show, ascending.
        averages: Of the spectra: their scatter.
        seed: Of that, and of the traces' noise.

    Raises:
        ValueError: No targets, or too many, or not ascending.
    """

    #: Parts of the instrument that have pictures.
    PARTS: Final = ("VNA:", "DAQ:")

    def __init__(
        self, apparatus: Description, targets_mhz: Sequence[float], averages: int = 1000,
        seed: int = 1,
    ) -> None:  # fmt: skip
        if not 1 <= len(targets_mhz) <= MOST_TARGETS or list(targets_mhz) != sorted(targets_mhz):
            raise ValueError(f"targets {list(targets_mhz)}: 1 to {MOST_TARGETS}, ascending, MHz")
        self.apparatus, self.targets = apparatus, [float(mhz) for mhz in targets_mhz]
        self._healthy, self._random = Healthy(apparatus), np.random.default_rng(seed)
        self._traces = self._all_traces()
        self._spectra = self._all_spectra(averages)

    # What is shown ------------------------------------------------------------------------------

    def _all_traces(self) -> dict[str, Array]:
        """Frequencies in MHz, real and imaginary parts, shape (traces, POINTS).

        Of frequencies and values alike, in the order of ``_ORDER``: weak by centre, strong by
        centre, pump off, pump on by amplifier. Values of weak and strong also by rod.
        """
        targets, healthy = self.targets, self._healthy
        sweeps = Sweeps(expected_widths(self.apparatus))
        spans = {"Weak": sweeps.transmission.span_hz, "Strong": sweeps.reflection.span_hz}
        axes, values = [], []
        for path, span_hz in spans.items():
            for centre in targets:
                axis = _axis(centre, span_hz)
                axes.append(axis)
                for resonance in targets:
                    values.append(self._cavity(path, axis, resonance))
        wide = _axis(float(np.mean(targets)), sweeps.reference.span_hz + 2e6 * _spread(targets))
        axes.append(wide)
        values.append(np.ones(POINTS, dtype=complex))
        for target in targets:
            span_mhz = 1e-6 * sweeps.gain.span_hz
            axis, s = healthy.trace("Bypass", target, span_mhz, POINTS, cavity=True, pumped=True)
            axes.append(axis)
            values.append(s)
        s = np.array(values)
        return {
            "VNA:Frequency_RBV": np.array(axes), "VNA:Real_RBV": s.real, "VNA:Imag_RBV": s.imag
        }  # fmt: skip

    def _cavity(self, path: str, axis: Array, resonance_mhz: float) -> NDArray[np.complex128]:
        """A trace of the cavity, whose resonance may lie beside the middle of the sweep."""
        span_mhz = axis[-1] - axis[0]
        wide = span_mhz + 2.0 * abs(resonance_mhz - axis.mean())
        frequency, s = self._healthy.trace(
            path, resonance_mhz, wide, 20 * POINTS + 1, cavity=True, pumped=False
        )
        found = np.interp(axis, frequency, s.real) + 1j * np.interp(axis, frequency, s.imag)
        one, other = self._random.standard_normal((2, POINTS))
        return np.asarray(found * (1.0 + TRACE_NOISE * (one + 1j * other)), dtype=complex)

    def _all_spectra(self, averages: int) -> Array:
        told = self._healthy.spectrum(None, self._healthy.coldest_k, float(averages), pumped=True)
        wider = self.step_hz / self.apparatus.digitizer.bin_width_hz  # than the described bins
        mean = wider * float(np.mean(told["daq_spectrum"]))
        scatter = self._random.standard_normal(DRAWS * BINS) / np.sqrt(averages)
        return mean * (1.0 + scatter)

    @property
    def step_hz(self) -> float:
        """Between bins of a spectrum."""
        digitizer = self.apparatus.digitizer
        return digitizer.bins * digitizer.bin_width_hz / BINS

    @property
    def start_above_lo_mhz(self) -> float:
        """Of the first bin, above the local oscillator."""
        return 1e-6 * (self.apparatus.receiver.intermediate_hz - 0.5 * BINS * self.step_hz)

    # The records --------------------------------------------------------------------------------

    def records(self, one: Served, others: Mapping[str, Served]) -> list[str] | None:
        """The records of one that has pictures, None of one that has none."""
        if one.name in self._traces:
            index = "frequency" if one.name == "VNA:Frequency_RBV" else "trace"
            pictures = self._traces[one.name]
            return _picked(one, others["VNA:Acquire"], index, pictures.ravel(), POINTS)
        if one.name == "DAQ:Spectrum_RBV":
            return _picked(one, others["DAQ:Acquire"], "draw", self._spectra, BINS)
        if one.name == "DAQ:FrequencyStep_RBV":
            shown = {"EGU": one.units, "VAL": one.number(self.step_hz), "PINI": "YES"}
            return [record("ai", one.pv, shown)]
        if one.name == "DAQ:FrequencyStart_RBV":
            return [self._start(one, others["LO:Frequency"])]
        return None

    def _start(self, one: Served, lo: Served) -> str:
        """The first bin's frequency follows the local oscillator."""
        ours = f"A*{lo.alias.factor!r}+{lo.alias.offset + self.start_above_lo_mhz!r}"
        calc = f"({ours}-({one.alias.offset!r}))/{one.alias.factor!r}"
        shown = {"EGU": one.units, "PREC": 6, "PINI": "YES"}
        return record("calc", one.pv, {"INPA": f"{lo.pv} CP", "CALC": calc, **shown})

    def new(self, acquire: Served, arrays: Sequence[Served]) -> list[str]:
        """What an acquisition processes, in order: indices, then what is picked by them."""
        numbers = _NUMBERS[acquire.name]
        return [f"{acquire.pv}:{number}" for number in numbers] + [
            f"{one.pv}:from" for one in arrays if one.name in self._traces or one.name in _SPECTRA
        ]

    def indices(self, others: Mapping[str, Served]) -> Iterator[str]:
        """The records that say which trace, and which spectrum, is shown."""
        vna, daq = others["VNA:Acquire"], others["DAQ:Acquire"]
        angles = [float(self.apparatus.mode_map.angle_deg(1e6 * target)) for target in self.targets]
        places = [mhz + 1e-6 * self.apparatus.operation.jpa_offset_hz for mhz in self.targets]
        yield _nearest(f"{vna.pv}:centre", others["VNA:Center"], self.targets)
        yield _nearest(f"{vna.pv}:rod", others["Rod.RBV"], angles)
        yield _nearest(f"{vna.pv}:amplifier", others["JPA:Resonance"], places)
        count = len(self.targets)
        inputs = {
            "INPA": others["VNA:Path"].pv, "INPB": others["JPA:Pump"].pv,
            "INPD": f"{vna.pv}:centre", "INPE": f"{vna.pv}:rod", "INPF": f"{vna.pv}:amplifier",
            "INPG": count,
        }  # fmt: skip
        trace = "A<2?A*G*G+D*G+E:(B=0?2*G*G:2*G*G+1+F)"
        frequency = "A<2?A*G+D:(B=0?2*G:2*G+1+F)"
        yield record("calc", f"{vna.pv}:trace", {**inputs, "CALC": trace})
        yield record("calc", f"{vna.pv}:frequency", {**inputs, "CALC": frequency})
        draw = {"INPA": f"{daq.pv}:draw.VAL NPP", "CALC": f"(A+1)%{DRAWS}"}
        yield record("calc", f"{daq.pv}:draw", draw)


_SPECTRA: Final = ("DAQ:Spectrum_RBV",)
_NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "VNA:Acquire": ("centre", "rod", "amplifier", "trace", "frequency"),
    "DAQ:Acquire": ("draw",),
}


def _axis(centre_mhz: float, span_hz: float) -> Array:
    return centre_mhz + np.linspace(-0.5e-6 * span_hz, 0.5e-6 * span_hz, POINTS)


def _spread(targets: Sequence[float]) -> float:
    return targets[-1] - targets[0]


def _picked(one: Served, acquire: Served, index: str, pictures: Array, length: int) -> list[str]:
    """A long array, and the part of it that is shown, so many values."""
    theirs = (pictures - one.alias.offset) / one.alias.factor
    all_of_them, digits = f"{one.pv}:all", 10 if index == "frequency" else 6
    holds = {"FTVL": "DOUBLE", "NELM": theirs.size, "INP": array(theirs, digits), "PINI": "YES"}
    shows = {"INP": all_of_them, "FTVL": "DOUBLE", "MALM": theirs.size, "NELM": length}
    begins = {"INPA": f"{acquire.pv}:{index}", "CALC": f"A*{length}"}
    return [
        record("waveform", all_of_them, holds),
        record("subArray", one.pv, {**shows, "EGU": one.units, "PREC": 6}),
        record("calcout", f"{one.pv}:from", {**begins, "OUT": f"{one.pv}.INDX NPP",
                                             "FLNK": one.pv}),
    ]  # fmt: skip


def _nearest(name: str, of: Served, places: Sequence[float]) -> str:
    """A record that counts to which place a value of another is nearest."""
    theirs = [of.number(place) for place in places]
    between = [0.5 * (one + other) for one, other in pairwise(theirs)]
    sign = ">" if theirs[-1] >= theirs[0] else "<"
    letters = _LETTERS[: len(between)]
    calc = "+".join(f"(A{sign}{letter})" for letter in letters) or "0"
    inputs = {f"INP{letter}": place for letter, place in zip(letters, between, strict=True)}
    return record("calc", name, {"INPA": of.pv, **inputs, "CALC": calc})
