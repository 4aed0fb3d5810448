"""The machine as a whole: time, events, saving, refusals, magnet, determinism."""

import math
from dataclasses import replace

import numpy as np
import pytest

from haloscope.apparatus.experiment import Path, SimulatedHaloscope, SwitchPosition
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.magnets.supply import SupplyState


def run(h: SimulatedHaloscope) -> None:
    while h.busy:
        h.step(h.dt_s)


def take(h: SimulatedHaloscope, averages: int = 5000) -> np.ndarray:
    h.digitizer.averages = averages
    h.digitizer.acquire()
    run(h)
    return h.digitizer.spectrum_w


def test_the_start_is_ready_for_a_measurement():
    h = SimulatedHaloscope()
    assert not h.busy
    assert h.time_s == 0
    assert h.magnet.field_t == pytest.approx(12.0)
    assert h.magnet.state is SupplyState.HOLDING
    assert h.conditions().field_t == pytest.approx(10.31 * h.unknowns.field)
    assert h.switch.position is SwitchPosition.CAVITY
    assert not h.jpa.pump_on
    assert h.cavity_state().beta == pytest.approx(2.0)
    assert abs(h.cavity_state().resonances_hz()[1] - 1.1e9) < 5e3
    assert h.fridge.temperatures_k["MXC"] == pytest.approx(0.025, rel=0.01)


def test_an_acquisition_of_5000_spectra_takes_500_seconds_in_few_steps():
    h = SimulatedHaloscope()
    h.digitizer.acquire()
    steps = 0
    while h.busy:
        h.step(h.dt_s)
        steps += 1
    assert h.time_s == pytest.approx(500 / 0.995)
    assert steps < 20
    assert h.digitizer.counter == 1


def test_an_acquisition_takes_short_steps_while_the_mixing_chamber_warms():
    h = SimulatedHaloscope()
    h.digitizer.acquire()
    assert h.dt_s > 10.0
    h.fridge.load(0.0, 0.0, 1e-3)
    assert h.dt_s == 1.0  # an interlock looks at it after every step
    h.step(3600.0)
    h.digitizer.acquire()
    assert h.fridge.temperatures_k["MXC"] > 0.08
    assert h.dt_s > 10.0
    h.fridge.load(0.0, 0.0, 0.0)
    assert h.dt_s > 10.0  # on its way down it trips nothing


def test_progress_and_remaining_time_tell_the_truth():
    h = SimulatedHaloscope()
    h.digitizer.averages = 1000
    h.digitizer.acquire()
    h.step(0.25 * h.digitizer.duration_s)
    assert h.digitizer.progress == pytest.approx(0.25)
    assert h.digitizer.time_remaining_s == pytest.approx(0.75 * h.digitizer.duration_s)
    assert h.digitizer.counter == 0
    assert not h.digitizer.spectrum_w.any()


@pytest.mark.parametrize("slice_s", [0.05, 0.7, 3.0, 600.0])
def test_results_do_not_depend_on_how_time_is_sliced(slice_s):
    def session(step_s: float) -> SimulatedHaloscope:
        h = SimulatedHaloscope(seed=4, lines=[AxionLine(1.1e9, 1e-15)])
        h.jpa.pump_on = True
        h.rod.move_to(h.rod.position + 0.004)
        h.vna.acquire()
        h.digitizer.averages = 50
        h.digitizer.acquire()
        h.noise_source.setpoint_k = 0.2
        h.magnet.set_field(11.99)
        for _ in range(round(21.0 / step_s) if step_s < 21 else 1):
            h.step(min(step_s, 21.0))
        return h

    one, other = session(slice_s), session(0.1)
    assert one.time_s == other.time_s == 21.0
    assert np.array_equal(one.digitizer.spectrum_w, other.digitizer.spectrum_w)
    assert np.array_equal(one.vna.trace, other.vna.trace)
    assert one.fridge.temperatures_k == other.fridge.temperatures_k
    assert one.magnet.current_a == other.magnet.current_a
    assert one.cavity_state() == other.cavity_state()


def test_an_acquisition_depends_on_seed_and_number_not_on_what_else_was_measured():
    one, other = SimulatedHaloscope(seed=4), SimulatedHaloscope(seed=4)
    other.vna.acquire()
    other.vna.abort()
    assert np.array_equal(take(one, 100), take(other, 100))
    second = take(one, 100)
    assert not np.array_equal(second, other.digitizer.spectrum_w)
    assert not np.array_equal(take(SimulatedHaloscope(seed=5), 100), other.digitizer.spectrum_w)


def test_saving_and_restoring_is_exact_in_the_middle_of_everything():
    h = SimulatedHaloscope(seed=6)
    h.jpa.pump_on = True
    h.switch.position = SwitchPosition.NOISE_SOURCE
    h.noise_source.setpoint_k = 0.1
    h.antenna.move_to(5.3)
    h.digitizer.averages = 100
    h.digitizer.acquire()
    h.magnet.set_field(11.9)
    h.step(6.5)  # past the middle of the acquisition
    saved = h.state()
    other = SimulatedHaloscope(seed=6)
    other.restore(saved)
    for machine in (h, other):
        machine.step(30.0)
    assert np.array_equal(h.digitizer.spectrum_w, other.digitizer.spectrum_w)
    assert h.digitizer.spectrum_w.any()
    assert h.fridge.temperatures_k == other.fridge.temperatures_k
    assert h.magnet.current_a == other.magnet.current_a
    assert h.antenna.load(0) == other.antenna.load(0)
    assert h.switch.position is other.switch.position


def test_a_saved_state_is_not_changed_by_going_on():
    h = SimulatedHaloscope(seed=6)
    take(h, 100)
    saved = h.state()
    before = saved["digitizer"]["spectrum_w"].copy()
    take(h, 100)
    assert np.array_equal(saved["digitizer"]["spectrum_w"], before)


def test_an_aborted_acquisition_shows_nothing():
    h = SimulatedHaloscope()
    h.digitizer.acquire()
    h.step(400.0)
    h.digitizer.abort()
    assert h.digitizer.aborted
    assert not h.busy
    h.step(400.0)
    assert h.digitizer.counter == 0
    assert not h.digitizer.spectrum_w.any()
    assert take(h, 100).any()
    assert not h.digitizer.aborted


def test_the_band_is_centred_on_oscillator_plus_intermediate_frequency():
    h = SimulatedHaloscope()
    h.local_oscillator.frequency_hz = 1.0951e9 - h.parameters.receiver.intermediate_hz
    take(h, 10)
    assert h.digitizer.frequency_start_hz == pytest.approx(1.0951e9 - 0.5e6, abs=1e-6)
    assert h.digitizer.frequency_step_hz == 10.0
    assert h.digitizer.spectrum_w.shape == (100_000,)


def test_settings_of_a_busy_instrument_are_refused():
    h = SimulatedHaloscope()
    h.digitizer.acquire()
    h.vna.acquire()
    attempts = {
        "averages": lambda: setattr(h.digitizer, "averages", 10),
        "acquire": h.digitizer.acquire,
        "local oscillator": lambda: setattr(h.local_oscillator, "frequency_hz", 1.08e9),
        "center": lambda: setattr(h.vna, "center_hz", 1.09e9),
        "path": lambda: setattr(h.vna, "path", Path.STRONG),
    }
    for what, attempt in attempts.items():
        with pytest.raises(Refused, match=what):
            attempt()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("center_hz", 3e9), ("span_hz", 0.0), ("points", 2), ("points", 10.5), ("averages", 0),
        ("bandwidth_hz", math.nan), ("power_dbm", 30.0), ("path", 7),
    ],
)  # fmt: skip
def test_analyser_settings_out_of_range_are_refused(name, wrong):
    h = SimulatedHaloscope()
    before = getattr(h.vna, name)
    with pytest.raises(Refused):
        setattr(h.vna, name, wrong)
    assert getattr(h.vna, name) == before


def test_other_settings_out_of_range_are_refused():
    h = SimulatedHaloscope()
    with pytest.raises(Refused, match="switch"):
        h.switch.position = 3
    with pytest.raises(Refused, match="local oscillator"):
        h.local_oscillator.frequency_hz = math.nan
    with pytest.raises(Refused, match="Magnet"):
        h.magnet.set_field(12.5)
    with pytest.raises(ValueError, match="step"):
        h.step(-1.0)
    assert not h.busy


def test_the_field_ramps_and_takes_the_signal_with_it():
    h = SimulatedHaloscope()
    h.magnet.set_field(11.9)
    assert h.busy
    run(h)
    assert h.magnet.field_t == pytest.approx(11.9, abs=1e-3)
    assert h.time_s == pytest.approx(2.5 / 0.05, abs=3)
    assert h.conditions().field_t == pytest.approx(10.31 * h.unknowns.field * 11.9 / 12, rel=1e-4)


def test_a_quench_takes_the_field_and_warms_the_refrigerator():
    h = SimulatedHaloscope()
    h.quench()
    h.step(60.0)
    assert h.magnet.quenched
    assert h.magnet.field_t < 1.0
    assert h.conditions().barrel_k > 0.03
    with pytest.raises(Refused):
        h.magnet.set_field(1.0)


def test_moving_the_rod_warms_it():
    h = SimulatedHaloscope()
    cold = h.conditions().rod_k
    h.rod.move_to(h.rod.position + 1.0)
    h.step(100.0)
    assert h.conditions().rod_k > 1.2 * cold
    h.step(3600.0)
    assert h.conditions().rod_k == pytest.approx(cold, rel=1e-3)


def test_the_analyser_sees_nothing_through_the_weak_line_behind_the_switch():
    h = SimulatedHaloscope()
    levels = []
    for position in (SwitchPosition.CAVITY, SwitchPosition.OPEN):
        h.switch.position = position
        h.vna.acquire()
        run(h)
        levels.append(np.abs(h.vna.trace).max())
    assert levels[1] < 0.05 * levels[0]


def test_more_averages_make_a_quieter_trace():
    h = SimulatedHaloscope()
    h.vna.path, h.vna.span_hz = Path.BYPASS, 1e4
    spreads = []
    for averages in (1, 16):
        h.vna.averages = averages
        h.vna.acquire()
        run(h)
        spreads.append(np.std(np.abs(h.vna.trace)))
    assert spreads[0] / spreads[1] == pytest.approx(4, rel=0.2)


def test_the_strong_line_leaks_past_the_circulators_by_what_their_isolation_lets_through():
    def trace(isolation_db: float, seed: int, switch: SwitchPosition) -> np.ndarray:
        base = HaloscopeParameters.capp12tb()
        analyser = replace(base.network_analyzer, isolation_db=isolation_db)
        h = SimulatedHaloscope(replace(base, network_analyzer=analyser), seed=seed)
        h.vna.path, h.switch.position = Path.STRONG, switch
        h.vna.acquire()
        run(h)
        return h.vna.trace

    angles = []
    for seed in (1, 2):
        for switch in (SwitchPosition.CAVITY, SwitchPosition.OPEN):
            tight = trace(300.0, seed, switch)
            full = trace(300.0, seed, SwitchPosition.OPEN)
            leak = (trace(20.0, seed, switch) - tight) / full
            assert np.abs(leak) == pytest.approx(0.1, rel=0.02)
            assert np.ptp(np.angle(leak)) < 0.05
            angles.append(float(np.angle(leak[0])))
    assert angles[0] == pytest.approx(angles[1], abs=0.02)  # the seed's
    assert abs(angles[0] - angles[2]) > 0.1


def test_a_strong_probe_saturates_the_pumped_jpa():
    h = SimulatedHaloscope()
    h.jpa.pump_on = True
    h.vna.path, h.vna.span_hz, h.vna.center_hz = Path.BYPASS, 1e5, h.jpa.pump_frequency_hz / 2
    levels = []
    for power in (-32.0, -5.0):
        h.vna.power_dbm = power
        h.vna.acquire()
        run(h)
        levels.append(20 * np.log10(np.abs(h.vna.trace).max()))
    assert levels[1] < levels[0] - 3


def test_a_campaign_step_is_repeatable_and_shows_the_axion():
    """Stacked on resonance, a 10 times DFSZ axion stands out of the noise by its expected SNR."""
    line = AxionLine(1.1e9, 6.7e-15)
    h = SimulatedHaloscope(
        HaloscopeParameters.from_mapping({"receiver": {"comb_power_k": 0.0}}), seed=2, lines=[line]
    )
    h.jpa.pump_on = True
    empty = SimulatedHaloscope(h.parameters, seed=2)
    empty.jpa.pump_on = True
    y, without = take(h) / take(empty), h.mean_spectrum_w(1.1e9) / empty.mean_spectrum_w(1.1e9)
    window = slice(50_000, 50_405)
    expected = (without[window] - 1).sum()  # about 100 times DFSZ's 2.5 sigma, over flat 4050 Hz
    assert expected / np.sqrt(405 / 5000) > 150
    assert (y[window] - 1).sum() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", ["haystac", "admx"])
def test_another_haloscope_is_a_parameter_file(name):
    parameters = HaloscopeParameters.shipped(name)
    h = SimulatedHaloscope(parameters, seed=1)
    h.jpa.pump_on = True
    spectrum = take(h, 100)
    d = parameters.digitizer
    assert spectrum.shape == (d.bins,)
    # The receiver passes the whole band, and a bin scatters as the mean of 100 spectra does.
    relative = spectrum / h.mean_spectrum_w(parameters.cavity.reference_hz)
    assert relative.std() == pytest.approx(0.1, rel=0.05)
    edge = spectrum[: d.bins // 50].mean() / np.median(spectrum)
    assert edge > 0.1
    state = h.cavity_state()
    assert abs(state.tm_hz - parameters.cavity.reference_hz) < 1e-4 * parameters.cavity.reference_hz
    for _, origin in parameters.provenance().values():
        assert origin.kind in {
            "paper", "paper, unverified", "derived", "assumed", "inherited from capp12tb"
        }  # fmt: skip


def test_an_unknown_parameter_set_is_refused():
    with pytest.raises(ValueError, match="orpheus"):
        HaloscopeParameters.shipped("orpheus")


@pytest.mark.parametrize("axis", ["rod", "antenna"])
@pytest.mark.parametrize("slowness", [1.0, 4.0])
def test_a_drive_heats_the_refrigerator_while_it_moves_by_its_speed(axis, slowness):
    h = SimulatedHaloscope()
    drive, cooling = getattr(h, axis), h.parameters.cryostat
    base_k = h.conditions().barrel_k
    drive.velocity /= slowness
    drive.move_to(drive.travel[1])
    h.step(50.0)
    assert drive.moving
    link = cooling.cooling_power_w / cooling.cooling_power_at_k**2
    warmed_w = link * (h.conditions().barrel_k ** 2 - base_k**2)
    load_w = getattr(h.parameters, axis).moving_load_w / slowness
    warming = 1 - math.exp(-50.0 / cooling.time_constant_s)
    assert warmed_w == pytest.approx(load_w * warming, rel=1e-6)


def test_the_50_ohm_source_swallows_what_the_open_switch_reflects():
    h = SimulatedHaloscope()
    h.vna.path = Path.STRONG
    levels = []
    for position in (SwitchPosition.OPEN, SwitchPosition.NOISE_SOURCE):
        h.switch.position = position
        h.vna.acquire()
        run(h)
        levels.append(float(np.abs(h.vna.trace).mean()))
    ratio_db = 20 * np.log10(levels[1] / levels[0])
    assert ratio_db == pytest.approx(-30.0, abs=1.0)


@pytest.mark.parametrize("name", ["digitizer", "vna"])
@pytest.mark.parametrize("share", [0.3, 0.8], ids=["before its middle", "after it"])
def test_the_state_after_an_abort_is_taken_again(name, share):
    h = SimulatedHaloscope(seed=3)
    instrument = getattr(h, name)
    instrument.acquire()
    h.step(share * instrument.duration_s)
    instrument.abort()
    other = SimulatedHaloscope(seed=3)
    other.restore(h.state())
    assert getattr(other, name).aborted
    assert not other.busy
