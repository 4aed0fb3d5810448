"""The budget against what really happens to an axion's strength when a measured value is off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.budget.contributions import Contributions, Origin, contributions
from haloscope.analysis.budget.propagation import propagated
from haloscope.analysis.budget.terms import TERMS
from haloscope.analysis.calibration import combined
from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.quality.noise import noise_at_three
from haloscope.analysis.spectra import Calibration, FloatArray, Spectra
from tests.physics.analysis.generator import MEASURED, make, scan_targets

AXION_HZ = 1.1e9 + 3e3
OPTIONS = Options()
# What is measured at every step, with a small error of it.
OWN = {
    "loaded_q": ("loaded_q", 0.01),
    "beta": ("beta", 0.02),
    "cavity_frequency": ("cavity_frequency_hz", 600.0),
    "jpa_gain_peak": ("jpa_gain_peak_db", 0.05),
    "jpa_bandwidth": ("jpa_bandwidth_hz", 0.02),
    "jpa_resonance": ("jpa_resonance_hz", 2e3),
}
RELATIVE = {"loaded_q", "beta", "jpa_bandwidth"}


def changed(spectra: Spectra, name: str, row: int | None, sigma: float) -> Spectra:
    """The stack with one measured value off by ``sigma`` in one spectrum, or in all."""
    field = OWN[name][0]
    value = getattr(spectra, field).copy()
    here = slice(None) if row is None else row
    value[here] = value[here] * (1 + sigma) if name in RELATIVE else value[here] + sigma
    return replace(spectra, **{field: value})


class Chain:
    """Amplitudes of a stack whose baselines are known."""

    def __init__(self, spectra: Spectra) -> None:
        self.spectra, self.windows = spectra, select(spectra, OPTIONS)
        rows = slice(0, len(spectra))
        fit = fit_baseline(spectra, self.windows, self.windows.merged(), rows, OPTIONS)
        self.baseline = fit
        self.frequency = self.windows.frequency_hz()
        self.near = np.abs(self.frequency - AXION_HZ) < 600.0
        self.true = self.amplitudes(spectra)

    def amplitudes(self, spectra: Spectra) -> FloatArray:
        whole = amplitudes(spectra, self.windows, self.frequency, self.baseline.power)
        return np.array([row[near].mean() for row, near in zip(whole, self.near, strict=True)])

    def strength(self, spectra: Spectra) -> float:
        """What an axion of strength 1 comes out as, if this is what was measured."""
        believed = self.amplitudes(spectra)
        return float(believed @ self.true / (believed @ believed))

    def noise(self) -> FloatArray:
        columns = self.windows.three_columns(self.spectra.cavity_frequency_hz)
        return noise_at_three(self.spectra, self.windows, self.baseline.at(columns))


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain(make(scan_targets(15, 1.1e9 - 70e3), noise=False, dtype=float))


def budget_line(chain: Chain, name: str, errors: dict[str, FloatArray]) -> float:
    rows = contributions(replace(chain.spectra, errors=errors), chain.noise(), OPTIONS)
    found = propagated(rows, np.array([AXION_HZ]))
    return {line.term.name: float(line.power[0]) for line in found.lines}[name]


@pytest.mark.parametrize("name", OWN)
def test_what_each_spectrum_measures_averages_out_as_it_really_does(
    chain: Chain, name: str
) -> None:
    field, sigma = OWN[name]
    shifts = [
        chain.strength(changed(chain.spectra, name, row, sigma)) - 1
        for row in range(len(chain.spectra))
    ]
    really = float(np.linalg.norm(shifts))
    scale = getattr(chain.spectra, field) if name in RELATIVE else 1.0
    stated = budget_line(chain, name, {field: sigma * scale * np.ones(len(chain.spectra))})
    assert stated == pytest.approx(really, rel=0.06)
    assert really > 1e-4


def test_what_all_spectra_share_does_not_average_out(chain: Chain) -> None:
    ones = np.ones(len(chain.spectra))
    for factor, spectra, name, errors in (
        (1.02, {"form_factor": 0.6 * 1.02 * ones}, "form_factor", {"form_factor": 0.012 * ones}),
        (1.02, {"field_ratio": 1.01 * 10.31 / 12}, "field",
         {"field_ratio": 0.01 * 10.31 / 12 * ones}),
    ):  # fmt: skip
        off = chain.strength(replace(chain.spectra, **spectra))
        assert 1 / off == pytest.approx(factor, rel=1e-3)
        assert budget_line(chain, name, errors) == pytest.approx(factor - 1, rel=1e-6)


def test_decibels_of_gain_and_loss_are_power(chain: Chain) -> None:
    assert budget_line(chain, "receiver_gain", {}) == pytest.approx(0.0233, abs=3e-4)
    assert budget_line(chain, "line_attenuation", {}) == pytest.approx(0.01158, abs=3e-4)
    assert budget_line(chain, "jpa_gain_peak", {}) < 0.023 / np.sqrt(4)


def test_many_spectra_of_one_error_are_surer_than_one(chain: Chain) -> None:
    one = replace(chain.spectra, errors={}).subset(slice(7, 8))
    rows = contributions(one, chain.noise()[7:8], OPTIONS)
    alone = propagated(rows, np.array([AXION_HZ]))
    every = propagated(contributions(chain.spectra, chain.noise(), OPTIONS), np.array([AXION_HZ]))
    assert alone.own[0] > 2 * every.own[0]
    assert alone.common[0] == pytest.approx(every.common[0])
    assert every.total[0] == pytest.approx(np.hypot(every.own[0], every.common[0]))


def test_a_leak_is_told_apart_from_the_scatter_of_beta(chain: Chain) -> None:
    n = len(chain.spectra)
    errors = {"beta": np.full(n, 0.05), "beta_systematic": np.full(n, 0.03)}
    assert budget_line(chain, "beta_leak", errors) == pytest.approx(0.03 / 2 / 3)
    own = budget_line(chain, "beta", errors)
    assert own == pytest.approx(0.04 / 2 / 3 * weight_root(chain), rel=0.06)


def weight_root(chain: Chain) -> float:
    weight = chain.true**2
    return float(np.sqrt(np.sum(weight**2)) / np.sum(weight))


# -- where errors come from ----------------------------------------------------------------------


def test_what_nobody_measured_is_assumed_and_never_zero(chain: Chain) -> None:
    bare = replace(chain.spectra, calibration=Calibration(
        receiver_gain_db=104.0, line_attenuation_db=0.4))  # fmt: skip
    rows = contributions(bare, chain.noise(), OPTIONS)
    assert set(rows.errors) == set(TERMS)
    assert all(origin is Origin.ASSUMED for origin in rows.origins.values())
    assert all(np.all(error > 0) for error in rows.errors.values())
    assert set(propagated(rows, np.array([AXION_HZ])).assumed) == set(TERMS)


def test_a_measured_error_is_used_and_said_to_be_measured(chain: Chain) -> None:
    compared = replace(MEASURED, noise_difference=0.06)
    ones = np.ones(len(chain.spectra))
    spectra = replace(chain.spectra, calibration=compared, errors={"loaded_q": 350.0 * ones})
    rows = contributions(spectra, chain.noise(), OPTIONS)
    between = np.hypot(0.06, 0.075) / np.sqrt(2)  # The assumed one counts as one difference.
    assert rows.errors["noise_temperature"] == pytest.approx(between * ones)
    assert rows.errors["loaded_q"] == pytest.approx(0.01 * ones)
    measured = {name for name, origin in rows.origins.items() if origin is Origin.MEASURED}
    assert measured == {"noise_temperature", "receiver_gain", "line_attenuation", "loaded_q"}


def test_an_error_that_comes_without_its_companion_counts(chain: Chain) -> None:
    ones = np.ones(len(chain.spectra))

    def known(**errors: float) -> dict[str, FloatArray]:
        given = {name: value * ones for name, value in errors.items()}
        rows = contributions(replace(chain.spectra, errors=given), chain.noise(), OPTIONS)
        return dict(rows.errors)

    beta, field = chain.spectra.beta, chain.spectra.magnet_field_t
    assert known(beta_systematic=0.5)["beta_leak"] == pytest.approx(0.5 / beta)
    assert known(magnet_field_t=1.2)["field"] == pytest.approx(np.hypot(0.005, 1.2 / field))
    assert known(field_ratio=0.0, magnet_field_t=1.2)["field"] == pytest.approx(1.2 / field)
    assert np.all(np.isinf(known(beta=np.inf, beta_systematic=np.inf)["beta"]))


def test_two_methods_that_agree_by_chance_do_not_make_t_n_exact(chain: Chain) -> None:
    lucky = replace(chain.spectra, calibration=replace(MEASURED, noise_difference=0.0))
    rows = contributions(lucky, chain.noise(), OPTIONS)
    assert np.all(rows.errors["noise_temperature"] > 0.05)


def test_the_errors_of_calibrations_together_are_the_largest() -> None:
    sure = replace(MEASURED, noise_difference=0.01, receiver_gain_db_error=0.02)
    unsure = replace(MEASURED, noise_difference=0.2, receiver_gain_db_error=0.3)
    unknown = replace(MEASURED, noise_difference=None, receiver_gain_db_error=None)
    for pair in ([sure, unsure], [unsure, sure], [unsure, unknown], [unknown, unsure]):
        found = combined(pair)
        assert (found.noise_difference, found.receiver_gain_db_error) == (0.2, 0.3)
    for pair in ([sure, unknown], [unknown, sure]):
        found = combined(pair)
        assert found.noise_difference is None
        assert found.receiver_gain_db_error is None


def test_spectra_that_measured_and_others_that_did_not_are_partly_assumed(chain: Chain) -> None:
    spectra = replace(chain.spectra, errors={"loaded_q": np.full(len(chain.spectra), 350.0)})
    known = contributions(spectra, chain.noise(), OPTIONS)
    unknown = contributions(chain.spectra, chain.noise(), OPTIONS)
    both = Contributions.together([known.rows(slice(0, 5)), unknown.rows(slice(5, None))])
    assert both.origins["loaded_q"] is Origin.PARTLY
    assert "loaded_q" in propagated(both, np.array([AXION_HZ])).assumed
    assert len(both) == len(chain.spectra)


def test_a_given_noise_temperature_needs_no_gain(chain: Chain) -> None:
    given = Calibration(line_attenuation_db=0.4, noise_temperature_k=0.2)
    rows = contributions(replace(chain.spectra, calibration=given), chain.noise(), OPTIONS)
    assert "receiver_gain" not in rows.errors
    assert "jpa_gain_peak" not in rows.errors


# -- what a result does with it ------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack() -> Spectra:
    return make(scan_targets(30), seed=3, axions={1.1e9 + 150e3: 4.0})


def test_the_limit_is_lowered_by_the_whole_budget_or_as_the_letter_does(stack: Spectra) -> None:
    whole, letter = analyze(stack), analyze(stack, Options(systematics="noise"))
    assert letter.systematic == pytest.approx(np.full(len(letter.grand), 0.075))
    assert whole.systematic == pytest.approx(whole.budget.total)
    assert np.all(whole.systematic > 0.075)
    ratio = whole.limit.coupling_per_gev / letter.limit.coupling_per_gev
    assert ratio == pytest.approx(np.sqrt(0.925 / (1 - whole.systematic)))


def test_a_candidate_s_coupling_is_no_other_and_has_the_budget_s_error(stack: Spectra) -> None:
    (whole,), (letter,) = (
        analyze(stack, Options(systematics=how)).candidates for how in ("budget", "noise")
    )
    assert whole.coupling_per_gev == pytest.approx(letter.coupling_per_gev)
    at = int(np.argmin(np.abs(analyze(stack).frequency_hz - whole.frequency_hz)))
    taken = analyze(stack).systematic[at]
    expected = 0.5 * np.hypot(1 / whole.excess, taken) * whole.coupling_per_gev
    assert whole.coupling_error_per_gev == pytest.approx(expected)


@pytest.mark.parametrize("error", [0.5, np.inf])
def test_a_power_that_nobody_knows_is_not_believed(stack: Spectra, error: float) -> None:
    unsure = replace(stack, errors={"form_factor": np.full(len(stack), error)})
    result = analyze(unsure)
    assert "error of the expected power" in [check.name for check in result.doubts]
    assert np.all(np.isfinite(result.limit.coupling_per_gev))
    assert np.all(result.limit.coupling_per_gev > analyze(stack).limit.coupling_per_gev)
