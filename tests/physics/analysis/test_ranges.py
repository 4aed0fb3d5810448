"""What a measured input may be: every field refused by name, with its value, unit and range."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.ranges import CALIBRATION, ROWS, SCALARS
from haloscope.analysis.report.page import checks
from haloscope.analysis.spectra import Calibration, Spectra, concatenate
from haloscope.measuring.calibration import jpa_noise, y_factor
from tests.physics.analysis.generator import MEASURED, make, scan_targets

PLAIN = Options(filter_average=False)


@pytest.fixture(scope="module")
def stack() -> Spectra:
    made = make(scan_targets(6), seed=8, bins=15100)
    return replace(made, labels=tuple(f"run:{k}" for k in range(6)))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("beyond", ["below", "above", "nan"])
def test_no_field_of_a_spectrum_may_lie_outside_its_range(
    stack: Spectra, name: str, beyond: str
) -> None:
    allowed, values = ROWS[name], getattr(stack, name).copy()
    span = abs(allowed.high - allowed.low)
    wrong = {"below": allowed.low - 1e-6 * span, "above": allowed.high + 1e-6 * span, "nan": np.nan}
    values[3] = wrong[beyond]
    with pytest.raises(ValueError, match=rf"spectra: {name} of spectrum 3 \(run:3\) is .* must be"):
        replace(stack, **{name: values})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("beta", -2.0, r"beta of spectrum 2 \(run:2\) is -2, must be above 0 and at most 10000"),
        ("beta", 0.0, r"beta .* is 0, must be above 0"),
        ("form_factor", -0.4, r"form_factor .* is -0\.4, must be above 0 and at most 1"),
        ("form_factor", 1.2, r"form_factor .* is 1\.2, must be above 0 and at most 1"),
        ("loaded_q", 0.0, r"loaded_q .* is 0, must be 1 to 1e\+13"),
        ("num_averages", 0.0, r"num_averages .* is 0, must be 1 to 1e\+15"),
        ("num_averages", 0.5, r"num_averages .* is 0\.5, must be 1"),
        ("jpa_gain_peak_db", 100.0, r"jpa_gain_peak_db .* is 100 dB, must be -3 to 60 dB"),
        ("cavity_frequency_hz", 1100.0, r"cavity_frequency_hz .* is 1100 Hz, must be 100000"),
        ("jpa_resonance_hz", 2.3e9, r"jpa_resonance_hz .* is 2300000000 Hz, must be 5500\d+ to 22"),
    ],
)
def test_values_of_another_world_are_refused_by_name(
    stack: Spectra, name: str, value: float, message: str
) -> None:
    values = getattr(stack, name).copy()
    values[2] = value
    with pytest.raises(ValueError, match=message):
        replace(stack, **{name: values})


@pytest.mark.parametrize("offset_hz", [50e6, -80e3, 1.1e9])
def test_a_cavity_outside_its_window_is_refused(stack: Spectra, offset_hz: float) -> None:
    cavity = stack.cavity_frequency_hz + np.array([0, 0, 0, 0, offset_hz, 0])
    moved = replace(stack, cavity_frequency_hz=cavity, jpa_resonance_hz=cavity - 100e3)
    message = r"cavity_frequency_hz of spectrum 4 \(run:4\) is .* Hz, must be 1099965000 to 1100115"
    with pytest.raises(ValueError, match=message):
        analyze(moved, PLAIN)


@pytest.mark.parametrize("name", SCALARS)
def test_no_scalar_may_lie_outside_its_range(stack: Spectra, name: str) -> None:
    for value in (SCALARS[name].low * 0.99 - 1e-12, SCALARS[name].high * 1.01, float("nan")):
        with pytest.raises(ValueError, match=f"spectra: {name} is {value}"):
            replace(stack, **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CALIBRATION)
def test_no_calibration_may_lie_outside_its_range(name: str) -> None:
    for value in (float(CALIBRATION[name].low - 3), CALIBRATION[name].high * 1.01):
        with pytest.raises(
            ValueError, match=f"calibration: {name} is {re.escape(str(value))} .*, must be"
        ):
            replace(MEASURED, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"line_attenuation_db is -3\.0 dB, must be 0 to 60 dB"):
        replace(MEASURED, line_attenuation_db=-3.0)


def test_errors_are_not_negative(stack: Spectra) -> None:
    with pytest.raises(ValueError, match=r"error of beta of spectrum 1 .* is -0\.1, must not be"):
        replace(stack, errors={"beta": np.array([0.1, -0.1, 0.1, 0.1, 0.1, 0.1])})


@pytest.mark.parametrize(
    ("power", "message"),
    [
        (np.ones(5), r"power_w has shape \(5,\)"),
        (np.ones((0, 5)), r"power_w has shape \(0, 5\)"),
        (np.ones((6, 40), complex), "power_w is of dtype complex128, needed 32 or 64 bit real"),
        (np.ones((6, 40), np.float16), "power_w is of dtype float16"),
        (np.ones((6, 40), bool), "power_w is of dtype bool"),
        ([[1.0, 2.0], [1.0]], r"spectra of different lengths \(1 to 2 bins\)"),
        (np.array([np.ones(3), np.ones(4)], dtype=object), r"different lengths \(3 to 4 bins\)"),
        ([["a", "b"]], "power_w is of dtype <U1"),
    ],
)
def test_power_is_a_table_of_real_numbers(stack: Spectra, power: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(stack, power_w=power)


@pytest.mark.parametrize("kind", ["f4", "f8", ">f8", "i8", "u4"])
def test_every_real_dtype_gives_one_result(stack: Spectra, kind: str) -> None:
    scale = 1e9 / stack.power_w.mean()
    counts = np.rint(stack.power_w.astype(float) * scale)
    gain = 104.0 + 10 * np.log10(scale)
    plain = replace(stack.calibration, receiver_gain_db=gain)
    expected = analyze(replace(stack, power_w=counts, calibration=plain), PLAIN)
    found = analyze(replace(stack, power_w=counts.astype(kind), calibration=plain), PLAIN)
    assert found.normalised == pytest.approx(expected.normalised, abs=1e-4)
    assert found.limit.coupling_per_gev == pytest.approx(expected.limit.coupling_per_gev, rel=1e-6)


@pytest.mark.parametrize(
    "wrong", [np.full(6, 2 + 0j), np.array(["2"] * 6), np.ones((6, 1)), np.ones(5), [True] * 6]
)
def test_fields_are_rows_of_real_numbers(stack: Spectra, wrong: Any) -> None:
    with pytest.raises(ValueError, match="spectra: beta "):
        replace(stack, beta=wrong)


def test_a_masked_value_is_no_value(stack: Spectra) -> None:
    masked = np.ma.masked_array(stack.beta, mask=[0, 0, 1, 0, 0, 0])
    with pytest.raises(ValueError, match="beta of spectrum 2 is masked, needed a number"):
        replace(stack, beta=masked)
    unmasked = np.ma.masked_array(stack.beta)
    assert np.array_equal(replace(stack, beta=unmasked).beta, stack.beta)


def tone(spectra: Spectra, times: float) -> Spectra:
    """Interference a line wide, that no filter for spikes takes out, in every spectrum."""
    power = spectra.power_w.copy()
    power[:, 9000:9200] *= np.float32(times)
    return replace(spectra, power_w=power)


def test_masked_bins_are_left_out(stack: Spectra) -> None:
    loud = tone(stack, 5.0)
    mask = np.zeros(loud.power_w.shape, dtype=bool)
    mask[:, 9000:9200] = True
    masked = np.ma.masked_array(np.where(mask, np.nan, loud.power_w), mask=mask)
    result = analyze(replace(loud, power_w=masked), PLAIN)
    assert np.std(result.normalised) == pytest.approx(1, abs=0.2)
    # The same bins without any noise in them: the mask has the last word.
    flagged = analyze(replace(loud, masked=mask), PLAIN)
    assert flagged.normalised == pytest.approx(result.normalised, abs=1e-6)
    clean = analyze(stack, PLAIN)
    near = np.isin(result.frequency_hz, clean.frequency_hz)
    assert near.all()
    # Less data, a weaker limit: never a stronger one.
    both = np.isin(clean.frequency_hz, result.frequency_hz)
    ratio = result.limit.coupling_per_gev / clean.limit.coupling_per_gev[both]
    assert ratio.min() > 0.99
    assert ratio.max() > 1.05


def test_a_spectrum_that_is_masked_whole_is_left_out_and_all_of_them_are_refused(
    stack: Spectra,
) -> None:
    whole = np.zeros(stack.power_w.shape, dtype=bool)
    whole[2] = True
    result = analyze(replace(stack, masked=whole), PLAIN)
    without = analyze(stack.subset([0, 1, 3, 4, 5]), PLAIN)
    assert np.array_equal(result.limit.coupling_per_gev, without.limit.coupling_per_gev)
    assert result.quality.used.tolist() == [k != 2 for k in range(6)]
    assert result.quality.counts == {"masked": 1}
    assert "nan" not in {check.found for check in checks(result)}
    with pytest.raises(ValueError, match="every bin of every window is masked"):
        analyze(replace(stack, masked=np.ones_like(whole)), PLAIN)


def test_a_mask_is_cut_joined_and_kept_with_its_spectra(stack: Spectra) -> None:
    mask = np.zeros(stack.power_w.shape, dtype=bool)
    mask[1, 5000:5007] = True
    masked = replace(stack, masked=mask)
    windows = select(masked, PLAIN)
    assert windows.masked is not None
    assert np.asarray(windows.masked).sum() == 7
    assert masked.subset([1]).masked.sum() == 7  # type: ignore[union-attr]
    again = concatenate([masked.subset([0]), masked.subset(slice(1, 6))]).masked
    assert again is not None
    assert np.array_equal(again, mask)
    for odd in (0.5, 2.0, np.nan):
        with pytest.raises(ValueError, match="masked holds other values than 0 and 1"):
            replace(stack, masked=np.where(mask, odd, 0.0))
    with pytest.raises(ValueError, match=r"masked has shape \(6, 3\), needed \(6, 15100\)"):
        replace(stack, masked=np.zeros((6, 3), bool))


def test_loads_are_warmer_than_absolute_zero() -> None:
    powers = [1e-15, 2e-15, 3e-15]
    for coldest in (-0.1, 0.0, float("nan")):
        with pytest.raises(ValueError, match=f"load temperature 0 is {coldest} K, must be above 0"):
            y_factor([coldest, 0.2, 0.3], powers, None, 1.1e9, bin_width_hz=10.0)
    with pytest.raises(ValueError, match=r"power 1 is 0\.0 W, must be above 0 W"):
        y_factor([0.1, 0.2, 0.3], [1e-15, 0.0, 2e-15], None, 1.1e9, bin_width_hz=10.0)
    with pytest.raises(ValueError, match=r"JPA noise: source temperature is 0\.0 K, must be above"):
        jpa_noise(
            2.0, 0.1, 1.0, 0.1, gain=100.0, gain_error=1.0, source_temperature_k=0.0,
            receiver_temperature_k=1.0, receiver_temperature_k_error=0.1, frequency_hz=1e9,
        )  # fmt: skip


def test_a_stack_s_scale_is_one(stack: Spectra) -> None:
    one, other = stack.subset(slice(0, 3)), stack.subset(slice(3, 6))
    for changed in (1 + 1e-12, 1.0):
        assert len(concatenate([one, replace(other, step_hz=10.0 * changed)])) == 6
    with pytest.raises(ValueError, match="different step_hz"):
        concatenate([one, replace(other, step_hz=10.0 * (1 + 1e-6))])
    noise = Calibration(line_attenuation_db=0.4, noise_temperature_k=0.2)
    with pytest.raises(ValueError, match=r"noise temperatures none, 0\.2 K in stacks"):
        concatenate([one, replace(other, calibration=noise)])
    with pytest.raises(ValueError, match="spectra of 15000 and 15100 bins"):
        concatenate([one, replace(other, power_w=other.power_w[:, :15000])])
    doubled = replace(MEASURED, receiver_gain_db=104 + 10 * np.log10(2))
    louder = replace(other, power_w=other.power_w * 2, calibration=doubled)
    assert concatenate([one, louder]).power_w == pytest.approx(stack.power_w, rel=1e-6)
