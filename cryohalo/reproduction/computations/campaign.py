"""The letter's search: calibrations, scan, analysis while it runs, rescan, limit.

IOC, devices, the plan ``campaign`` and the catalog. One that was interrupted goes on from its
catalog. With quick settings the first sixty steps stand for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryohalo.reproduction.finding import Finding, counted, exact, measured, spread
from cryohalo.reproduction.shared.control_path import session_at
from cryohalo.reproduction.shared.letter_scan import steps_of_the_letter, targets
from cryohalo.reproduction.work import Answers, Work
from haloscope.analysis.exchange.keys import value_in
from haloscope.analysis.exchange.published import ratio_to_published
from haloscope.analysis.pipeline import Result
from haloscope.analysis.report import figures
from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
from haloscope.analysis.statistics.limits import dfsz

if TYPE_CHECKING:
    from cryohalo.session import Session
    from plans.haloscope.outcome import Campaign

__all__ = ["compute", "lines", "masses"]

Steps = Mapping[str, NDArray[np.float64]]

_QUICK_STEPS: Final = 60
_NAME: Final = "letter"
_DAY_S: Final = 86400.0
#: What is read of each step's event.
_READ: Final = (
    "measured_loaded_q", "measured_loaded_q_error", "measured_beta", "measured_beta_error",
    "measured_jpa_gain", "measured_jpa_gain_error", "measured_jpa_gain_peak",
    "measured_jpa_gain_peak_error",
    "measured_cavity_frequency", "measured_target_frequency", "daq_acquire_time", "sim_time",
    "daq_frequency_step", "daq_num_averages",
)  # fmt: skip
#: Two steps; what is wider is the hole.
_GAP_KHZ: Final = 20.0
_FIVE: Final = 5.0
_NOT_QUICK: Final = "asks for the whole band; the quick settings scan a part of it"
_WHOLE: Final = (
    "scan-steps",
    "scan-range",
    "mass-lowest",
    "mass-highest",
    "limit-hole",
    "data-taking",
)


def compute(work: Work) -> Answers:
    """Findings of the search."""
    wanted = targets(_QUICK_STEPS if work.quick else steps_of_the_letter())
    with session_at(work, "haloscope", speed=0.0) as session:
        outcome = _campaign(work, session, wanted)
        steps = _steps(session)
        days = _days(session)
    work.tell(0.97)
    result = outcome.result
    if result is None:
        raise ValueError("the campaign has no result")
    found = {**_of_steps(steps), **_of_analysis(outcome, result), **_limit(result)}
    found["data-taking"] = exact(
        days * steps_of_the_letter() / len(wanted), "none: simulated time, overheads included",
        "scaled from sixty steps" if work.quick else "without maintenance",
    )  # fmt: skip
    _draw(work, result)
    for name in _WHOLE if work.quick else ():
        del found[name]
        work.leave_out(name, _NOT_QUICK)
    return found


def _campaign(work: Work, session: Session, wanted: list[float]) -> Campaign:
    """Run what is left of it."""
    from plans.haloscope.campaign import campaign

    done = 0

    def follow(name: str, document: Mapping[str, Any]) -> None:
        nonlocal done
        if name == "event" and value_in(document["data"], "measured_loaded_q") is not None:
            done += 1
            work.tell(0.95 * min(done / len(wanted), 1.0))

    def documents() -> Iterator[tuple[str, Any]]:
        nonlocal done
        for recorded in session.catalog:
            for name, document in recorded.documents():
                follow(name, document)
                yield name, document

    token = session.run_engine.subscribe(follow)
    try:
        plan = campaign(session.haloscope, _NAME, wanted, documents=documents())
        outcome: Campaign = session.run(plan).value
    finally:
        session.run_engine.unsubscribe(token)
    return outcome


def _steps(session: Session) -> Steps:
    """What was measured at each step of the scan; bins of its spectrum and their scatter."""
    rows = []
    for run in session.catalog.named("scan"):
        for event in run.events():
            spectrum = np.asarray(value_in(event["data"], "daq_spectrum"))
            values = [float(value_in(event["data"], name)) for name in _READ]
            rows.append([*values, len(spectrum), _scatter(spectrum)])
    columns = np.array(rows).T
    return dict(zip((*_READ, "bins", "scatter"), columns, strict=True))


def _scatter(spectrum: NDArray[np.float64]) -> float:
    """Relative scatter of single bins about any smooth baseline, in the middle of a spectrum.

    From differences of neighbours over their mean; narrow lines are left out.
    """
    middle = spectrum[2 * len(spectrum) // 5 : 3 * len(spectrum) // 5]
    change = (middle[1:] - middle[:-1]) / (0.5 * (middle[1:] + middle[:-1]))
    kept = change[np.abs(change) < 8.0 * np.median(np.abs(change))]
    return float(kept.std() / np.sqrt(2.0))


def _days(session: Session) -> float:
    """Simulated time from the first event of the campaign to the last, days."""
    times = [
        float(value_in(event["data"], "sim_time"))
        for run in session.catalog
        for stream in run.streams()
        for event in run.events(stream)
        if value_in(event["data"], "sim_time") is not None
    ]
    return (max(times) - min(times)) / _DAY_S


def _of_steps(steps: Steps) -> dict[str, Finding]:
    cavity = np.sort(steps["measured_cavity_frequency"])
    width_hz = float(np.median(steps["daq_frequency_step"]))
    gaps_khz = 1e3 * np.diff(cavity)
    near_khz = gaps_khz[gaps_khz < _GAP_KHZ]
    return {
        "coupling-range": _ends(steps, "measured_beta"),
        "loaded-q": _least_q(steps),
        "gain-probe": _ends(steps, "measured_jpa_gain"),
        "gain-resonance": _ends(steps, "measured_jpa_gain_peak"),
        "spectrum-span": exact(
            1e-6 * float(np.median(steps["bins"])) * width_hz, "none: bins times width"
        ),
        "resolution": exact(width_hz, "none: read back"),
        "scan-steps": exact(len(cavity), "counted"),
        "scan-range": exact(float(cavity[-1] - cavity[0]), "none: measured resonances"),
        "scan-step": measured(
            float(np.median(gaps_khz)), float(near_khz.std() / len(cavity) ** 0.5),
            "scatter of the steps",
        ),
        "integration-time": exact(
            float(np.median(steps["daq_acquire_time"])), "none: the digitizer's time",
            f"{np.median(steps['daq_num_averages']):.0f} spectra",
        ),
        "bin-statistics": _averages(steps["scatter"]),
    }  # fmt: skip


def _least_q(steps: Steps) -> Finding:
    """The least loaded Q of all steps, with the error of that measurement."""
    loaded = steps["measured_loaded_q"]
    least = int(loaded.argmin())
    return measured(
        loaded[least], steps["measured_loaded_q_error"][least], "the fit of that step",
        f"median {np.median(loaded):.0f}",
    )  # fmt: skip


def _averages(scatter: NDArray[np.float64]) -> Finding:
    """How many spectra were averaged, as the scatter of bins tells: one over its square."""
    mean, error = float(scatter.mean()), float(scatter.std(ddof=1) / len(scatter) ** 0.5)
    return measured(
        mean**-2, 2.0 * error * mean**-3, f"over {len(scatter)} spectra",
        f"a bin scatters by {100.0 * mean:.4f} %, from differences of neighbouring bins",
    )  # fmt: skip


def _ends(steps: Steps, name: str) -> Finding:
    """All steps of something that was measured with an error, by median and ends."""
    values = steps[name]
    return spread(
        float(np.median(values)), float(values.min()), float(values.max()),
        "statistical: of one measurement, median", float(np.median(steps[f"{name}_error"])),
        "least and largest of all steps",
    )  # fmt: skip


def _of_analysis(outcome: Campaign, result: Result) -> dict[str, Finding]:
    grand, options = result.grand, result.options
    # Neighbouring grand bins share eight ninths of their bins: so many are independent.
    independent = len(grand) / options.line_bins
    snr = _covered(result.limit.expected_snr, result)
    over = int(np.sum(result.normalised > options.threshold))
    rho = neighbour_correlation(grand, result.step_hz, options)
    chance = expected_clusters(len(grand), rho, options.threshold)
    return {
        "snr": exact(
            float(np.median(snr)), "none: expected, every efficiency taken off",
            f"above 5 in {100 * np.mean(snr > _FIVE):.0f} % of the range",
        ),
        "window": exact(1e-3 * options.window_hz, "none: a setting"),
        "overlaps": exact(float(np.median(grand.overlaps)), "counted"),
        "scale-factor": exact(result.xi, "closed form", "by the fits of all spectra"),
        "gaussian-mean": measured(
            float(result.normalised.mean()), independent**-0.5, "the bins' known correlation"
        ),
        "gaussian-width": measured(
            float(result.normalised.std()), (2.0 * independent) ** -0.5,
            "the bins' known correlation",
        ),
        **lines(outcome, over, chance),
    }  # fmt: skip


def lines(outcome: Campaign, over: int, chance: float) -> dict[str, Finding]:
    """What was above the threshold before the rescan, and what is after it.

    Args:
        outcome: Of the campaign.
        over: Lines of the last grand spectrum above the threshold, whatever is thought of them.
        chance: How many places noise alone brings above it.
    """
    again, vetoed = len(outcome.candidates_mhz), len(outcome.vetoed_mhz)
    return {
        "lines-above": counted(
            again + vetoed, "Poisson",
            f"{again} were taken again, {vetoed} vetoed; noise alone {chance:.1f}",
        ),
        "after-rescan": exact(
            over, "counted",
            f"{len(outcome.survivors_mhz)} of {again} taken again persist; {vetoed} vetoed and not "
            f"taken again, {len(outcome.fresh_mhz)} new since",
        ),
    }  # fmt: skip


def _covered(values: NDArray[np.float64], result: Result) -> NDArray[np.float64]:
    """Where as many spectra overlap as nearly everywhere."""
    full = result.grand.overlaps > 0.85 * np.median(result.grand.overlaps)
    return values[full & np.isfinite(result.limit.coupling_per_gev)]


def _limit(result: Result) -> dict[str, Finding]:
    bound, nu = result.limit, result.frequency_hz
    coupling = _covered(bound.coupling_per_gev, result)
    density = 100.0 * _covered(bound.ksvz_density, result)
    here = _covered(nu, result)
    ratio = ratio_to_published(here, coupling)
    budget = 50.0 * float(np.median(result.systematic))  # of a square root
    how = f"none: expected; its power is known to {2 * budget:.1f} %, which is taken off"
    mass = 1e6 * _covered(bound.mass_ev, result)
    return {
        "limit-mean": exact(
            float(coupling.mean()), how, f"least {coupling.min():.3g}, largest {coupling.max():.3g}"
        ),
        "limit-shape": spread(
            float(ratio.mean()), float(ratio.min()), float(ratio.max()),
            "none: the digitised curve's reading error is in the tolerance",
            note=f"within 10 % at {100 * np.mean(np.abs(ratio - 1) < 0.1):.0f} % of {ratio.size} "
            "points",
        ),
        "limit-hole": exact(1e-3 * float(np.diff(nu[result.grand.well_covered]).max()), "counted"),
        **masses(mass),
        "beyond-dfsz": exact(float((coupling / dfsz(here)).mean()), how),
        "ksvz-density": exact(
            float(density.mean()), how, f"90th percentile {np.percentile(density, 90):.1f} %"
        ),
    }  # fmt: skip


def masses(mass_uev: NDArray[np.float64]) -> dict[str, Finding]:
    """The least and the largest mass that have a limit."""
    how = "none: where there is a limit"
    return {
        "mass-lowest": exact(float(mass_uev.min()), how),
        "mass-highest": exact(float(mass_uev.max()), how),
    }


def _draw(work: Work, result: Result) -> None:
    work.figure(
        "campaign-limit", figures.limit(result),
        "The limit over the band, with the models and the published curve (the letter's Figure 4).",
        ["limit-mean", "limit-shape", "limit-hole", "beyond-dfsz", "mass-lowest", "mass-highest"],
    )  # fmt: skip
    work.figure(
        "campaign-density", figures.density(result),
        "Share of the local density that is excluded for KSVZ axions (the letter's Figure 5).",
        ["ksvz-density"],
    )  # fmt: skip
    work.figure(
        "campaign-gaussian", figures.histogram(result),
        "Normalised grand spectrum against a standard Gaussian (the letter's Figure 3a).",
        ["gaussian-mean", "gaussian-width", "scale-factor", "lines-above"],
    )  # fmt: skip
