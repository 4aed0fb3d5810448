"""A loud axion in a narrow scan makes nobody doubt, and hides no misfit that is there.

21 spectra 10 kHz apart: every one holds the line, and beside it no grand bin that its own baseline
does not bend is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality import calm
from haloscope.analysis.quality.calm import calmed
from haloscope.analysis.quality.harm import Harm, measured_harm
from haloscope.analysis.quality.ladder import Adequacy
from haloscope.analysis.quality.stack import MISFIT, WIDTH, harmless
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.axion import coupling_dfsz
from tests.physics.analysis.generator import make, scan_targets

AXION_HZ = 1.100113e9
STEPS = 21
COUPLINGS = [1e-15, 1.45e-15, 1.8e-15, 3e-15]


def scan(
    seed: int, coupling: float = 0.0, steps: int = STEPS, axion_hz: float = AXION_HZ
) -> Spectra:
    axions = {axion_hz: coupling / float(coupling_dfsz(axion_hz))} if coupling else None
    return make(scan_targets(steps), seed=seed, axions=axions)


def rippled(spectra: Spectra, amplitude: float, period_hz: float) -> Spectra:
    """With a ripple of the receiver that stays where it is, whatever the cavity is tuned to."""
    bins = np.arange(spectra.power_w.shape[1]) * spectra.step_hz
    frequency = spectra.frequency_start_hz[:, None] + bins
    wave = 1 + amplitude * np.sin(2 * np.pi * (frequency - 1.1e9) / period_hz)
    return replace(spectra, power_w=(spectra.power_w * wave).astype(np.float32))


def pull(result: Result) -> float:
    """Misfit of all spectra on the scale of the line, without strong lines, standard errors."""
    seen = result.checks if result.calm is None else result.calm.checks
    above = seen.line_chi2.sum() - seen.line_mean.sum()
    return float(above / np.sqrt(seen.line_variance.sum()))


def quiet(result: Result) -> FloatArray:
    return result.normalised if result.calm is None else result.calm.grand.normalised


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_what_is_left_is_the_stack_without_the_axion(coupling: float) -> None:
    without, found = analyze(scan(3)), analyze(scan(3, coupling))
    assert found.calm is not None
    assert len(found.calm.taken_out) == 1
    apart = quiet(found) - quiet(without)
    far = np.abs(without.frequency_hz - AXION_HZ) > 9e3
    # About the line its own noise went into what was fitted.
    assert np.abs(apart[far]).max() < 0.4
    assert np.abs(apart[~far]).max() < 6
    assert pull(found) == pytest.approx(pull(without), abs=0.6)
    # The candidate itself stays in the result.
    assert max(c.excess for c in found.candidates) > 10


@pytest.mark.parametrize("coupling", [0.0, *COUPLINGS])
def test_the_misfit_of_noise_is_that_of_noise_however_loud_the_axion(coupling: float) -> None:
    seen = [analyze(scan(seed, coupling)) for seed in range(12)]
    assert all(result.believed for result in seen)
    pulls = np.array([pull(result) for result in seen])
    assert abs(pulls.mean()) < 4 / np.sqrt(len(pulls))
    assert pulls.max() < 3.7


@pytest.mark.parametrize("coupling", [0.0, 1.45e-15, 3e-15])
@pytest.mark.parametrize(("amplitude", "period_hz"), [(6e-4, 9e3), (6e-4, 20e3), (1e-3, 9e3)])
def test_a_ripple_of_the_receiver_is_found_however_loud_the_axion(
    amplitude: float, period_hz: float, coupling: float
) -> None:
    for seed in (1, 2, 3):
        result = analyze(rippled(scan(seed, coupling), amplitude, period_hz))
        assert not result.believed, (seed, result.tests)


@pytest.mark.parametrize(("seed", "period_hz"), [(1, 9e3), (2, 9e3), (1, 20e3), (2, 20e3)])
def test_a_loud_axion_hides_no_ripple_while_the_scan_runs_either(
    seed: int, period_hz: float
) -> None:
    """The width tells of it alone, and beside the line no grand bin is left to tell that by."""
    spectra, online = rippled(scan(seed, 1.8e-15), 4e-4, period_hz), Online()
    for row in range(len(spectra)):
        online.add(spectra.subset(slice(row, row + 1)))
    result = online.result()
    assert result.calm is not None
    assert len(result.calm.taken_out) == 1
    assert [doubt.name for doubt in result.doubts] == [WIDTH]


def test_the_width_of_a_scan_that_one_line_covers_is_told() -> None:
    spectra = scan(5, 1.8e-15, steps=8, axion_hz=1.100038e9)
    result = analyze(spectra)
    (width,) = [test for test in result.tests if test.name == WIDTH]
    assert "too few" not in width.expected
    assert width.passed
    (width,) = [test for test in analyze(rippled(spectra, 1.5e-3, 9e3)).tests if test.name == WIDTH]
    assert not width.passed


def test_what_is_no_axions_line_stays_in_and_is_told_apart() -> None:
    spectra = scan(7)
    bins = np.arange(spectra.power_w.shape[1]) * spectra.step_hz
    frequency = spectra.frequency_start_hz[:, None] + bins
    hump = 1 + 0.02 * (np.abs(frequency - AXION_HZ) < 3e3)
    humped = replace(spectra, power_w=(spectra.power_w * hump).astype(np.float32))
    found = analyze(
        humped, replace(Options(), demands=replace(Options().demands, bad_spectra="keep"))
    )
    strong = [c for c in found.candidates if c.excess > 6]
    assert strong
    _, taken_out = calmed(humped, np.arange(STEPS), found.candidates, found.options)
    assert taken_out == ()


@pytest.mark.parametrize("off", [0.5, -0.5, 0.2])
def test_bins_that_lie_between_those_of_the_grid_are_calmed_too(off: float) -> None:
    """Where a window begins is rounded: half a bin may go either way."""
    axions = {AXION_HZ: 1.8e-15 / float(coupling_dfsz(AXION_HZ))}
    spectra = make(50.0 + scan_targets(STEPS), seed=3, axions=axions, bins=15200)
    start_hz = spectra.frequency_start_hz + off * spectra.step_hz
    result = analyze(replace(spectra, frequency_start_hz=start_hz))
    assert result.calm is not None
    assert len(result.calm.grand) == len(result.grand)
    assert len(result.calm.taken_out) == 1


def test_a_stack_is_reduced_once_for_each_time_that_a_line_is_divided_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spectra, counted = scan(9, 1.45e-15), Counter[str]()
    found = analyze(spectra)
    for name in ("reduce_stack", "_divided"):
        monkeypatch.setattr(calm, name, _counting(getattr(calm, name), name, counted))
    _, taken_out = calmed(spectra, np.arange(STEPS), found.candidates, found.options)
    assert len(taken_out) == 1
    assert counted["_divided"] > 0
    assert counted["reduce_stack"] == counted["_divided"] + 1


def _counting(work: Callable[..., Any], name: str, counted: Counter[str]) -> Callable[..., Any]:
    def counting(*given: Any) -> Any:
        counted[name] += 1
        return work(*given)

    return counting


def test_the_spectra_given_are_not_changed() -> None:
    spectra = scan(9, 1.45e-15)
    before = spectra.power_w.copy()
    result = analyze(spectra)
    assert result.calm is not None
    assert np.array_equal(spectra.power_w, before)


@pytest.mark.parametrize("apart_hz", [0.0, 300e3, 2e6])
def test_the_harm_in_a_scan_of_two_bands_is_measured_where_there_are_spectra(
    apart_hz: float,
) -> None:
    targets = np.concatenate([scan_targets(5), apart_hz + 5e4 + scan_targets(5)])
    options = Options()
    richer = replace(options, baseline="pade", pade_degree=5)
    harm = measured_harm(make(targets, seed=13), options, richer)
    assert harm.recovered == pytest.approx(1, abs=0.5)


def _held(probability: float, width: float, harm: Harm | None) -> Adequacy:
    return Adequacy("pade 5", None, 3.0, probability, width, harm)


@pytest.mark.parametrize(
    ("held", "averaged_out", "expected"),
    [
        (None, True, True),
        (None, False, False),
        (_held(0.5, 0.02, None), True, True),
        (_held(0.5, 0.02, None), False, False),
        (_held(0.5, 0.02, Harm(0.01, 1.0)), False, True),  # a few bins, and measured
        (_held(0.5, 0.02, Harm(0.2, 1.0)), False, False),
        (_held(1e-9, 0.4, Harm(0.01, 1.0)), False, True),
        (_held(1e-9, 0.4, Harm(0.2, 1.0)), True, False),
    ],
)
def test_harm_is_measured_or_the_width_tells(
    held: Adequacy | None, averaged_out: bool, expected: bool
) -> None:
    assert harmless(held, averaged_out=averaged_out) is expected


def test_a_misfit_that_a_richer_model_mends_is_measured_even_where_none_beats_the_one_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where the spectra that are compared are few and the misfit is seen in all together."""
    wave = 1 + 1.4e-3 * np.sin(np.arange(15000) * 10 * 2 * np.pi / 60e3)
    spectra = scan(11)
    spectra.power_w[:] *= wave.astype(np.float32)
    monkeypatch.setattr("haloscope.analysis.pipeline.beaten", lambda held: False)
    keep = replace(Options(), demands=replace(Options().demands, bad_spectra="keep"))
    result = analyze(spectra, keep)
    (misfit,) = [test for test in result.tests if test.name == MISFIT]
    held = result.adequacy
    assert held is not None
    assert not misfit.passed
    assert held.harm is not None
