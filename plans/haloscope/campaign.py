"""A campaign: map, calibrate, scan, analyse, rescan, report; goes on where it was cut.

The documents of the catalog alone say what was done. Give the plan the documents of all
earlier runs of the campaign and it takes what is missing: none twice, none left out.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from haloscope.analysis.live import Analysing, LiveAnalysis, options_for
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.statistics.decision import Decision, to_rescan
from haloscope.analysis.statistics.rescan import Verdict, judge
from haloscope.description.groups import Operation
from haloscope.planning.rounds import segments
from plans.haloscope import fieldoff
from plans.haloscope.calibrating import calibrated_scan
from plans.haloscope.crossings import Intervals, map_crossings
from plans.haloscope.outcome import Campaign
from plans.haloscope.rescans import rescan
from plans.haloscope.resuming import Earlier, resumed
from plans.haloscope.setting_up import check_all
from plans.haloscope.steps import Documents, planned, remaining, without
from plans.shared.common import require
from plans.shared.needs import demand, needs

__all__ = ["Campaign", "campaign", "fresh_candidates"]

log = logging.getLogger("plans.campaign")

_NOTHING_LEFT = "nothing is left of the band without what is to be skipped"


@needs("antenna", "magnet.field.readback")
def campaign(
    haloscope: Haloscope,
    name: str,
    frequencies_mhz: Sequence[float] | None = None,
    *,
    start_mhz: float | None = None,
    stop_mhz: float | None = None,
    step_khz: float | None = None,
    averages: int | None = None,
    rescan_averages: int | None = None,
    skip_mhz: Iterable[tuple[float, float]] = (),
    find_crossings: bool = False,
    calibration: Mapping[str, Any] | None = None,
    calibration_spacing_mhz: float | None = None,
    calibrate_every_s: float | None = None,
    documents: Documents = (),
    online: LiveAnalysis | None = None,
    analysing: Analysing | None = None,
    decision: str = "threshold",
    field_off: bool = False,
    report: Callable[[Campaign], None] | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Campaign]:
    """Run a campaign, or what is left of it.

    Parameters
    ----------
    haloscope
        The device.
    name
        Of the campaign; distinguishes its runs from others in the catalog.
    frequencies_mhz
        Targets of the scan, MHz; or give a range.
    start_mhz
        First target of a range, MHz, given with ``stop_mhz``; without both the range is the
        band of the search, as the apparatus is described.
    stop_mhz
        Last target of a range, MHz.
    step_khz
        Distance of targets in a range, kHz; as described if not given.
    averages
        Spectra averaged at each step; as described if not given.
    rescan_averages
        And at each step of a rescan; as described if not given.
    skip_mhz
        Intervals (low, high) to leave out.
    find_crossings
        Map the modes about the targets first, where the documents do not give them
        of them, and leave out of the scan where modes cross.
    calibration
        Of an earlier call; measured if neither given nor found in the documents.
    calibration_spacing_mhz
        Distance of calibrations along the band, MHz, ends and middle included; a band below a fifth
        of it is calibrated in its middle. As described if not given.
    calibrate_every_s
        Expected time of the scan after which it pauses for another round of calibrations, s; as
        described if not given.
    documents
        (name, document) pairs of all runs so far, interrupted ones included; read once.
    online
        The analysis; one with the options that are described if not given.
    analysing
        Instead of that, what makes one from its options for as long as the plan runs:
        ``Session.analysis`` makes it in a process of its own, for which no step waits.
    decision
        What to take again: "threshold", what is above the analysis' threshold, or "bayes", where
        the prior update of an axion of the coupling sought is high. Both find as many of them
        (``haloscope.analysis.statistics.decision``).
    field_off
        Take what the rescan confirms once more with the magnet ramped down (and ramp back): hours.
    report
        Called with the outcome.
    md
        Metadata for the start documents.

    Raises
    ------
    ValueError
        Nonsense in the arguments; nothing has moved.
    LimitError
        A target beyond a limit of some device; nothing has moved.
    RuntimeError
        The magnet is at another field than in the campaign's earlier runs, and ``field_off`` was
        not said; nothing has moved.
    """
    require(bool(name), "a campaign needs a name")
    described = haloscope.apparatus
    operation = described.operation
    if averages is None:
        averages = described.digitizer.averages
    if rescan_averages is None:
        rescan_averages = operation.rescan_averages
    if calibration_spacing_mhz is None:
        calibration_spacing_mhz = operation.calibration_spacing_hz * 1e-6
    if calibrate_every_s is None:
        calibrate_every_s = operation.calibration_every_s
    require(online is None or analysing is None, "a campaign takes online or analysing, not both")
    rule = Decision(decision)  # type: ignore[arg-type]  # refused there by name
    wanted = _wanted(operation, frequencies_mhz, start_mhz, stop_mhz, step_khz)
    targets = without(wanted, list(skip_mhz))
    require(bool(targets), _NOTHING_LEFT)
    # All of them before the first move: a campaign of days must not fail at its last target.
    segments(targets, 1.0, calibrate_every_s)
    both = (averages, rescan_averages)
    check_all(haloscope, [(target, count) for target in targets for count in both])
    options = options_for(described, 1e6 * targets[len(targets) // 2])
    with _made(options, online, analysing) as analysis:
        earlier = resumed(name, documents, analysis)
        more = {**(md or {}), "campaign": name}
        if not (calibration or earlier.calibration):
            demand("campaign without a calibration", haloscope, ("noise_source",))
        if field_off:
            demand("campaign with field_off", haloscope, ("magnet", "fridge.mxc"))
        if analysis.field_t is not None:
            yield from fieldoff.back_at(haloscope, analysis.field_t, more, may_ramp=field_off)
        crossings: Intervals = []
        if find_crossings:
            mapped = yield from map_crossings(haloscope, targets, earlier.modes, md=more)
            crossings = [(low, high) for low, high in mapped["crossings_mhz"]]
            targets, more = without(targets, crossings), {**more, **mapped}
        require(bool(targets), _NOTHING_LEFT)
        # Of all parts of this call: what is left of it follows from them.
        more["campaign_targets_mhz"] = remaining(targets, earlier.done_mhz)
        scanning = calibrated_scan(
            haloscope, targets, calibration or earlier.calibration, analysis, averages=averages,
            done_mhz=earlier.done_mhz, spacing_mhz=calibration_spacing_mhz,
            every_s=calibrate_every_s, md=more,
        )  # fmt: skip
        taken, known = yield from scanning
        search = _result(analysis)
        again, vetoed = _to_take_again(analysis, search, rule)
        rescanned = _rescan(haloscope, analysis, search, again, rescan_averages, known,
                            {**more, "decision": decision})  # fmt: skip
        result, verdicts = yield from rescanned
        if field_off:
            taken_off = yield from _without_field(
                haloscope, analysis, verdicts, rescan_averages, earlier, known, more
            )
            if taken_off:
                result = _result(analysis)
                off = analysis.field_off
                verdicts = [_judged_again(said, analysis, off) for said in verdicts]
        candidates = _mhz(again)
        now = [] if result is None else to_rescan(result, rule)
        same_mhz = described.analysis.line_span * max(targets)
        fresh = fresh_candidates(_mhz(now), [*candidates, *_mhz(vetoed)], same_mhz)
        outcome = Campaign(
            name, taken, candidates, verdicts, result, crossings, fresh, _mhz(vetoed)
        )
        if report is not None:
            report(outcome)
        return outcome


def _made(
    options: Options, online: LiveAnalysis | None, analysing: Analysing | None
) -> AbstractContextManager[LiveAnalysis]:
    """The analysis given, else what makes one makes, else one in this process."""
    if analysing is not None:
        return analysing(options)
    return nullcontext(Online(options) if online is None else online)


def _wanted(
    operation: Operation,
    frequencies_mhz: Sequence[float] | None,
    start_mhz: float | None,
    stop_mhz: float | None,
    step_khz: float | None,
) -> list[float]:
    """Targets of the scan, MHz: of the list or the range given, else of the band of the search."""
    if frequencies_mhz is None:
        low_mhz, high_mhz = operation.band_low_hz * 1e-6, operation.band_high_hz * 1e-6
        require(
            (start_mhz is None) == (stop_mhz is None),
            "a campaign over a range needs start_mhz and stop_mhz; without both it is the band of "
            f"the search, {low_mhz:g} to {high_mhz:g} MHz",
        )
        if start_mhz is None:
            start_mhz, stop_mhz = low_mhz, high_mhz
        step_khz = operation.step_hz * 1e-3 if step_khz is None else step_khz
    return planned(frequencies_mhz, start_mhz=start_mhz, stop_mhz=stop_mhz, step_khz=step_khz)


def _rescan(
    haloscope: Haloscope,
    analysis: LiveAnalysis,
    search: Result | None,
    again: list[Candidate],
    averages: int,
    calibration: Mapping[str, Any],
    md: Mapping[str, Any],
) -> MsgGenerator[tuple[Result | None, list[Verdict]]]:
    """Take these places of the search again, if there are any.

    Returns the result of everything, and what it says of each of them.
    """
    alone, result = Online(analysis.options), search
    if again:
        plan = rescan(haloscope, _mhz(again), averages=averages, calibration=calibration, md=md)
        yield from bpp.subs_wrapper(plan, [analysis, alone])
        result = _result(analysis)
    return result, _verdicts(again, search, alone, analysis, result)


def _without_field(
    haloscope: Haloscope,
    analysis: LiveAnalysis,
    verdicts: list[Verdict],
    averages: int,
    earlier: Earlier,
    calibration: Mapping[str, float],
    md: Mapping[str, Any],
) -> MsgGenerator[bool]:
    """Take what was confirmed with the magnet ramped down. Returns whether there was anything."""
    places = _mhz(said.candidate for said in verdicts if said.axion_like)
    if not places:
        return False
    plan = fieldoff.field_off(
        haloscope, places, confirmed=True, back_t=analysis.field_t, averages=averages,
        calibration=calibration, done_mhz=earlier.without_field_mhz, md=md,
    )  # fmt: skip
    yield from bpp.subs_wrapper(plan, analysis)
    return True


def _judged_again(said: Verdict, analysis: LiveAnalysis, off: Spectra | None) -> Verdict:
    """A verdict with the veto of the field."""
    found = analysis.vetted([said.together], field_off=off)
    again = replace(said, vetting=found[0]) if found else said
    log.info("candidate %.6f MHz: %s", said.candidate.frequency_hz * 1e-6, again.words)
    return again


def _verdicts(
    candidates: list[Candidate],
    search: Result | None,
    alone: Online,
    both: LiveAnalysis,
    combined: Result | None,
) -> list[Verdict]:
    """What the rescan alone, and with the scan, says of each candidate of the scan."""
    rescanned = _result(alone, "the rescan alone")
    if search is None or rescanned is None or combined is None:
        return []
    verdicts = []
    for candidate in candidates:
        held = both.over([candidate.frequency_hz])
        verdicts.append(judge(candidate, search, rescanned, combined, spectra=held))
        place_mhz = candidate.frequency_hz * 1e-6
        log.info("candidate %.6f MHz: %s", place_mhz, verdicts[-1].words)
    return verdicts


def fresh_candidates(
    now_mhz: Sequence[float], before_mhz: Sequence[float], reach_mhz: float
) -> list[float]:
    """Candidates after a rescan that were none before it.

    Args:
        now_mhz: After the rescan, MHz.
        before_mhz: Before it, MHz.
        reach_mhz: Candidates this near to each other are one: a grand bin sums the bins of a line,
            within which noise moves the highest, MHz.
    """
    return [f for f in now_mhz if all(abs(f - other) > reach_mhz for other in before_mhz)]


def _result(analysis: LiveAnalysis, spectra: str = "all spectra so far") -> Result | None:
    try:
        result = analysis.result()
    except QualityError as error:
        log.warning("no result of %s: %s", spectra, error)
        return None
    except ValueError:  # a rehearsal, or a scan too short to cover a line
        return None
    told = log.info if result.believed else log.warning
    told("result of %s: %s", spectra, result.verdict())
    return result


def _to_take_again(
    analysis: LiveAnalysis, search: Result | None, rule: Decision
) -> tuple[list[Candidate], list[Candidate]]:
    """What the rule asks for and no veto takes for interference, and what one does."""
    if search is None:
        return [], []
    wanted, vetoed = to_rescan(search, rule), list(search.vetoed)
    # A rule with levels of its own may ask for what the search did not look at.
    fresh = [c for c in wanted if c not in search.candidates]
    said = analysis.vetted(fresh)
    vetoed += [c for c, of in zip(fresh, said, strict=bool(said)) if of.vetoed]
    return [c for c in wanted if c not in vetoed], vetoed


def _mhz(candidates: Iterable[Candidate]) -> list[float]:
    return [c.frequency_hz * 1e-6 for c in candidates]
