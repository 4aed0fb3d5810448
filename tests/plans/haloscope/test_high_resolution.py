"""From a hidden flow to the command that finds it: instrument, plan, catalog, analysis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.catalog import Catalog, DocumentWriter
from haloscope.axion import AxionLine
from plans.haloscope.highres import high_resolution
from plans.shared.rehearsal import rehearse

MHZ = 1100.012
LINE = AxionLine(MHZ * 1e6 + 4.4, 7e-16, narrow_width_hz=0.01)


@pytest.fixture
def with_flow() -> Iterator[Any]:
    from devices.simulated.haloscope import Haloscope

    device = Haloscope(name="haloscope", seed=11, lines=[LINE])
    yield device
    device.bench.close()


def flows(run: str, folder: Path) -> dict[str, Any]:
    done = CliRunner().invoke(
        cli.app, ["flows", run, "--bin", "0.2", "--catalog", str(folder), "--json"],
        catch_exceptions=False,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_a_hidden_flow_is_found_in_a_run_by_the_command(
    RE: RunEngine, with_flow: Any, documents: Any, tmp_path: Path
) -> None:
    RE.subscribe(DocumentWriter(tmp_path))
    result = RE(high_resolution(with_flow, MHZ, duration_s=300.0)).plan_result
    assert result["samples"] == 12_000
    [event] = documents.events()
    stream = event["haloscope_high_resolution_real"] + 1j * np.asarray(
        event["haloscope_high_resolution_imaginary"]
    )
    density = np.mean(np.abs(stream) ** 2) / event["haloscope_high_resolution_sample_rate"]
    assert result["noise_density"] == pytest.approx(1e12 * density, rel=1e-6)
    assert event["haloscope_measured_jpa_gain"] > 10
    [uid] = [run.uid for run in Catalog(tmp_path)]
    found = flows(uid[:8], tmp_path)
    [flow] = found["flows"]
    # The rotation swings it by 0.7 Hz at most; where in a day the stream is taken is the machine's.
    assert flow["frequency_hz"] == pytest.approx(LINE.frequency_hz, abs=0.2 + 0.7)


def test_without_a_flow_there_is_none(RE: RunEngine, haloscope: Any, tmp_path: Path) -> None:
    RE.subscribe(DocumentWriter(tmp_path))
    RE(high_resolution(haloscope, MHZ, duration_s=300.0))
    [uid] = [run.uid for run in Catalog(tmp_path)]
    found = flows(uid, tmp_path)
    assert not found["flows"]
    assert found["highest"]["global_p"] > 0.01


def test_a_run_without_a_stream_is_told(RE: RunEngine, haloscope: Any, tmp_path: Path) -> None:
    from plans.haloscope.calibration import line_attenuation

    RE.subscribe(DocumentWriter(tmp_path))
    RE(line_attenuation(haloscope, 1100.0))
    [uid] = [run.uid for run in Catalog(tmp_path)]
    with pytest.raises(ValueError, match="no time streams, needed one: plan high_resolution"):
        flows(uid, tmp_path)


def test_what_the_channel_would_refuse_moves_nothing(haloscope: Any) -> None:
    with pytest.raises(ValueError, match="400000 samples, needed 64 to 100000"):
        rehearse(high_resolution(haloscope, MHZ, bandwidth_hz=1000.0, duration_s=400.0), haloscope)
    with pytest.raises(ValueError, match="bandwidth"):
        rehearse(high_resolution(haloscope, MHZ, bandwidth_hz=0.1), haloscope)
    assert rehearse(high_resolution(haloscope, MHZ), haloscope).duration_s > 600.0


def test_settings_are_as_found_afterwards(RE: RunEngine, haloscope: Any) -> None:
    haloscope.high_resolution.bandwidth.set(77.0).wait(10.0)
    RE(high_resolution(haloscope, MHZ, duration_s=60.0))
    assert haloscope.high_resolution.bandwidth.get() == 77.0


def test_either_kind_at_a_time_and_no_motion_meanwhile(haloscope: Any) -> None:
    haloscope.bench.paused = True
    machine, refusal = haloscope.bench.machine, haloscope.ioc.refusal
    haloscope.high_resolution.trigger()
    haloscope.daq.acquire.put(1)
    assert not machine.digitizer.busy
    assert refusal.get() == "Digitizer: a high-resolution stream is being taken"
    haloscope.rod.user_setpoint.put(36.0)
    assert not machine.rod.moving
    assert refusal.get() == "Rod: no motion while digitizing"
    haloscope.high_resolution.abort.put(1)
    assert not machine.high_resolution.busy
    haloscope.daq.trigger()
    haloscope.high_resolution.acquire.put(1)
    assert not machine.high_resolution.busy
    assert refusal.get() == "HighRes: a spectrum is being taken"
    haloscope.daq.abort.put(1)
    haloscope.rod.user_setpoint.put(36.0)
    assert machine.rod.moving
    haloscope.high_resolution.acquire.put(1)
    assert not machine.high_resolution.busy
    assert refusal.get() == "HighRes: no digitizing while moving: rod"
