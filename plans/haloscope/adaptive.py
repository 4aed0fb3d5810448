"""An adaptive scan: each step's integration time from the limit reached so far.

Goes through the targets once, with as many averages at each as the linear programme of
``plans.haloscope.allocation`` asks for, given what the online analysis has gathered; then again
where something is still missing. Ends when the expected limit is at the target coupling all over
the band.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from devices.haloscope import Haloscope
from haloscope.analysis.live import options_for
from haloscope.analysis.online import Online
from haloscope.analysis.update import OnlineUpdate
from haloscope.axion import coupling_dfsz
from haloscope.description import Description
from haloscope.description.groups import Analysis
from haloscope.measuring.tolerances import tolerances_of
from instruments.ranges import within
from plans.haloscope.allocation import Ledger, allocate
from plans.haloscope.scan import direction, scan_document, spectrum_s, step
from plans.haloscope.setting_up import ScanState, check_all
from plans.haloscope.steps import planned, without
from plans.shared.common import in_run, require
from plans.shared.needs import needs
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = ["AdaptiveScan", "adaptive_scan", "worst_coupling"]

#: Integration of one step, s: the least, since each costs some seconds besides, and the most.
LEAST_S, MOST_S = 20.0, 2000.0
#: Of the very first step, before anything is known, s.
FIRST_S = 100.0
#: Steps ahead that the programme looks, in spectra's windows: twice their reach, and more.
HORIZON = 2.7
#: A cell counts as filled when this share of the wanted SNR^2 is there (0.25 % in the coupling).
FILLED = 0.99
#: A spectrum reaches this far from its target, and a little farther than it counts, in windows.
REACH = 0.533
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


@needs("antenna", "magnet.field.readback")
def adaptive_scan(
    haloscope: Haloscope,
    frequencies_mhz: Sequence[float],
    target_per_gev: float,
    *,
    band_mhz: tuple[float, float] | None = None,
    skip_mhz: Iterable[tuple[float, float]] = (),
    calibration: Mapping[str, float] | None = None,
    tolerances: Mapping[str, float] | None = None,
    first_averages: int | None = None,
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
        What each step must fulfil, by the names of ``Tolerances``; what is not given is as
        described.
    first_averages
        Averages of the very first step, before anything is known; those of 100 s if not given.
    online
        The online analysis; one with the options that are described if not given.
    md
        Metadata for the start document.
    """
    described = haloscope.apparatus
    each_s, costs = spectrum_s(described), _Costs.of(described)
    first = round(FIRST_S / each_s) if first_averages is None else first_averages
    limits = tolerances_of(tolerances, described.operation)
    gaps = [(float(a), float(b)) for a, b in skip_mhz]
    targets = without(planned(frequencies_mhz), gaps)
    band = band_mhz or (min(targets), max(targets))
    require(band[0] < band[1], f"band: {band[0]} MHz is not below {band[1]} MHz")
    within("target_per_gev", target_per_gev, 1e-17, 1e-12, "1/GeV")
    within("first_averages", first, costs.least, costs.most, "spectra")
    check_all(haloscope, [(target, costs.most) for target in targets])
    args = {
        "frequencies_mhz": targets,
        "target_per_gev": target_per_gev,
        "band_mhz": list(band),
        "skip_mhz": [list(gap) for gap in gaps],
        "tolerances": dict(limits),
    }
    start = yield from scan_document("adaptive_scan", haloscope, args, md, calibration=calibration)
    ledger = _ledger(targets, band, described.analysis)
    watcher = _Watcher(ledger, target_per_gev, band, gaps, described.analysis)
    analysis = online or Online(
        options_for(described, 1e6 * targets[len(targets) // 2]), keep=False
    )
    analysis.tell(watcher)
    state = ScanState.of(described, limits)
    state.rod.direction = direction(described, targets)
    passes = _passes(haloscope, targets, watcher, state, first, costs)
    watched = bpp.subs_wrapper(in_run(passes, start), analysis)
    taken = yield from left_as_found(run_haloscope_safely(watched, haloscope), haloscope)
    seconds = each_s * sum(averages for _, averages in taken)
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


@dataclass(frozen=True)
class _Costs:
    """Fewest and most averages of a step, steps looked ahead, a spectrum's reach in MHz."""

    least: int
    most: int
    horizon: int
    reach_mhz: float

    @classmethod
    def of(cls, apparatus: Description) -> Self:
        """Those of an apparatus."""
        each_s, window_hz = spectrum_s(apparatus), apparatus.analysis.window_hz
        return cls(
            max(1, round(LEAST_S / each_s)),
            max(1, round(MOST_S / each_s)),
            max(2, round(HORIZON * window_hz / apparatus.operation.step_hz)),
            REACH * window_hz * 1e-6,
        )


def _ledger(targets: Sequence[float], band_mhz: tuple[float, float], analysis: Analysis) -> Ledger:
    """It reaches as far as any spectrum: what a step brings is learnt outside the band too."""
    low, high = min(*band_mhz, *targets), max(*band_mhz, *targets)
    reach_mhz = REACH * analysis.window_hz * 1e-6
    return Ledger(low - reach_mhz, high + reach_mhz, analysis.window_hz * 1e-3)


class _Watcher:
    """Keeps the ledger from what the online analysis publishes."""

    def __init__(
        self,
        ledger: Ledger,
        target_per_gev: float,
        band_mhz: tuple[float, float],
        gaps_mhz: Sequence[tuple[float, float]],
        analysis: Analysis,
    ) -> None:
        self.ledger, self._target_snr = ledger, analysis.target_snr
        self.window_mhz = analysis.window_hz * 1e-6
        cells = ledger.cells_mhz
        self._inside = inside(cells, band_mhz, gaps_mhz)
        self._dfsz = np.array([coupling_dfsz(f * 1e6) for f in cells])
        wanted = (self._target_snr * (self._dfsz / target_per_gev) ** 2) ** 2
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
            limits = self._dfsz * np.sqrt(self._target_snr / snr)
            return float(np.max(limits[self._inside]))


def _passes(
    haloscope: Haloscope,
    targets: Sequence[float],
    watcher: _Watcher,
    state: ScanState,
    first_averages: int,
    costs: _Costs,
) -> MsgGenerator[list[tuple[float, int]]]:
    """Go through the targets until nothing is missing, or nothing more can be gained."""
    taken: list[tuple[float, int]] = []
    for number in range(PASSES):
        before = len(taken)
        yield from _one_pass(
            haloscope, targets, watcher, state, taken, number, first_averages, costs
        )
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
    costs: _Costs,
) -> MsgGenerator[None]:
    """Once through the targets; after the first pass only where something is missing."""
    first = number == 0
    for index, target in enumerate(targets):
        ahead = np.array(targets[index : index + costs.horizon])
        if not taken:
            averages = first_averages
        else:
            wanted = _within_reach(watcher, ahead, targets[index + costs.horizon :], first, costs)
            asked = allocate(
                watcher.ledger, ahead, wanted, least=costs.least if first else 0.0, most=costs.most
            )
            if asked[0] < 0.1 * costs.least:  # not worth a tuning
                continue
            averages = max(costs.least, round(float(asked[0])))
        yield from bps.checkpoint()
        yield from step(haloscope, target, averages, state)
        watcher.take(target, averages)
        taken.append((target, averages))


def _within_reach(
    watcher: _Watcher,
    ahead: NDArray[np.float64],
    beyond: Sequence[float],
    first: bool,
    costs: _Costs,
) -> NDArray[np.float64]:
    """What is wanted of the steps ahead: nothing in cells that later steps will also reach."""
    wanted = watcher.wanted.copy()
    cells = watcher.ledger.cells_mhz
    if beyond:
        later = np.min(np.abs(cells[:, None] - np.array(beyond)[None, :]), axis=1) < costs.reach_mhz
        wanted[later] = 0.0
    if first:
        near = np.min(np.abs(cells[:, None] - ahead[None, :]), axis=1) < 0.5 * watcher.window_mhz
        wanted[~near] = 0.0
    return wanted
