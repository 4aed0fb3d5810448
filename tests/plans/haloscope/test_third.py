"""A third haloscope, made from the template by docs/how_to/apparatus.md, of another frequency."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.catalog import Catalog, DocumentWriter
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.apparatus import apparatus_of
from haloscope.axion import AxionLine
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S
from haloscope.parameters import HaloscopeParameters
from haloscope.parameters.reviewing import reviewed
from haloscope.parameters.writing import template
from plans.haloscope.calibration import calibrate
from plans.haloscope.campaign import campaign
from plans.haloscope.scan import scan
from plans.haloscope.tuning import set_coupling, tune_to
from plans.shared.suspending import SuspendWarm, suspenders
from tests.plans.conftest import Documents

#: What its owners would write behind each "#" of the template, by the page.
REFERENCE_HZ = 2.4e9
RADIUS_M = 2.9 * SPEED_OF_LIGHT_M_PER_S / (2 * math.pi * REFERENCE_HZ)
VALUES: dict[str, Any] = {
    "density_gev_per_cm3": 0.45, "latitude_deg": 48.3,
    "full_field_t": 8.0, "average_field_t": 7.1, "full_current_a": 120.0, "inductance_h": 30.0,
    "ramp_rate_a_per_s": 0.04, "voltage_limit_v": 5.0,
    "volume_m3": 3.2e-3, "radius_m": RADIUS_M, "reference_hz": REFERENCE_HZ,
    "unloaded_q": 60e3, "weak_coupling": 1e-4, "form_factor": 0.55, "frequency_scale": 1.0,
    "mode_map": "capp12tb", "axle_offset_m": 0.48 * RADIUS_M, "arm_m": 0.40 * RADIUS_M,
    "low_limit_deg": 15.0, "high_limit_deg": 80.0, "velocity_deg_per_s": 0.02,
    "highest_velocity_deg_per_s": 0.2,
    "low_limit_mm": 0.0, "high_limit_mm": 12.0, "reference_position_mm": 6.0,
    "reference_beta": 2.0, "velocity_mm_per_s": 0.1, "highest_velocity_mm_per_s": 0.5,
    "highest_resonance_hz": 2.6e9, "flux_period_a": 5e-4, "linewidth_hz": 8e6,
    "compression_dbm": -118.0, "excess_noise_k": 0.05,
    "rest_noise_k": 2.5, "rest_gain_db": 95.0, "line_attenuation_db": 0.6,
    "image_rejection_db": 30.0, "intermediate_hz": 25e6, "filter_half_width_hz": 2e6,
    "lowest_k": 0.06, "highest_k": 0.6,
    "base_temperature_k": 0.05, "cooling_power_w": 4e-4, "cooling_power_at_k": 0.1,
    "isolation_db": 40.0, "default_power_dbm": -35.0, "lowest_power_dbm": -80.0,
    "highest_power_dbm": 5.0,
    "bins": 60_000, "bin_width_hz": 50.0, "averages": 20_000, "efficiency": 0.9,
    "cells": 1, "matching_loss_db": 0.0, "kind": "jpa", "squeezing_db": 0.0,
    "squeezed_transmission": 1.0, "termination_k": 0.07,
    "settle_s": 0.2, "time_constant_s": 60.0, "settled_within_k": 3e-4,
    "suspend_above_k": 0.12, "resume_below_k": 0.08, "heater_cut_above_base_k": 0.04,
    "cold_high_k": 0.07, "cold_hihi_k": 0.12, "rod_high_k": 0.4, "rod_hihi_k": 0.6,
    "still_low_k": 0.5, "still_high_k": 1.0, "still_hihi_k": 1.2,
    "four_kelvin_high_k": 4.6, "four_kelvin_hihi_k": 6.0,
}  # fmt: skip
#: The rod is warmer than the mixing chamber, whose value has the same name.
ROD_K = 0.2
#: What the page says to judge of the values that are there: by the cavity's width, 120 kHz.
JUDGED = {
    "band_low_hz": 2.39e9, "band_high_hz": 2.41e9, "tuning_tolerance_hz": 4e3, "step_hz": 40e3,
    "jpa_offset_hz": -300e3, "crossing_pull_hz": 80e3, "map_step_hz": 80e3, "map_reach_hz": 1e6,
    "window_hz": 600e3, "te_frequency_hz": [], "te_coupling_hz": [], "te_q": [],
    "interference_span_hz": 40e6,
}  # fmt: skip


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def filled_in() -> str:
    """The template as its owners leave it."""
    lines, used, group = [], set(), ""
    for line in template(HaloscopeParameters.capp12tb(), "capp12tb", blank=True).splitlines():
        key = line.removeprefix("# ").partition(" =")[0]
        group = line.strip("[]") if line.startswith("[") else group
        if (group, key) == ("rod", "base_temperature_k") and line.startswith("# "):
            line = f"{key} = {ROD_K}"
        elif line.startswith("# ") and line.endswith(" ="):
            line, used = f"{key} = {_toml(VALUES[key])}", used | {key}
        elif key in JUDGED and line.startswith(f"{key} = "):
            line, used = f"{key} = {_toml(JUDGED[key])}", used | {key}
        elif line.startswith("name = "):
            line = 'name = "THIRD"'
        lines.append(line.replace('"to be stated"', '"assumed: an example"'))
    assert used == {*VALUES, *JUDGED}
    return "\n".join(lines)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("third") / "third.toml"
    path.write_text(filled_in())
    return path


@pytest.fixture
def third(file: Path) -> Iterator[Any]:
    device = Haloscope(name="haloscope", parameters=HaloscopeParameters.from_toml(file), seed=4)
    yield device
    device.bench.close()


def test_the_file_can_be_used_without_a_doubt(file: Path) -> None:
    found = reviewed(str(file))
    assert found.mistakes == ()
    assert not [line for line in found.warnings if "inherited" not in line]
    assert tomllib.loads(file.read_text())["base"] == "none"


def test_it_is_cold_tuned_coupled_calibrated_and_scanned(
    third: Any, RE: RunEngine, documents: Documents
) -> None:
    [warm] = [one for one in suspenders(third) if isinstance(one, SuspendWarm)]
    RE.install_suspender(warm)
    assert not warm.tripped
    assert abs(RE(tune_to(third, 2403.0)).plan_result.frequency_mhz - 2403.0) < 4e-3
    assert 1.8 <= RE(set_coupling(third, frequency_mhz=2403.0)).plan_result.beta <= 2.2
    calibration = RE(calibrate(third, 2403.0, averages=2000)).plan_result
    assert calibration["receiver_temperature_k"] == pytest.approx(2.5, rel=0.05)
    assert calibration["receiver_gain_db"] == pytest.approx(95.0, abs=0.3)
    assert calibration["line_attenuation_db"] == pytest.approx(0.6, abs=0.1)
    taken = RE(scan(third, [2403.0, 2403.04], averages=500, calibration=calibration)).plan_result
    assert taken == [2403.0, 2403.04]
    event = documents.events()[-1]
    assert event["haloscope_daq_spectrum"].shape == (60_000,)
    assert event["haloscope_measured_jpa_gain"] == pytest.approx(20.0, abs=0.4)
    start = documents.of("start")[-1]
    told = apparatus_of(start)
    assert (told.name, told.assumed) == ("THIRD", ())
    assert told.description == third.apparatus


def test_it_finds_a_hidden_axion_and_its_runs_are_analysed_without_an_option(
    file: Path, RE: RunEngine, tmp_path: Path
) -> None:
    """From the file to a limit: a campaign by the plan as it is, then ``cryohalo analyze``."""
    axion = AxionLine(2403.05e6, 3e-14)
    device = Haloscope(
        name="haloscope", parameters=HaloscopeParameters.from_toml(file), seed=6, lines=[axion]
    )
    writer = DocumentWriter(tmp_path / "catalog")
    RE.subscribe(writer)
    try:
        plan = campaign(device, "third", start_mhz=2402.8, stop_mhz=2403.3, rescan_averages=20_000)
        found = RE(plan).plan_result
    finally:
        device.bench.close()
        writer.close()
    assert len(found.taken_mhz) == 13
    line_mhz = 1e-6 * 3.7e-6 * axion.frequency_hz
    assert found.survivors_mhz == pytest.approx([2403.05], abs=line_mhz)
    [scanned] = [r.uid for r in Catalog(tmp_path / "catalog") if r.start["plan_name"] == "scan"]
    where = ["--catalog", str(tmp_path / "catalog"), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, ["analyze", scanned, *where])
    assert done.exit_code == 0, done.output
    assert "window 600 kHz; bins of 50 Hz" in done.output
    assert re.search(r"candidate 2403\.0[45]", done.output)
    assert (tmp_path / "out" / "limit.txt").exists()
