"""The high-resolution channel: what its streams hold, and when it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from haloscope.analysis.reuse.flows import find_flows
from haloscope.analysis.reuse.streams import Stream
from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.interlocks import interlocks_of
from haloscope.axion import AxionLine, earth_speed_m_per_s
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S
from instruments.errors import Refused

#: Beside the clock's comb and the amplifier's leakage.
CENTRE_HZ, BIN_HZ = 1.1e9 + 12e3, 0.1


def machine(seed: int, *lines: AxionLine, noise_seed: int | None = None) -> SimulatedHaloscope:
    made = SimulatedHaloscope(seed=seed, lines=lines, noise_seed=noise_seed)
    made.high_resolution.centre_hz = CENTRE_HZ
    return made


def taken(h: SimulatedHaloscope, slices: int = 1) -> Stream:
    channel = h.high_resolution
    channel.acquire()
    for _ in range(slices):
        h.step(channel.duration_s / slices)
    h.step(1e-6)
    assert not channel.busy
    return Stream(channel.samples, channel.sample_rate_hz, channel.stream_centre_hz)


def flow(offset_hz: float, coupling: float = 2e-15) -> AxionLine:
    return AxionLine(CENTRE_HZ + offset_hz, coupling, narrow_width_hz=0.0)


def where_hz(h: SimulatedHaloscope, line: AxionLine, time_s: float) -> float:
    """A flow at rest in the galaxy, by the laboratory's speed; the spectra's place at its mean."""
    field = h.parameters.axion
    at = {"start_day": field.start_day, "mean_m_per_s": line.earth_speed_m_per_s}
    v = earth_speed_m_per_s(time_s, latitude_deg=field.latitude_deg, **at)
    still = earth_speed_m_per_s(time_s, latitude_deg=90.0, **at)
    return line.frequency_hz * (1 + (v**2 - still**2) / (2 * SPEED_OF_LIGHT_M_PER_S**2))


@pytest.mark.parametrize(("seed", "offset_hz", "later_s"), [(1, 3.21, 0), (2, -7.77, 3e4)])
def test_a_flow_is_where_the_laboratory_meets_it(
    seed: int, offset_hz: float, later_s: float
) -> None:
    line = flow(offset_hz)
    h = machine(seed, line)
    h.step(later_s)
    (found,) = find_flows(taken(h), BIN_HZ).flows
    middle_s = later_s + 300.0
    true_hz = where_hz(h, line, middle_s)
    assert abs(true_hz - line.frequency_hz) > 1.5 * BIN_HZ, "the rotation must show"
    assert found.frequency_hz == pytest.approx(true_hz, abs=0.6 * BIN_HZ)
    drift = (where_hz(h, line, middle_s + 300) - where_hz(h, line, middle_s - 300)) / 600
    assert found.drift_hz_per_s == pytest.approx(drift, abs=BIN_HZ / 600)


def test_a_flow_has_its_power_on_average_and_one_draw_of_it_in_each_stream() -> None:
    """Power over the noise's density, against the spectrum's own for a line of 10 Hz bins."""
    line = flow(0.0)
    with_line, without = machine(5, line), machine(5)
    bins = with_line.mean_spectrum_w(CENTRE_HZ) - without.mean_spectrum_w(CENTRE_HZ)
    expected_w = float(bins[len(bins) // 2 - 3 : len(bins) // 2 + 4].sum())
    powers = []
    for _ in range(60):
        noisy, clean = taken(with_line).samples, taken(without).samples
        powers.append(np.mean(np.abs(noisy - clean) ** 2) / expected_w)
    assert np.mean(powers) == pytest.approx(1.0, abs=4 / 60**0.5)
    assert np.std(powers) == pytest.approx(1.0, abs=0.5), "exponential: as wide as its mean"


def test_noise_has_the_density_of_a_spectrum() -> None:
    h = machine(7)
    stream = taken(h)
    h.digitizer.averages = 100
    mean_w = h.mean_spectrum_w(CENTRE_HZ)
    density = mean_w[len(mean_w) // 2] / h.parameters.digitizer.bin_width_hz
    channel = h.high_resolution
    assert channel.noise_w_per_hz == pytest.approx(density, rel=4 / stream.samples.size**0.5)
    assert channel.noise_w_per_hz == pytest.approx(
        np.mean(np.abs(stream.samples) ** 2) / stream.sample_rate_hz
    )


def test_noise_alone_gives_a_flow_as_often_as_is_said() -> None:
    h = machine(9)
    alarms = sum(bool(find_flows(taken(h), 0.2, false_alarm=0.2).flows) for _ in range(40))
    assert alarms <= 0.2 * 40 + 3 * np.sqrt(40 * 0.2 * 0.8)


def test_streams_follow_from_seed_and_number_alone_and_change_no_spectrum() -> None:
    one, other, later = machine(3), machine(3), machine(3, noise_seed=4)
    first = taken(one).samples
    assert np.array_equal(first, taken(other, slices=7).samples)
    assert not np.array_equal(first, taken(one).samples)
    assert not np.array_equal(first, taken(later).samples), "noise of a blind run's own life"
    for h in (one, machine(3)):
        h.step(5000.0 - h.time_s)
    fresh = machine(3)
    fresh.step(5000.0)
    for h in (one, fresh):
        h.digitizer.averages = 20
        h.digitizer.acquire()
        h.step(3.0)
    assert np.array_equal(one.digitizer.spectrum_w, fresh.digitizer.spectrum_w)


def test_a_stream_goes_on_after_a_restart_and_older_states_have_none() -> None:
    h, again = machine(3), machine(3)
    h.high_resolution.acquire()
    h.step(400.0)
    again.restore(h.state())
    for either in (h, again):
        either.step(201.0)
    assert again.high_resolution.counter == 1
    assert np.array_equal(h.high_resolution.samples, again.high_resolution.samples)
    older = machine(3)
    state = older.state()
    del state["high_resolution"]
    again.restore(state)
    assert not again.high_resolution.busy
    assert again.high_resolution.counter == 0
    with pytest.raises(Refused, match="high_resolution"):
        again.check_state(state)
    damaged = h.state()
    damaged["high_resolution"]["samples"] = np.full(9, np.nan + 0j)
    with pytest.raises(Refused, match="samples"):
        again.restore(damaged)


def test_what_cannot_be_taken_is_refused() -> None:
    h = machine(3)
    channel = h.high_resolution
    channel.bandwidth_hz, channel.stretch_s = 1000.0, 101.0
    with pytest.raises(Refused, match="101000 samples, needed 64 to 100000"):
        channel.acquire()
    channel.bandwidth_hz, channel.stretch_s = 1.0, 20.0
    with pytest.raises(Refused, match="20 samples, needed 64"):
        channel.acquire()
    channel.bandwidth_hz, channel.stretch_s, channel.centre_hz = 40.0, 60.0, 1.1006e9
    with pytest.raises(Refused, match=r"leave the digitizer's band, .* move the local oscillator"):
        channel.acquire()
    channel.centre_hz = CENTRE_HZ
    channel.acquire()
    with pytest.raises(Refused, match="cannot change the bandwidth while acquiring"):
        channel.bandwidth_hz = 10.0
    with pytest.raises(Refused, match="cannot change the local oscillator"):
        h.local_oscillator.frequency_hz = 1.08e9


def test_either_a_spectrum_or_a_stream_or_motion() -> None:
    h = machine(3)
    locks = interlocks_of(h, lambda: 0.02)
    h.high_resolution.acquire()
    for thing in ("Rod", "Antenna", "Switch", "JPA settings", "Digitizer"):
        assert locks.reason_against(thing), thing
    assert locks.reason_against("Digitizer") == "a high-resolution stream is being taken"
    assert not locks.reason_against("HighRes")
    h.high_resolution.abort()
    h.digitizer.acquire()
    assert locks.reason_against("HighRes") == "a spectrum is being taken"
    h.digitizer.abort()
    assert not locks.reason_against("Digitizer")
