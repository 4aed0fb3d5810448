"""What the experimenters cannot know: drawn by the seed, within its spreads; nothing tells it."""

import dataclasses

import numpy as np
import pytest

from haloscope.apparatus.experiment import Path, SimulatedHaloscope, SwitchPosition
from haloscope.apparatus.unknowns import Unknowns
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters

CENTRE_HZ = 1.1e9
LINE = AxionLine(CENTRE_HZ - 2e3, 6.7e-16)
NONE = {
    "form_factor_spread": 0.0,
    "field_spread": 0.0,
    "line_attenuation_spread_db": 0.0,
    "noise_source_spread": 0.0,
}
MUCH = {**dict.fromkeys(NONE, 0.05), "line_attenuation_spread_db": 0.3}


def parameters(**spreads):
    return HaloscopeParameters.from_mapping({"unknowns": {**NONE, **spreads}})


def machine(seed=3, lines=(), **spreads):
    return SimulatedHaloscope(parameters(**spreads), seed=seed, lines=lines)


def signal_w(h):
    with_line = h.mean_spectrum_w(CENTRE_HZ)
    return float((with_line - SimulatedHaloscope(h.parameters, seed=h.seed).mean_spectrum_w(
        CENTRE_HZ)).sum())  # fmt: skip


def test_a_seed_draws_the_same_machine_again_and_another_seed_another():
    chosen = HaloscopeParameters.capp12tb()
    assert Unknowns.drawn(chosen, 5) == Unknowns.drawn(chosen, 5)
    assert Unknowns.drawn(chosen, 5) != Unknowns.drawn(chosen, 6)
    assert SimulatedHaloscope(seed=5).unknowns == Unknowns.drawn(chosen, 5)


def test_the_draws_have_the_spreads_that_the_owners_state():
    chosen = HaloscopeParameters.capp12tb()
    drawn = [Unknowns.drawn(chosen, seed) for seed in range(2000)]
    values = np.array([dataclasses.astuple(one) for one in drawn])
    spreads = np.array([0.02, 0.003, 0.03, 0.005])
    assert values.mean(axis=0) == pytest.approx([1, 1, 0, 1], abs=0.002)
    assert values.std(axis=0) == pytest.approx(spreads, rel=0.05)
    assert np.abs(np.corrcoef(values.T) - np.eye(4)).max() < 0.08


def test_without_spreads_a_machine_is_as_stated():
    assert machine().unknowns == Unknowns()


@pytest.mark.parametrize(
    ("spread", "value", "factor"),
    [
        ("form_factor_spread", 0.05, lambda u: u.form_factor),
        ("field_spread", 0.05, lambda u: u.field**2),
        ("line_attenuation_spread_db", 0.2, lambda u: 10 ** (-u.line_attenuation_db / 10)),
        ("noise_source_spread", 0.05, lambda u: 1.0),
    ],
)
def test_each_changes_the_power_of_an_axion_as_it_should(spread, value, factor):
    other, plain = machine(lines=[LINE], **{spread: value}), machine(lines=[LINE])
    expected = factor(other.unknowns)
    assert signal_w(other) / signal_w(plain) == pytest.approx(expected, rel=1e-6)
    assert other.unknowns != Unknowns()


def test_no_trace_tells_any_of_it():
    traces = []
    for h in (machine(), machine(**MUCH)):
        for path in Path:
            h.vna.path = path
            traces.append(h.vna._ideal(CENTRE_HZ + np.linspace(-1e5, 1e5, 51), h.conditions()))
    for plain, other in zip(traces[: len(Path)], traces[len(Path) :], strict=True):
        assert np.array_equal(plain, other)


def test_the_noise_source_is_warmer_or_colder_than_it_says():
    h = machine(noise_source_spread=0.05)
    h.switch.position = SwitchPosition.NOISE_SOURCE
    c = dataclasses.replace(h.conditions(), noise_source_k=0.4)
    kelvin = h.receiver.source_noise_k(np.array([CENTRE_HZ]), c)[0]
    assert kelvin == pytest.approx(0.4 * h.unknowns.noise_source, rel=0.003)
    assert abs(h.unknowns.noise_source - 1) > 0.005


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("form_factor_spread", -0.01, "form_factor_spread"),
        ("field_spread", 0.5, "field_spread"),
        ("line_attenuation_spread_db", 3.0, "line_attenuation_spread_db"),
    ],
)
def test_a_spread_outside_of_its_range_is_refused(name, value, words):
    with pytest.raises(ValueError, match=f"unknowns.{words}"):
        HaloscopeParameters.from_mapping({"unknowns": {name: value}})
