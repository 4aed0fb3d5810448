"""An adaptive scan: each step's integration time from the limit reached so far.

Goes through the targets once, with as many averages at each as the linear programme of
``plans.haloscope.allocation`` asks for, given what the online analysis has gathered; then again
where something is still missing. Ends when the expected limit is at the target coupling all over
the band.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from devices.haloscope import Haloscope
from haloscope.analysis.online import Online, OnlineUpdate
from haloscope.axion import coupling_dfsz
from haloscope.measuring.tolerances import tolerances_of
from instruments.ranges import within
from plans.haloscope.allocation import Ledger, allocate
from plans.haloscope.scan import SPECTRUM_S, ScanState, check, direction, scan_document, step
from plans.haloscope.steps import planned, without
from plans.shared.common import in_run, require
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = ["AdaptiveScan", "adaptive_scan", "worst_coupling"]

#: The limit is the coupling whose expected SNR is this (haloscope note 3, item 11).
TARGET_SNR = 5.0
#: Averages of one step: 20 s at least, since each costs some 5 s besides; 2000 s at most.
LEAST, MOST = 200, 20_000
#: Steps ahead that the programme looks: twice a spectrum's reach.
HORIZON = 40
#: A cell counts as filled when this share of the wanted SNR^2 is there (0.25 % in the coupling).
FILLED = 0.99
#: A spectrum reaches this far from its target, and a little farther than it counts, MHz.
REACH_MHZ = 0.08
#: Passes through the targets before giving up.
PASSES = 4


@dataclass(frozen=True)
class AdaptiveScan:
    """How an adaptive scan ended.

    Attributes:
        steps: (target MHz, averages) of each step taken, in order.
        integration_s: Simulated seconds of integration, all steps.
        worst_per_gev: Largest expected limit in the band, 1/GeV.
        reached: The limit is at the target everywhere.
    """

    steps: list[tuple[float, int]]
    integration_s: float
    worst_per_gev: float
    reached: bool


def adaptive_scan(
    haloscope: Haloscope,
    frequencies_mhz: Sequence[float],
    target_per_gev: float,
    *,
    band_mhz: tuple[float, float] | None = None,
    skip_mhz: Iterable[tuple[float, float]] = (),
    calibration: Mapping[str, float] | None = None,
    tolerances: Mapping[str, float] | None = None,
    first_averages: int = 1000,
    online: Online | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[AdaptiveScan]:
    """Scan until the expected limit is at a target coupling all over a band, in the least time.

    Parameters
    ----------
    haloscope
        The device.
    frequencies_mhz
        Targets that may be used, MHz, ascending or descending.
    target_per_gev
        The coupling to be reached, 1/GeV.
    band_mhz
        Where (low, high); from the first to the last target if not given.
    skip_mhz
        Intervals (low, high) that are neither targets nor part of the band.
    calibration
        For the start document, and so for the online analysis.
    tolerances
        What each step must fulfil, by the names of ``Tolerances``; what is not given is the
        letter's.
    first_averages
        Averages of the very first step, before anything is known.
    online
        The online analysis; one with the default options if not given.
    md
        Metadata for the start document.
    """
    limits = tolerances_of(tolerances)
    gaps = [(float(a), float(b)) for a, b in skip_mhz]
    targets = without(planned(frequencies_mhz), gaps)
    band = band_mhz or (min(targets), max(targets))
    require(band[0] < band[1], f"band: {band[0]} MHz is not below {band[1]} MHz")
    within("target_per_gev", target_per_gev, 1e-17, 1e-12, "1/GeV")
    within("first_averages", first_averages, LEAST, MOST, "spectra")
    for target in targets:
        check(haloscope, target, MOST)
    args = {
        "frequencies_mhz": targets,
        "target_per_gev": target_per_gev,
        "band_mhz": list(band),
        "skip_mhz": [list(gap) for gap in gaps],
        "tolerances": dict(limits),
    }
    start = yield from scan_document("adaptive_scan", haloscope, args, md, calibration=calibration)
    watcher = _Watcher(_ledger(targets, band), target_per_gev, band, gaps)
    analysis = online or Online(keep=False)
    analysis.tell(watcher)
    state = ScanState(limits)
    state.rod.direction = direction(targets)
    passes = _passes(haloscope, targets, watcher, state, first_averages)
    watched = bpp.subs_wrapper(in_run(passes, start), analysis)
    taken = yield from left_as_found(run_haloscope_safely(watched, haloscope), haloscope)
    seconds = SPECTRUM_S * sum(averages for _, averages in taken)
    return AdaptiveScan(taken, seconds, watcher.worst_per_gev, watcher.filled)


def worst_coupling(
    frequency_hz: NDArray[np.float64],
    coupling_per_gev: NDArray[np.float64],
    band_mhz: tuple[float, float],
    skip_mhz: Iterable[tuple[float, float]] = (),
) -> float:
    """Largest limit within a band, 1/GeV: what a scan has reached everywhere in it.

    Raises:
        ValueError: No limit inside the band.
    """
    here = inside(frequency_hz * 1e-6, band_mhz, list(skip_mhz))
    require(bool(here.any()), f"no limit between {band_mhz[0]} and {band_mhz[1]} MHz")
    return float(np.max(coupling_per_gev[here]))


def inside(
    frequency_mhz: NDArray[np.float64],
    band_mhz: tuple[float, float],
    gaps_mhz: Sequence[tuple[float, float]],
) -> NDArray[np.bool_]:
    """Which frequencies are in the band and in none of the gaps."""
    found = (frequency_mhz >= band_mhz[0]) & (frequency_mhz <= band_mhz[1])
    for low, high in gaps_mhz:
        found &= ~((frequency_mhz >= low) & (frequency_mhz <= high))
    return found


def _ledger(targets: Sequence[float], band_mhz: tuple[float, float]) -> Ledger:
    """It reaches as far as any spectrum: what a step brings is learnt outside the band too."""
    low, high = min(*band_mhz, *targets), max(*band_mhz, *targets)
    return Ledger(low - REACH_MHZ, high + REACH_MHZ)


class _Watcher:
    """Keeps the ledger from what the online analysis publishes."""

    def __init__(
        self,
        ledger: Ledger,
        target_per_gev: float,
        band_mhz: tuple[float, float],
        gaps_mhz: Sequence[tuple[float, float]],
    ) -> None:
        self.ledger = ledger
        cells = ledger.cells_mhz
        self._inside = inside(cells, band_mhz, gaps_mhz)
        self._dfsz = np.array([coupling_dfsz(f * 1e6) for f in cells])
        wanted = (TARGET_SNR * (self._dfsz / target_per_gev) ** 2) ** 2
        self.wanted = np.where(self._inside, wanted, 0.0)
        self.update: OnlineUpdate | None = None

    def __call__(self, update: OnlineUpdate) -> None:
        self.update = update

    def take(self, target_mhz: float, averages: int) -> None:
        """Book the step whose update was published last."""
        update, self.update = self.update, None
        if update is not None and update.limit is not None:
            frequency_mhz = update.limit.frequency_hz * 1e-6
            self.ledger.update(frequency_mhz, update.limit.expected_snr, target_mhz, averages)

    @property
    def filled(self) -> bool:
        """Every cell has what it needs."""
        return bool(np.all(self.ledger.gathered >= FILLED * self.wanted))

    @property
    def worst_per_gev(self) -> float:
        """Largest limit over the cells, 1/GeV; inf while one is empty."""
        with np.errstate(divide="ignore"):
            snr = np.sqrt(self.ledger.gathered)
            limits = self._dfsz * np.sqrt(TARGET_SNR / snr)
            return float(np.max(limits[self._inside]))


def _passes(
    haloscope: Haloscope,
    targets: Sequence[float],
    watcher: _Watcher,
    state: ScanState,
    first_averages: int,
) -> MsgGenerator[list[tuple[float, int]]]:
    """Go through the targets until nothing is missing, or nothing more can be gained."""
    taken: list[tuple[float, int]] = []
    for number in range(PASSES):
        before = len(taken)
        yield from _one_pass(haloscope, targets, watcher, state, taken, number, first_averages)
        if watcher.filled or len(taken) == before:
            break
    return taken


def _one_pass(
    haloscope: Haloscope,
    targets: Sequence[float],
    watcher: _Watcher,
    state: ScanState,
    taken: list[tuple[float, int]],
    number: int,
    first_averages: int,
) -> MsgGenerator[None]:
    """Once through the targets; after the first pass only where something is missing."""
    first = number == 0
    for index, target in enumerate(targets):
        ahead = np.array(targets[index : index + HORIZON])
        if not taken:
            averages = first_averages
        else:
            wanted = _within_reach(watcher, ahead, targets[index + HORIZON :], first)
            asked = allocate(
                watcher.ledger, ahead, wanted, least=LEAST if first else 0.0, most=MOST
            )
            if asked[0] < 0.1 * LEAST:  # not worth a tuning
                continue
            averages = max(LEAST, round(float(asked[0])))
        yield from bps.checkpoint()
        yield from step(haloscope, target, averages, state)
        watcher.take(target, averages)
        taken.append((target, averages))


def _within_reach(
    watcher: _Watcher, ahead: NDArray[np.float64], beyond: Sequence[float], first: bool
) -> NDArray[np.float64]:
    """What is wanted of the steps ahead: nothing in cells that later steps will also reach."""
    wanted = watcher.wanted.copy()
    cells = watcher.ledger.cells_mhz
    if beyond:
        later = np.min(np.abs(cells[:, None] - np.array(beyond)[None, :]), axis=1) < REACH_MHZ
        wanted[later] = 0.0
    if first:
        near = np.min(np.abs(cells[:, None] - ahead[None, :]), axis=1) < 0.075
        wanted[~near] = 0.0
    return wanted
