"""Sweeps follow from widths: the letter's as its operators set them, any other's in proportion."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloscope.measuring.sweeps import Analyzer, Sweep, Sweeps, Widths, tiles
from haloscope.parameters import HaloscopeParameters

widths = st.builds(
    Widths.expected,
    frequency_hz=st.floats(0.3e9, 20e9),
    unloaded_q=st.floats(1e3, 3e6),
    beta=st.floats(0.3, 4.0),
    amplifier_hz=st.floats(0.3e6, 60e6),
    gain_db=st.floats(10.0, 25.0),
    offset_hz=st.floats(-2e6, 2e6),
)


def test_the_letters_sweeps_are_those_of_its_operators() -> None:
    known = HaloscopeParameters.capp12tb()
    expected = Widths.expected(
        known.cavity.reference_hz,
        known.cavity.unloaded_q,
        known.antenna.reference_beta,
        known.jpa.linewidth_hz,
        20.0,
        -100e3,
    )
    own = Sweeps(expected, Analyzer(20001, 220e6))
    assert own.transmission == Sweep("Weak", 0.2e6, 101, 1000.0)
    assert own.reflection == Sweep("Strong", 0.2e6, 101, 1000.0)
    assert own.gain == Sweep("Bypass", 0.6e6, 101, 1000.0)
    assert own.reference == Sweep("Bypass", 4e6, 201, 1000.0, averages=4)
    assert own.search == Sweep("Weak", 5e6, 501, 300.0)
    assert own.wide_search == Sweep("Weak", 40e6, 4001, 300.0)
    assert own.watch == Sweep("Weak", 0.3e6, 101, 100.0, averages=50)
    assert own.modes == Sweep("Weak", 1e6, 401, 1000.0)
    assert own.off_resonance_hz == 0.5e6


@given(widths)
def test_any_apparatus_is_looked_at_in_widths_of_its_own(known: Widths) -> None:
    own = Sweeps(known, Analyzer(20001, 0.2 * known.frequency_hz))
    line_hz, gain_hz = known.line_hz, known.gain_hz
    for look in (own.transmission, own.reflection):
        assert min(6.0, 0.2 * known.frequency_hz / line_hz) <= look.span_hz / line_hz <= 7.0
        assert look.bandwidth_hz <= 0.53 * line_hz
    for look in (own.search, own.wide_search, own.modes):
        assert look.span_hz / (look.points - 1) <= 0.4 * line_hz
    assert own.fine_search.span_hz / (own.fine_search.points - 1) <= 0.05 * line_hz
    holds_both = 0.95 * 2 * (abs(known.offset_hz) + gain_hz)
    assert own.gain.span_hz >= min(holds_both, 0.2 * known.frequency_hz)
    watch = own.watch
    assert 1.2 * watch.points * watch.averages / watch.bandwidth_hz == pytest.approx(60.0, rel=0.6)


@given(widths, st.integers(101, 20001), st.floats(0.01, 0.3))
def test_what_one_sweep_does_not_hold_several_do(known: Widths, points: int, share: float) -> None:
    limits = Analyzer(points, share * known.frequency_hz)
    wanted = Sweeps(known, limits).wide_search
    parts = tiles(wanted, known.frequency_hz, limits)
    assert parts[0][0] == known.frequency_hz
    reached = known.frequency_hz - 0.5 * wanted.span_hz
    for centre_hz, part in sorted(parts):
        assert part.points <= limits.most_points
        assert part.span_hz <= limits.widest_hz * (1 + 1e-9)
        assert part.span_hz / (part.points - 1) <= wanted.span_hz / (wanted.points - 1) * 1.02
        assert centre_hz - 0.5 * part.span_hz == pytest.approx(reached, abs=1.0)
        reached += part.span_hz
    assert reached == pytest.approx(known.frequency_hz + 0.5 * wanted.span_hz, abs=1.0)


def test_a_width_measured_counts_where_it_is_another_one() -> None:
    own = Sweeps(Widths(1.1e9, 30e3, 190e3, -100e3))
    assert own.measured() is own
    assert own.measured(line_hz=33e3, gain_hz=170e3) is own
    wider = own.measured(line_hz=90e3)
    assert wider.transmission.span_hz == pytest.approx(3 * own.transmission.span_hz, rel=0.05)
    assert wider.gain == own.gain
    assert own.measured(gain_hz=2e6).gain.span_hz == pytest.approx(6.3e6)


@pytest.mark.parametrize("line_hz", [0.0, -1.0, math.nan, math.inf])
def test_a_width_that_is_none_is_refused(line_hz: float) -> None:
    with pytest.raises(ValueError, match=r"sweeps: line_hz is .* Hz, must be above 0 Hz"):
        Widths(1.1e9, line_hz, 190e3, -100e3)
