"""Cold flows in a time stream: found where they are, with the claimed chance, and not in noise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from cryohalo import cli
from haloscope.analysis.reuse.flows import FASTEST_M_PER_S, find_flows, longest_s
from haloscope.analysis.reuse.streams import Stream, read_stream, write_stream
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S

CENTRE_HZ, RATE_HZ, BIN_HZ = 1.1e9, 40.0, 0.2
LENGTH_S = 300.0


def stream(
    seed: int,
    power_hz: float = 0.0,
    offset_hz: float = 3.3,
    drift: float = 0.0,
    bend: float = 0.0,
    length_s: float = LENGTH_S,
) -> Stream:
    """Noise of density 1 per Hz, and a line whose frequency is a parabola about the middle."""
    rng = np.random.default_rng(seed)
    m = int(RATE_HZ * length_s)
    t = (np.arange(m) - m / 2) / RATE_HZ
    noise = rng.standard_normal((2, m)) * np.sqrt(RATE_HZ / 2)
    phase = offset_hz * t + 0.5 * drift * t**2 + bend * t**3 / 6 + rng.random()
    line = np.sqrt(power_hz) * np.exp(2j * np.pi * phase)
    return Stream(noise[0] + 1j * noise[1] + line, RATE_HZ, CENTRE_HZ)


def test_a_flow_is_found_where_it_is_with_its_power_and_drift() -> None:
    given = stream(1, power_hz=1.0, offset_hz=-4.7, drift=3e-4, length_s=2000.0)
    found = find_flows(given, 0.1)
    (flow,) = found.flows
    # The record's own middle is half a sample off the stream's, and the bin is 0.1 Hz wide.
    assert flow.frequency_hz == pytest.approx(CENTRE_HZ - 4.7, abs=0.06)
    assert flow.drift_hz_per_s == pytest.approx(3e-4, abs=0.1 / 2000)
    assert 0.35 < flow.bandwidth_hz < 1.1  # A line between two bins leaves 0.41 in either.
    assert flow.global_p < 1e-10
    # Without drifts it would be smeared over six bins.
    still = find_flows(given, 0.1, fastest_m_per_s=1.0)
    assert not still.flows or still.flows[0].power - 1 < 0.5 * (flow.power - 1)


def test_noise_alone_gives_a_flow_as_often_as_is_said() -> None:
    """Means of R exponentials, and at most the false alarm of any: Bonferroni over all cells."""
    found = [find_flows(stream(seed), BIN_HZ, false_alarm=0.2) for seed in range(40)]
    alarms = sum(bool(one.flows) for one in found)
    assert alarms <= 0.2 * 40 + 3 * np.sqrt(40 * 0.2 * 0.8)
    highest = np.array([one.highest.global_p for one in found])
    assert np.median(highest) < 1  # The highest cells are those of noise, not far below.
    assert highest.min() > 1e-4


def test_a_line_at_the_limit_is_found_with_the_claimed_chance() -> None:
    """Anywhere in a bin, at any drift, and bent as much as a stream may be."""
    length_s = longest_s(CENTRE_HZ, BIN_HZ) * 0.1
    limit = find_flows(stream(0, length_s=length_s), BIN_HZ)
    rng = np.random.default_rng(9)
    bend = 16 * 0.25 * BIN_HZ / length_s**2
    most, found = float(np.abs(limit.drifts_hz_per_s).max()), 0
    for seed in range(60):
        offset = rng.uniform(-10, 10)
        given = stream(seed, limit.limit_hz, offset, rng.uniform(-most, most), bend, length_s)
        seen = find_flows(given, BIN_HZ).flows
        found += any(abs(one.frequency_hz - CENTRE_HZ - offset) < 2 * BIN_HZ for one in seen)
    assert found >= 60 * 0.9 - 3 * np.sqrt(60 * 0.9 * 0.1)
    # A weaker one is not always found: the limit is no empty one.
    weak = [find_flows(stream(s, 0.4 * limit.limit_hz, 3.3, 0, 0, length_s), BIN_HZ)
            for s in range(20)]  # fmt: skip
    assert sum(bool(one.flows) for one in weak) < 16
    # One of ten unresolved flows has less than 0.105 of its mean power.
    assert limit.limit_mean_hz == pytest.approx(limit.limit_hz / 0.105, rel=0.5)


def test_the_longest_stream_is_one_that_rotation_bends_by_a_quarter_of_a_bin() -> None:
    """Along the speed's component of a rotating acceleration, worst phase, best straight line."""
    length = longest_s(CENTRE_HZ, 0.05)
    t = np.linspace(-0.5, 0.5, 4001) * length
    omega, a = 7.292e-5, 0.0337
    speed = a / omega * (1 - np.cos(omega * t))
    track = CENTRE_HZ * FASTEST_M_PER_S * speed / SPEED_OF_LIGHT_M_PER_S**2
    assert np.ptp(track) / 2 == pytest.approx(0.25 * 0.05, rel=0.02)


@pytest.mark.parametrize(
    ("given", "bin_hz", "words"),
    [
        (stream(1), 0.01, "shorter than the 400 s of 4 records of 0.01 Hz: take wider bins"),
        (stream(1, length_s=4000.0), 0.05, "rotation bends a track .* cut the stream to"),
        (stream(1), 10.0, "bins, .* needed 64 bins or more"),
        (stream(1), 0.0, "bins of 0.0 Hz, must be above 0"),
        (replace(stream(1), samples=np.zeros(12000, complex)), 0.2, "holds no noise"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(given: Stream, bin_hz: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_flows(given, bin_hz)


def test_streams_are_kept_and_read_by_the_command(tmp_path: Path) -> None:
    path = tmp_path / "stream.h5"
    given = replace(stream(2, power_hz=2.0), start_s=1.7e9)
    write_stream(path, given)
    read = read_stream(path)
    np.testing.assert_array_equal(read.samples, given.samples)
    assert (read.sample_rate_hz, read.centre_hz, read.start_s) == (RATE_HZ, CENTRE_HZ, 1.7e9)
    done = CliRunner().invoke(cli.app, ["flows", str(path), "--bin", "0.2"], catch_exceptions=False)
    assert "flow: 1100.0000032" in done.output or "flow: 1100.0000034" in done.output
    done = CliRunner().invoke(cli.app, ["flows", str(path), "--bin", "0.2", "--json"])
    assert len(json.loads(done.output)["flows"]) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.attrs.__setitem__("format", "mine"), "not a cryohalo-stream file"),
        (lambda file: file.attrs.__delitem__("centre_hz"), "attributes needed"),
        (lambda file: file.__delitem__("q"), "datasets needed: i and q"),
        (lambda file: file.attrs.__setitem__("centre_hz", 0.0), "centre_hz is 0.0 Hz"),
        (lambda file: file.attrs.__setitem__("sample_rate_hz", float("nan")), "sample_rate_hz"),
        (lambda file: file["i"].__setitem__(3, float("inf")), "1 of 12000 samples are no numbers"),
    ],
)
def test_a_file_that_is_none_is_told(change: object, words: str, tmp_path: Path) -> None:
    path = tmp_path / "stream.h5"
    write_stream(path, stream(2))
    with h5py.File(path, "r+") as file:
        change(file)  # type: ignore[operator]
    with pytest.raises(ValueError, match=words):
        read_stream(path)
