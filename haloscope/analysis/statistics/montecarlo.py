"""Monte Carlo of the search at one axion frequency, with real non-linear baseline fits.

One experiment is the spectra that overlap at that frequency (15 in the letter). Their noise follows
the baselines fitted to measured spectra, each fine bin a Gamma variate; an axion of chosen coupling
sits at the edge of the grand bin or anywhere within half a coarse bin of it. Each experiment yields
the excess with the background known and fine bins co-added (the letter's Figure 3b) and the excess
after the fit with coarse bins co-added (Figure 3c). Random numbers are keyed by (seed, batch), so
that results do not depend on how batches are shared among workers. The closed forms of modules
``response`` and ``efficiency`` are what this must agree with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from haloscope.analysis.chain.baseline import fit_baseline, shape_of
from haloscope.analysis.chain.fitting import refine
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.smoothing import savgol
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.analysis.statistics.efficiency import Efficiency, LinearChain, linear_chain
from haloscope.analysis.statistics.limits import anchor_mhz, level
from haloscope.axion import bin_fractions
from instruments.random import generator

BATCH = 50
_VERSION = 2  # Of what a batch holds: raised whenever the same plan gives other numbers.


@dataclass(frozen=True)
class Plan:
    """What to simulate.

    Attributes:
        spectra: The measured spectra that overlap at the axion, shape (15, bins); their fitted
            baselines are the simulated noise.
        strength: Signal power in units of the DFSZ axion's, (g/g_DFSZ)^2; 0 for noise alone.
        misaligned: Draw the axion's place within half a coarse bin of the edge.
        experiments: How many.
        seed: Of the random numbers.
        options: Of the analysis.
    """

    spectra: Spectra
    strength: float = 1.0
    misaligned: bool = False
    experiments: int = 10_000
    seed: int = 0
    options: Options = field(default_factory=Options)

    @property
    def batches(self) -> int:
        """Number of batches."""
        return -(-self.experiments // BATCH)

    def size(self, batch: int) -> int:
        """Experiments in one batch."""
        return min(BATCH, self.experiments - batch * BATCH)

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with anything that changes the result."""
        parts = (_VERSION, BATCH, self.options.fingerprint(), self.spectra.fingerprint())
        own = (self.strength, self.misaligned, self.experiments, self.seed)
        return hashlib.sha256(repr((*parts, *own)).encode()).hexdigest()[:16]

    @cached_property
    def chain(self) -> LinearChain:
        """Closed form of the grand bin in the middle of the spectra."""
        return linear_chain(self.spectra, self.options)

    @cached_property
    def truth(self) -> Truth:
        """Noise and geometry of the simulated spectra."""
        return _truth(self.spectra, self.options, self.chain)

    def prepare(self) -> None:
        """Compute what the batches share, before threads do."""
        _ = self.chain, self.truth

    def closed_form(self) -> Efficiency:
        """Closed-form xi and eps of the simulated grand bin."""
        return self.chain.efficiency()


@dataclass(frozen=True)
class Truth:
    """Noise and geometry of the simulated spectra.

    Attributes:
        frequency_hz: Centres of the fine bins, shape (n, m), Hz.
        u: Reduced frequency, shape (n, m).
        noise: Mean noise power, shape (n, m).
        theta: Parameters of its fit, shape (n, p).
        scale: Their unit of power, shape (n,).
        amplitude: a_ij, shape (n, m).
        averages: Periodograms per fine bin, shape (n,).
        lines: Fine bins under the line in each spectrum.
    """

    frequency_hz: FloatArray
    u: FloatArray
    noise: FloatArray
    theta: FloatArray
    scale: FloatArray
    amplitude: FloatArray
    averages: FloatArray
    lines: list[np.ndarray]


def _truth(spectra: Spectra, options: Options, chain: LinearChain) -> Truth:
    windows = select(spectra, options)
    merged = windows.merged()
    baseline = fit_baseline(spectra, windows, merged, slice(0, len(spectra)), options)
    frequency = windows.frequency_hz()
    used = [np.flatnonzero((known != 0) | (fine != 0)) for known, fine in
            zip(chain.known, chain.matched, strict=True)]  # fmt: skip
    return Truth(
        frequency,
        (frequency - windows.target_hz[:, None]) / (0.5 * options.window_hz),
        baseline.power,
        baseline.theta,
        baseline.scale,
        amplitudes(spectra, windows, frequency, baseline.power),
        spectra.num_averages * windows.merge,
        used,
    )


@dataclass(frozen=True)
class Batch:
    """Excesses of one batch of experiments, each of shape (experiments,).

    Attributes:
        known: Background and place of the axion known, fine bins co-added.
        fitted: Baseline fitted, coarse bins co-added, before division by xi.
        offset_hz: Where the axion was, relative to the edge of the grand bin.
    """

    known: FloatArray
    fitted: FloatArray
    offset_hz: FloatArray


def run_batch(plan: Plan, number: int) -> Batch:
    """Simulate batch ``number``; the same numbers whoever runs it."""
    rng = generator(plan.seed, "montecarlo", number)
    truth, size = plan.truth, plan.size(number)
    spread = plan.options.coarse_merge * plan.options.fine_merge * plan.spectra.step_hz
    offset = (rng.random(size) - 0.5) * spread if plan.misaligned else np.zeros(size)
    fitted, known, norm2 = np.zeros(size), np.zeros(size), np.zeros(size)
    for row in range(len(plan.spectra)):
        used = truth.lines[row]
        if not used.size:
            continue
        relative = rng.standard_gamma(truth.averages[row], (size, truth.noise.shape[1]))
        relative /= truth.averages[row]
        root = np.sqrt(truth.averages[row])
        place, signal = _signal(plan, truth, row, offset)
        if plan.strength:
            relative[:, place] *= 1 + plan.strength / root * signal
        known += np.einsum("ej,ej->e", relative[:, place] - 1, signal) * root
        norm2 += np.einsum("ej,ej->e", signal, signal)
        residual = _residual(plan, truth, row, relative, used)
        fitted += residual @ plan.chain.known[row, used] * root
    return Batch(known / np.sqrt(norm2), fitted, offset)


def _signal(
    plan: Plan, truth: Truth, row: int, offset: FloatArray
) -> tuple[np.ndarray, FloatArray]:
    """Fine bins that hold the line, and the DFSZ signal there in standard deviations.

    Returns:
        Bins, shape (k,), and signals, shape (experiments, k), for axions at ``offset``.
    """
    lines, merge = plan.options.line_bins, plan.options.coarse_merge
    fine_hz = truth.frequency_hz[row, 1] - truth.frequency_hz[row, 0]
    first = round((plan.chain.axion_hz - truth.frequency_hz[row, 0]) / fine_hz + 0.5) - merge
    place = np.arange(max(first, 0), min(first + (2 * lines + 2) * merge, truth.noise.shape[1]))
    edges = truth.frequency_hz[row, 0] + fine_hz * (np.append(place, place[-1] + 1) - 0.5)
    places = offset if plan.misaligned else offset[:1]
    fractions = [bin_fractions(edges, plan.chain.axion_hz + float(shift)) for shift in places]
    signal = np.array(fractions) * truth.amplitude[row, place]
    return place, np.broadcast_to(signal, (len(offset), len(place)))


def _residual(
    plan: Plan, truth: Truth, row: int, relative: FloatArray, used: np.ndarray
) -> FloatArray:
    """y/b_fit - 1 in the bins used, after a fit of the whole spectrum; shape (size, used)."""
    power = relative * truth.noise[row]
    size = len(relative)
    options = plan.options
    shape = shape_of(plan.spectra.subset(np.full(size, row)), options)
    if shape is None:
        fine_hz = truth.frequency_hz[row, 1] - truth.frequency_hz[row, 0]
        window = options.savgol_bins(fine_hz)
        smooth = savgol(power, window, options.savgol_degree)
        return power[:, used] / smooth[:, used] - 1
    u = np.broadcast_to(truth.u[row], power.shape)
    averages = np.full(size, truth.averages[row])
    theta, _ = refine(
        shape, np.tile(truth.theta[row], (size, 1)), u, power, averages,
        np.full(size, truth.scale[row]), 2, value=truth.noise[row],
    )  # fmt: skip
    fitted = shape.value(theta, u[:, used]) * truth.scale[row]
    return power[:, used] / fitted - 1


@dataclass(frozen=True)
class Outcome:
    """All experiments of a plan.

    Attributes:
        known: Excess with background and place known, fine bins, shape (experiments,).
        fitted: Excess after the fit, coarse bins, before division by xi, shape (experiments,).
        offset_hz: The axion's place, shape (experiments,).
        closed_form: What linear algebra says.
    """

    known: FloatArray
    fitted: FloatArray
    offset_hz: FloatArray
    closed_form: Efficiency

    def width(self) -> tuple[float, float]:
        """Width of the excess after the fit and its standard error: xi for noise alone."""
        value = float(np.std(self.fitted, ddof=1))
        return value, value / np.sqrt(2 * (len(self.fitted) - 1))

    def mean(self) -> tuple[float, float]:
        """Mean of the excess after the fit and its standard error."""
        value = float(np.std(self.fitted, ddof=1))
        return float(np.mean(self.fitted)), value / np.sqrt(len(self.fitted))

    def found(self, threshold: float, xi: float) -> tuple[float, float]:
        """Fraction over ``threshold`` after division by ``xi``, and its standard error."""
        share = float(np.mean(self.fitted / xi > threshold))
        return share, float(np.sqrt(max(share * (1 - share), 1e-12) / len(self.fitted)))


def merge(plan: Plan, batches: list[Batch]) -> Outcome:
    """Join the batches of a plan, in order."""
    return Outcome(
        np.concatenate([b.known for b in batches]),
        np.concatenate([b.fitted for b in batches]),
        np.concatenate([b.offset_hz for b in batches]),
        plan.closed_form(),
    )


def efficiency(signal: Outcome, noise: Outcome) -> tuple[float, float]:
    """SNR efficiency [mean/width](fit, coarse) / [mean/width](known, fine) and its standard error.

    Args:
        signal: With the axion.
        noise: Without; its widths are used, as in the letter's Figure 3.
    """
    width, width_error = noise.width()
    mean, mean_error = signal.mean()
    known, known_width = float(np.mean(signal.known)), float(np.std(noise.known, ddof=1))
    value = (mean / width) / (known / known_width)
    # The excess with and without the fit share their noise; treating them as independent is safe.
    parts = (mean_error / mean, width_error / width, known_width / known / len(signal.known) ** 0.5)
    return value, value * float(np.sqrt(np.sum(np.square(parts))))


def strength_at_limit(closed: Efficiency, options: Options, step_hz: float = 10.0) -> float:
    """(g90/g_DFSZ)^2 at which the search claims to find ``options.confidence`` of the axions.

    Without attenuation and systematics, which the simulated spectra do not have either.
    """
    averaged = options.efficiency_definition == "averaged"
    eps = closed.averaged if averaged else closed.aligned
    return level(anchor_mhz(closed.axion_hz), step_hz, options) / (eps * closed.snr)
