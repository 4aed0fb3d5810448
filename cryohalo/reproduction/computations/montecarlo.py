"""The letter's simulated experiments: scale factor, efficiency, coverage, with real fits.

The backgrounds are fifteen spectra that overlap at the middle of the band, measured on the control
path. Batches are kept, so that an interrupted run goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from cryohalo.reproduction.finding import Finding, exact, measured, numerical
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.shared.control_path import session_at
from cryohalo.reproduction.work import Answers, Work
from haloscope.analysis.chain.baseline import shape_of
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.options import Options
from haloscope.analysis.report import figures
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.distribute import run
from haloscope.analysis.statistics.efficiency import Efficiency, closed_form
from haloscope.analysis.statistics.montecarlo import Outcome, Plan, efficiency, strength_at_limit

if TYPE_CHECKING:
    from cryohalo.catalog import Run
    from cryohalo.session import Session

__all__ = ["compute"]

_QUICK_EXPERIMENTS: Final = 400
#: Grand bins in which two baselines are compared, coarse bins from the middle: within a step.
_AWAY: Final = (-20, -10, 0, 10, 20)
#: Free numbers of Lorentzian and quadratic: their common place is the JPA's, which is measured.
_OTHER_FACTORS: Final = 2
#: With real fits; the closed form says what they scatter about.
_HOW: Final = "experiments, every baseline fitted"


def compute(work: Work) -> Answers:
    """Findings of the Monte Carlo."""
    spectra = _backgrounds(work)
    work.tell(0.1)
    count = _QUICK_EXPERIMENTS if work.quick else round(claim_named("experiments").low)
    found, outcomes = _figure3(work, spectra, count)
    found |= _smoother(spectra, outcomes.closed)
    found["baseline-parameters"] = _parameters(spectra)
    if work.quick:
        del found["experiments"]
        work.leave_out("experiments", f"the quick settings make {count}")
    work.figure(
        "montecarlo-figure3",
        figures.distributions(
            [
                ("background known, 50 Hz", outcomes.aligned.known, outcomes.noise.known[:count]),
                ("fitted, 450 Hz", outcomes.aligned.fitted, outcomes.noise.fitted[:count]),
            ],
            f"{count} simulated experiments, DFSZ axion",
        ),
        "Excess with the background known and after the fit (the letter's Figures 3b and 3c).",
        ["experiments", "known-width", "fitted-width", "snr-efficiency-edge"],
    )
    return found


@dataclass(frozen=True)
class _Outcomes:
    """Experiments with an axion at a bin's edge, and without any; what linear algebra says."""

    aligned: Outcome
    noise: Outcome
    closed: Efficiency


def _backgrounds(work: Work) -> Spectra:
    """Fifteen measured spectra that overlap at the middle of the band."""
    with session_at(work, "haloscope", speed=0.0) as session:
        recorded = session.catalog.named("scan")
        complete = [r for r in recorded if (r.stop or {}).get("exit_status") == "success"]
        scanned = complete[-1] if complete else _scanned(session)
        return spectra_from_documents(scanned.documents())


def _scanned(session: Session) -> Run:
    from plans.haloscope.calibration import calibrate
    from plans.haloscope.commissioning import cool_and_ramp
    from plans.haloscope.scan import scan

    haloscope = session.haloscope
    operation = haloscope.apparatus.operation
    middle_mhz = 0.5e-6 * (operation.band_low_hz + operation.band_high_hz)
    overlaps = round(claim_named("overlaps").low)
    places = np.arange(overlaps) - overlaps // 2
    targets = [round(middle_mhz + 1e-6 * operation.step_hz * float(k), 6) for k in places]
    session.run(cool_and_ramp(haloscope))
    calibration = session.run(calibrate(haloscope, middle_mhz, averages=500)).value
    (recorded,) = session.run(scan(haloscope, targets, calibration=calibration))
    return recorded


def _figure3(work: Work, spectra: Spectra, count: int) -> tuple[dict[str, Finding], _Outcomes]:
    """Widths, efficiencies and coverage.

    Experiments without an axion, with one at a bin's edge as in the letter's figure, and with one
    anywhere in a bin that is as strong as the limit claims to find.
    """
    seed = work.settings.seed
    plan = Plan(spectra, experiments=count, seed=seed)
    closed, threshold = plan.closed_form(), plan.options.threshold
    at_limit = strength_at_limit(closed, plan.options)
    kinds = {
        "noise": replace(plan, strength=0.0, seed=seed + 1),
        "aligned": plan,
        "anywhere": replace(plan, misaligned=True, strength=at_limit, seed=seed + 2),
    }
    out: dict[str, Outcome] = {}
    for number, (name, kind) in enumerate(kinds.items()):
        share = _part(work, 0.1 + 0.27 * number, 0.27)
        out[name] = run(kind, folder=work.folder / name, workers=1, progress=share)
    noise, (width, width_error) = out["noise"], out["noise"].width()
    known = float(np.std(noise.known, ddof=1))
    eps, eps_error = efficiency(out["anywhere"], noise)
    edge, edge_error = efficiency(out["aligned"], noise)
    share_found, found_error = out["anywhere"].found(threshold, closed.width)
    how = f"{count} {_HOW}"
    lost, subtracted = 1.0 - closed.averaged / closed.aligned, 1.0 - closed.baseline_only
    return {
        "experiments": exact(count, "counted", "with the axion; as many without, and at the limit"),
        "known-width": measured(known, known / (2.0 * count) ** 0.5, how),
        "fitted-width": measured(width, width_error, how, f"closed form {closed.width:.4f}"),
        "snr-efficiency": measured(
            eps, eps_error, how,
            f"closed form {closed.averaged:.4f}",
        ),
        "snr-efficiency-edge": measured(
            edge, edge_error, how, f"closed form {closed.aligned:.4f}"
        ),
        "subtraction-share": exact(
            100.0 * subtracted / (1.0 - closed.averaged), "closed form",
            f"{100.0 * subtracted:.1f} % of {100.0 * (1.0 - closed.averaged):.1f} % in all; of "
            f"{100.0 * (1.0 - closed.aligned):.1f} % for an axion at a bin's edge",
        ),
        "misalignment": exact(
            100.0 * lost / subtracted, "closed form",
            f"{100 * lost:.1f} % against {100 * subtracted:.1f} %",
        ),
        "coverage": measured(
            100.0 * share_found, 100.0 * found_error, how,
            f"at {at_limit**0.5:.3f} times the DFSZ coupling, anywhere in a bin",
        ),
    }, _Outcomes(out["aligned"], noise, closed)  # fmt: skip


def _smoother(spectra: Spectra, closed: Efficiency) -> dict[str, Finding]:
    """Efficiencies with fit and smoother, in grand bins that all spectra overlap at."""
    fit, smooth = Options(), Options(baseline="savgol")
    coarse_hz = spectra.step_hz * fit.fine_merge * fit.coarse_merge
    middle = round(closed.axion_hz / coarse_hz)
    both = np.array([
        [closed_form(spectra, options, coarse=middle + away).aligned for options in (fit, smooth)]
        for away in _AWAY
    ])  # fmt: skip
    gains = 100.0 * (both[:, 0] / both[:, 1] - 1.0)
    return {
        "fit-gain": numerical(
            float(gains.mean()), float(gains.std(ddof=1) / gains.size**0.5),
            f"closed form, scatter over {gains.size} grand bins",
            f"efficiency {both[:, 0].mean():.3f} against {both[:, 1].mean():.3f}, same degree and "
            "window",
        ),
    }  # fmt: skip


def _parameters(spectra: Spectra) -> Finding:
    """Parameters of the function that is fitted to a spectrum, less those of its other factors."""
    shape = shape_of(spectra, Options())
    if shape is None:
        raise ValueError("the letter's baseline is a fit, and no smoother")
    fitted = shape.prior_mean.shape[1]
    return exact(
        fitted - _OTHER_FACTORS, "counted",
        f"of {fitted} in all, less the Lorentzian's width and the quadratic's curvature",
    )  # fmt: skip


def _part(work: Work, start: float, share: float) -> Callable[[int, int], None]:
    """Tells how far the whole is while a part of it runs."""
    return lambda done, total: work.tell(start + share * done / total)
