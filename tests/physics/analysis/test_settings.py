"""Settings: bins for the line's width at any frequency, and refusals in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from cryohalo.commands import sources
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.chain.template import place_response
from haloscope.analysis.options import Options, line_span_hz
from haloscope.analysis.pipeline import Result
from haloscope.analysis.settings import Settings
from haloscope.analysis.statistics.limits import level, limit
from haloscope.description import describe
from haloscope.parameters import SHIPPED, HaloscopeParameters
from tests.physics.analysis.generator import make, scan_targets


@settings(max_examples=60, deadline=None)
@given(
    frequency_hz=st.floats(0.3e9, 20e9),
    per_line=st.floats(1.5, 2000),
    confidence=st.floats(0.5, 0.999),
    target=st.floats(3.5, 12),
)
def test_bins_suit_the_line_at_any_frequency_and_the_level_finds_what_it_says(
    frequency_hz: float, per_line: float, confidence: float, target: float
) -> None:
    step = line_span_hz(frequency_hz) / per_line
    options = Options(confidence=confidence, target_snr=target).suited_to(step, frequency_hz)
    coarse = step * options.fine_merge * options.coarse_merge
    held = coarse * options.line_bins
    assert 0.95 * line_span_hz(frequency_hz) - coarse / 4 < held
    assert held < line_span_hz(frequency_hz) + coarse
    assert options.line_share(step, frequency_hz) > 0.97
    mhz = round(frequency_hz * 1e-6)
    mean = level(mhz, step, options)
    response = place_response(mhz * 1e6, step, options)
    found = ndtr(mean * response - options.threshold).mean()
    assert found == pytest.approx(confidence, abs=1e-9)


@pytest.mark.parametrize("confidence", [0.5, 0.6])
def test_a_low_confidence_has_a_level(confidence: float) -> None:
    """Half of the axions pass their own mean: the level may lie below the target."""
    options = Options(confidence=confidence)
    response = place_response(1.1e9, 10.0, options)
    found = ndtr(level(1100, 10.0, options) * response - options.threshold).mean()
    assert found == pytest.approx(confidence, abs=1e-9)


def test_merges_that_are_chosen_stay_and_the_others_go_by_them() -> None:
    chosen = Settings({"fine_merge": 2})
    own = chosen.over(Options()).suited_to(10.0, 1.1e9, chosen=chosen.merges)
    assert (own.fine_merge, own.coarse_merge, own.line_bins) == (2, 22, 9)
    assert Settings({"fine_merge": "auto", "line_bins": 60}).merges == ("line_bins",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fine_merge": 2.5}, "fine_merge is 2.5, must be a whole number, 1 or more"),
        ({"coarse_merge": 0}, "coarse_merge is 0, must be a whole number, 1 or more"),
        ({"line_bins": True}, "line_bins is True, must be a whole number"),
        ({"window_hz": "150 kHz"}, "window_hz is '150 kHz', not a number"),
        ({"window_hz": float("nan")}, "window_hz is nan, must be above 0"),
        ({"target_snr": 1.0}, r"target_snr is 1.0, needed more than 1.282"),
        ({"filter_spikes": 1}, "filter_spikes is 1, needed true or false"),
        ({"baseline": 3}, "baseline is 3, needed a word"),
        ({"baseline": "spline"}, "baseline is 'spline', needed one of auto"),
        ({"demands": {"receiver": "cold"}}, "receiver is 'cold'"),
        ({"demands": 3}, "demands is 3, not values by name"),
        ({"demands": {"kept": "run:4"}}, "kept is 'run:4', needed a list of labels"),
        ({"demands": {"noise_step": "much"}}, "noise_step is 'much', not a number"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(values).over(Options())


def test_every_unknown_name_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"window_khz.*\(window_hz\?\).*'demands.recever'"):
        Settings({"window_khz": 150, "demands": {"recever": "cold"}})


def test_a_file_of_settings(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('window_hz = 2e5\nline_bins = "auto"\n[demands]\nnoise_step = 0.2\n')
    own = Settings.from_toml(path).then(Settings({"window_hz": 3e5, "demands": {"kept": ("a",)}}))
    options = own.over(Options())
    assert options.window_hz == 3e5
    assert (options.demands.noise_step, options.demands.kept) == (0.2, ("a",))
    assert own.merges == ()
    path.write_text("window_hz = 'wide'\n")
    with pytest.raises(ValueError, match=r"own.toml: options: window_hz is 'wide'"):
        Settings.from_toml(path)


@pytest.mark.parametrize("window_hz", [40.0, 900.0, 4400.0])
def test_a_window_that_holds_no_line_is_refused(window_hz: float) -> None:
    stack = make(scan_targets(3), seed=1)
    with pytest.raises(ValueError, match=r"the window of .* Hz holds \d+ bins"):
        windows_of(stack, Options(window_hz=window_hz))


def test_a_baseline_that_takes_up_the_line_excludes_nothing(noise_result: Result) -> None:
    """Efficiency at or below zero, as many parameters on a narrow window give: no limit there."""
    grand, options = noise_result.grand, noise_result.options
    dead = np.arange(len(grand)) % 3 == 0
    taken = replace(grand, efficiency_averaged=np.where(dead, -0.01, grand.efficiency_averaged))
    own = limit(taken, noise_result.calibration, 10.0, options)
    assert np.isinf(own.coupling_per_gev[dead]).all()
    assert np.isinf(own.observed_per_gev[dead]).all()
    assert np.isfinite(own.coupling_per_gev[~dead]).all()
    assert not replace(noise_result, limit=own).excluded[dead].any()
    nothing = replace(grand, efficiency_averaged=np.full(len(grand), -0.01))
    with pytest.raises(ValueError, match="takes up the whole line of an axion"):
        limit(nothing, noise_result.calibration, 10.0, options)


def test_a_smoother_s_window_is_told_in_bins() -> None:
    with pytest.raises(ValueError, match=r"savgol_window_hz of 20010 Hz is 3 bins of 8000 Hz"):
        Options().savgol_room(8000.0, 100)


@pytest.mark.parametrize("unloaded_q", [30e3, 107.5e3, 3e6])
@pytest.mark.parametrize("name", SHIPPED)
def test_bins_are_the_same_on_the_command_line_as_in_a_campaign(
    name: str, unloaded_q: float
) -> None:
    """Of a cavity as narrow as the line, too, whose coarse bins must be finer than stated."""
    own = describe(HaloscopeParameters.shipped(name))
    own = replace(own, cavity=replace(own.cavity, unloaded_q=unloaded_q))
    where = own.cavity.reference_hz
    step_hz = own.digitizer.bin_width_hz
    stated = Options.of(own, where, step_hz)
    assert stated.suited_to(step_hz, where, description=own) == stated
    assert sources._at(Settings(), step_hz, where, own) == stated


@pytest.mark.parametrize(("rest_k", "highest_k"), [(1.2, 20.0), (120.0, 600.0)])
def test_a_warm_receiver_s_noise_is_no_slip_of_a_unit(rest_k: float, highest_k: float) -> None:
    own = describe(HaloscopeParameters.capp12tb())
    own = replace(
        own,
        receiver=replace(own.receiver, rest_noise_k=rest_k),
        jpa=replace(own.jpa, excess_noise_k=0.0),
    )
    assert Options.of(own).demands.highest_noise_k == pytest.approx(highest_k)
