"""Monte Carlo of the search at one axion frequency, with real non-linear baseline fits.

One experiment is the spectra that overlap at that frequency (15 in the letter). Their noise follows
the baselines fitted to measured spectra, each fine bin a Gamma variate; an axion of chosen coupling
sits at the edge of the grand bin or anywhere within half a coarse bin of it. Each experiment yields
the excess with the background known and fine bins co-added (the letter's Figure 3b) and the excess
after the fit with coarse bins co-added (Figure 3c). Random numbers are keyed by (seed, batch), so
that results do not depend on how batches are shared among workers. The closed forms of modules
``response`` and ``efficiency`` are what this must agree with.

A fit sees a spectrum through the mean of y/b over blocks (module ``fitting``). Away from the line
that mean alone is drawn: the mean of k Gamma(N)/N is Gamma(k N)/(k N), exactly. What it leaves out
is the change within one block of the ratio of two baselines that differ by the error of a fit: some
1e-6 of the noise of the block.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from haloscope.analysis.chain.baseline import fit_baseline, reduced_frequency
from haloscope.analysis.chain.fitting import block_size, blocks, refine
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.shapes import Shape
from haloscope.analysis.chain.smoothing import savgol
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.analysis.statistics.efficiency import Efficiency, LinearChain, linear_chain
from haloscope.analysis.statistics.limits import anchor_mhz, level
from haloscope.axion import bin_fractions
from instruments.random import generator

BATCH = 50
_VERSION = 3  # Of what a batch holds: raised whenever the same plan gives other numbers.


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
        places: Fine bins that an axion may reach in each spectrum.
        shape: The function fitted; None for a smoother.
        size: Fine bins in a block of the fit; all of them for a smoother, which sees each bin.
        block_u: Reduced frequency of the blocks, shape (n, blocks).
        block_noise: The function there, shape (n, blocks).
    """

    frequency_hz: FloatArray
    u: FloatArray
    noise: FloatArray
    theta: FloatArray
    scale: FloatArray
    amplitude: FloatArray
    averages: FloatArray
    lines: list[np.ndarray]
    places: list[np.ndarray]
    shape: Shape | None
    size: int
    block_u: FloatArray
    block_noise: FloatArray

    def near(self, row: int) -> slice:
        """Whole blocks of a spectrum that hold the line: what is drawn bin by bin."""
        held = self.lines[row], self.places[row]
        low = min(int(bins[0]) for bins in held if bins.size)
        high = max(int(bins[-1]) for bins in held if bins.size)
        return slice(low // self.size * self.size, (high // self.size + 1) * self.size)


def _truth(spectra: Spectra, options: Options, chain: LinearChain) -> Truth:
    windows = select(spectra, options)
    merged = windows.merged()
    baseline = fit_baseline(spectra, windows, merged, slice(0, len(spectra)), options)
    frequency = windows.frequency_hz()
    used = [np.flatnonzero((known != 0) | (fine != 0)) for known, fine in
            zip(chain.known, chain.matched, strict=True)]  # fmt: skip
    u = reduced_frequency(windows, slice(0, len(spectra)), options)
    shape, bins = baseline.shape, windows.fine_bins
    size = bins if shape is None else block_size(bins)
    block_u = blocks(u, size)
    at_blocks = baseline.power[:, :1] if shape is None else (
        shape.value(baseline.theta, block_u) * baseline.scale[:, None]
    )  # fmt: skip
    return Truth(
        frequency,
        u,
        baseline.power,
        baseline.theta,
        baseline.scale,
        amplitudes(spectra, windows, frequency, baseline.power),
        spectra.num_averages * windows.merge,
        used,
        [_places(centres, chain.axion_hz, options) for centres in frequency],
        shape,
        size,
        block_u,
        at_blocks,
    )


def _places(frequency_hz: FloatArray, axion_hz: float, options: Options) -> np.ndarray:
    """Fine bins of a spectrum that hold the line, wherever within half a coarse bin it begins."""
    merge = options.coarse_merge
    fine_hz = frequency_hz[1] - frequency_hz[0]
    first = round((axion_hz - frequency_hz[0]) / fine_hz + 0.5) - merge
    last = min(first + (2 * options.line_bins + 2) * merge, len(frequency_hz))
    return np.arange(max(first, 0), max(last, 0))


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
        near = truth.near(row)
        relative, others = _noise(rng, truth, row, near, size)
        root = np.sqrt(truth.averages[row])
        place, signal = truth.places[row], _signal(plan, truth, row, offset)
        seen = relative[:, place - near.start]
        if plan.strength:
            seen *= 1 + plan.strength / root * signal
            relative[:, place - near.start] = seen
        seen -= 1
        known += np.einsum("ej,ej->e", seen, signal) * root
        norm2 += np.einsum("ej,ej->e", signal, signal)
        residual = fitted_residual(plan, truth, row, relative, others)
        fitted += residual @ plan.chain.known[row, used] * root
    return Batch(known / np.sqrt(norm2), fitted, offset)


def _noise(
    rng: np.random.Generator, truth: Truth, row: int, near: slice, size: int
) -> tuple[FloatArray, FloatArray]:
    """Relative power of ``size`` spectra: in the bins ``near``, and in the blocks elsewhere.

    Returns:
        Shapes (size, bins near) and (size, blocks elsewhere).
    """
    averages, width = truth.averages[row], truth.size
    bins = near.stop - near.start
    elsewhere = truth.block_u.shape[1] - bins // width
    relative = rng.standard_gamma(averages, (size, bins))
    relative /= averages
    others = rng.standard_gamma(averages * width, (size, elsewhere))
    others /= averages * width
    return relative, others


def _signal(plan: Plan, truth: Truth, row: int, offset: FloatArray) -> FloatArray:
    """The DFSZ signal in the bins ``places``, in standard deviations, for axions at ``offset``.

    Returns:
        Shape (experiments, k).
    """
    place, frequency = truth.places[row], truth.frequency_hz[row]
    fine_hz = frequency[1] - frequency[0]
    edges = frequency[0] + fine_hz * (np.append(place, place[-1] + 1) - 0.5)
    places = offset if plan.misaligned else offset[:1]
    fractions = bin_fractions(edges, plan.chain.axion_hz + places[:, None])
    signal = fractions * truth.amplitude[row, place]
    return np.broadcast_to(signal, (len(offset), len(place)))


def fitted_residual(
    plan: Plan, truth: Truth, row: int, relative: FloatArray, others: FloatArray
) -> FloatArray:
    """y/b_fit - 1 in the bins under the line, after a fit of the whole of each spectrum.

    Args:
        plan: What is simulated.
        truth: Of the plan.
        row: Which of its spectra.
        relative: Power over its mean in the bins ``Truth.near`` of this row, shape (size, bins).
        others: The same of the blocks of a fit elsewhere, shape (size, blocks).

    Returns:
        Shape (size, bins ``Truth.lines`` of this row).
    """
    near, used, options = truth.near(row), truth.lines[row], plan.options
    power = relative[:, used - near.start] * truth.noise[row, used]
    if truth.shape is None:
        fine_hz = truth.frequency_hz[row, 1] - truth.frequency_hz[row, 0]
        window = options.savgol_bins(fine_hz)
        smooth = savgol(relative * truth.noise[row], window, options.savgol_degree)
        return power / smooth[:, used] - 1
    size, first = len(relative), near.start // truth.size
    means = np.concatenate(
        [others[:, :first], blocks(relative, truth.size), others[:, first:]], axis=1
    )
    theta, _ = refine(
        truth.shape.rows(np.full(size, row)), np.tile(truth.theta[row], (size, 1)),
        np.broadcast_to(truth.block_u[row], means.shape), means * truth.block_noise[row],
        np.full(size, truth.averages[row] * truth.size), np.full(size, truth.scale[row]), 2,
        value=truth.block_noise[row], size=1,
    )  # fmt: skip
    fitted = truth.shape.rows(np.full(size, row)).value(theta, truth.u[row, used][None])
    return power / (fitted * truth.scale[row]) - 1


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
