"""The devices themselves, on the simulated instruments and as fakes: kinds, limits, statuses."""

from __future__ import annotations

import operator
import threading
from typing import Any

import pytest
from ophyd.sim import make_fake_device
from ophyd.status import Status
from ophyd.utils.errors import LimitError

from amrr.refrigerator import SimulatedRefrigerator
from devices import amrr, haloscope
from devices.parts.clock import InstrumentClock
from devices.parts.measured import CavityMeasured
from devices.simulated.amrr import Refrigerator
from devices.waiting.status import NotReachedError, completion
from devices.waiting.watch import Watch
from devices.waiting.watchdogs import later


@pytest.mark.parametrize("cls", [amrr.Refrigerator, haloscope.Haloscope])
def test_every_signal_has_a_name_of_its_own_and_a_kind(cls: Any) -> None:
    device = make_fake_device(cls)("X:", name="machine")
    names = [walk.item.name for walk in device.walk_signals()]
    assert len(names) == len(set(names)) > 80
    components = [walk.item for walk in device.walk_components()]
    inherited = {"user_readback", "user_setpoint"}  # EpicsMotor's own; Axis sets their kinds
    for component in components:
        assert component.kind is not None or component.attr in inherited


def test_events_have_the_names_that_the_analysis_reads(haloscope: Any) -> None:
    names = set(haloscope.daq.read()) | set(haloscope.measured.read()) | set(haloscope.sim.read())
    wanted = {"daq_spectrum", "daq_frequency_start", "daq_frequency_step", "daq_num_averages"}
    wanted |= {"daq_acquire_time", "measured_cavity_frequency", "measured_beta_error", "sim_time"}
    assert {f"haloscope_{name}" for name in wanted} <= names
    assert "haloscope_magnet_field" in haloscope.magnet.field.read()
    assert "haloscope_rod" in haloscope.rod.read()


def test_time_outs_are_finite_and_follow_the_speed() -> None:
    clock = make_fake_device(InstrumentClock)("X:Sim:", name="sim")
    clock.speed.sim_put(1.0)
    real_s = clock.timeout(500.0)
    clock.speed.sim_put(100.0)
    assert clock.timeout(500.0) * 100.0 > 500.0
    assert clock.timeout(500.0) < real_s
    clock.speed.sim_put(0.0)
    assert 30.0 < clock.timeout(500.0) < real_s
    with pytest.raises(ValueError, match="duration to wait for = inf s is not a finite number"):
        clock.timeout(float("inf"))


def test_a_positioner_refuses_what_lies_outside_and_moves_nothing(haloscope: Any) -> None:
    with pytest.raises(LimitError, match=r"magnet_field = 20 T is outside 0 to 12 T"):
        haloscope.magnet.field.set(20.0)
    with pytest.raises(LimitError, match=r"rod = 90 deg is outside 20 to 60 deg"):
        haloscope.rod.set(90.0)
    assert haloscope.bench.machine.magnet.field_t == pytest.approx(12.0, abs=1e-3)


def test_a_ramp_that_is_stopped_does_not_count_as_arrived(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = haloscope.magnet.field.set(11.0)
    haloscope.magnet.field.stop()
    with pytest.raises(
        NotReachedError, match=r"magnet_field: asked for 11 T, is at 12 T .*stopped"
    ):
        status.wait(20.0)
    assert haloscope.magnet.state.get() == "Paused"


def test_an_acquisition_without_data_fails_in_words(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = haloscope.daq.trigger()
    haloscope.daq.abort.put(1)
    haloscope.bench.paused = False
    with pytest.raises(NotReachedError, match="daq: the acquisition ended without new data"):
        status.wait(20.0)


def test_a_status_that_is_not_met_times_out(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = Watch(haloscope.sim.time, lambda seconds: seconds > 1e12, 0.05)
    with pytest.raises(TimeoutError, match="sim_time: the value waited for has not come"):
        status.wait(10.0)


def test_a_put_whose_ioc_goes_away_fails_at_once(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = completion(haloscope.daq, [(haloscope.daq.acquire, 1)], 3600.0)
    signal = haloscope.daq.acquire
    signal._run_subs(sub_type=signal.SUB_META, connected=False)
    with pytest.raises(ConnectionError, match="daq_acquire: the IOC went away"):
        status.wait(10.0)


@pytest.mark.parametrize(("part", "target"), [("magnet.field", 11.0), ("rod", 45.0)])
def test_a_move_whose_ioc_goes_away_fails_at_once(haloscope: Any, part: str, target: float) -> None:
    haloscope.bench.paused = True
    mover = operator.attrgetter(part)(haloscope)
    status = mover.set(target)
    signal = mover.user_setpoint if part == "rod" else mover.setpoint
    signal._run_subs(sub_type=signal.SUB_META, connected=False)
    with pytest.raises(ConnectionError, match=f"{signal.name}: the IOC went away"):
        status.wait(10.0)


def test_a_move_without_a_readback_at_its_end_fails(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = haloscope.magnet.field

    def silent(**_: Any) -> float:
        raise TimeoutError("no answer")

    haloscope.bench.paused = True
    status = field.set(11.9)
    monkeypatch.setattr(field.readback, "get", silent)
    haloscope.bench.paused = False
    with pytest.raises(NotReachedError, match=r"asked for 11\.9 T; its readback .*: no answer"):
        status.wait(20.0)


def test_a_put_that_is_not_completed_in_time_fails_in_words(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = completion(haloscope.daq, [(haloscope.daq.acquire, 1)], 0.05)
    with pytest.raises(
        TimeoutError, match=r"daq_acquire: the put has not completed within 0\.05 s"
    ):
        status.wait(10.0)


def test_settings_are_put_together_and_none_if_one_is_beyond_its_limits(haloscope: Any) -> None:
    vna, settings = haloscope.vna, haloscope.settings
    settings.set({"vna_center": 1101.0, "vna_path": "Bypass"}).wait(10.0)
    assert (vna.center.get(), vna.path.get()) == (1101.0, "Bypass")
    with pytest.raises(LimitError):
        settings.set({"vna_path": "Weak", "vna_center": 5.0})
    with pytest.raises(KeyError, match="haloscope has no setting vna_colour"):
        settings.set({"vna_path": "Weak", "vna_colour": 1.0})
    assert (vna.center.get(), vna.path.get()) == (1101.0, "Bypass")


def test_a_setting_that_holds_its_value_is_not_put_again(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"vna_center": 1101.0, "vna_averages": 2}
    haloscope.settings.set(wanted).wait(10.0)
    puts: list[Any] = []
    monkeypatch.setattr(haloscope.vna.center, "put", lambda value, **_: puts.append(value))
    assert haloscope.settings.set(wanted).done
    assert not puts
    haloscope.bench.put_as_client("VNA:Center", 1102.0)
    haloscope.settings.set(wanted)
    assert puts == [1101.0]


def test_a_refused_setting_fails_and_says_why(haloscope: Any) -> None:
    haloscope.bench.paused = True
    acquiring = haloscope.daq.trigger()
    before = haloscope.daq.num_averages.get()
    for status in (
        haloscope.daq.num_averages.set(before + 1),
        haloscope.settings.set({"daq_num_averages": before + 2, "vna_averages": 3}),
    ):
        with pytest.raises(NotReachedError, match=r"daq_num_averages refused: .*acquiring"):
            status.wait(10.0)
    assert haloscope.vna.averages.get() == 3
    haloscope.bench.paused = False
    acquiring.wait(20.0)


def test_a_refused_acquisition_is_no_old_one(haloscope: Any) -> None:
    """The counter has moved meanwhile, by another client."""
    haloscope.daq.trigger().wait(20.0)
    haloscope.daq.acquire.set(1).wait(20.0)
    haloscope.bench.paused = True
    haloscope.rod.set(haloscope.rod.position + 0.1)
    status = haloscope.daq.trigger()
    with pytest.raises(NotReachedError, match=r"daq_acquire refused: .*moving: rod"):
        status.wait(20.0)
    haloscope.bench.paused = False


def test_states_are_set_by_name_and_by_number(haloscope: Any) -> None:
    haloscope.switch.selected.set(1).wait(10.0)
    assert haloscope.switch.selected.get() == "Noise source"
    haloscope.switch.selected.set("Cavity").wait(10.0)
    assert haloscope.switch.selected.get() == "Cavity"


def test_a_move_is_not_ended_by_the_one_it_replaced(haloscope: Any) -> None:
    field = haloscope.magnet.field
    haloscope.bench.paused = True
    field.set(11.5)
    second = field.set(11.9)
    haloscope.bench.paused = False
    second.wait(60.0)
    assert field.position == pytest.approx(11.9, abs=0.005)


def test_a_part_that_cannot_be_stopped_does_not_keep_the_pump_on(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(**_: Any) -> None:
        raise TimeoutError("no answer")

    haloscope.jpa.pump.set("On").wait(10.0)
    monkeypatch.setattr(haloscope.daq, "stop", stuck)
    with pytest.raises(Exception, match="daq"):
        haloscope.stop()
    assert haloscope.jpa.pump.get() == "Off"


def test_a_put_that_raises_leaves_no_status_open(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Status] = []
    ended = threading.Event()

    class Noted(Status):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no such channel")

    signal = haloscope.daq.acquire
    monkeypatch.setattr("devices.waiting.status.Action", Noted)
    monkeypatch.setattr(signal, "put", refuse)
    with pytest.raises(ConnectionError, match="no such channel"):
        completion(haloscope.daq, [(signal, 1)], 3600.0)
    made[0].add_callback(lambda _: ended.set())
    assert ended.wait(10.0)
    assert isinstance(made[0].exception(), ConnectionError)


def test_staging_puts_the_analyzer_back(haloscope: Any) -> None:
    before = haloscope.vna.center.get(), haloscope.vna.path.get()
    haloscope.vna.stage()
    haloscope.vna.center.set(1101.0).wait(10.0)
    haloscope.vna.path.set("Bypass").wait(10.0)
    haloscope.vna.unstage()
    assert (haloscope.vna.center.get(), haloscope.vna.path.get()) == before


def test_a_setting_that_cannot_be_put_back_is_told(haloscope: Any) -> None:
    daq = haloscope.daq
    daq.stage()
    daq.num_averages.set(daq.num_averages.get() + 1).wait(10.0)
    haloscope.bench.paused = True
    acquiring = daq.trigger()
    with pytest.raises(NotReachedError, match=r"daq_num_averages refused: .*acquiring"):
        daq.unstage()
    haloscope.bench.paused = False
    acquiring.wait(20.0)


SWEEPS = [
    {"vna_num_points": 101, "vna_bandwidth": 100.0},
    {"vna_num_points": 2001, "vna_bandwidth": 100.0, "vna_averages": 7},
    {"daq_num_averages": 10},
    {"daq_num_averages": 20_000},
]


@pytest.mark.parametrize("settings", SWEEPS)
def test_an_acquisition_is_given_the_time_it_takes(haloscope: Any, settings: Any) -> None:
    haloscope.settings.set(settings).wait(10.0)
    device, machine = haloscope.vna, haloscope.bench.machine.vna
    if "daq_num_averages" in settings:
        device, machine = haloscope.daq, haloscope.bench.machine.digitizer
    assert machine.duration_s <= device.acquire_time_s() <= 1.0 + 2.0 * machine.duration_s


def test_a_motor_is_given_the_time_of_its_way(haloscope: Any) -> None:
    haloscope.bench.paused = True
    haloscope.sim.speed.set(1.0).wait(10.0)  # else time-outs are those of a fast simulation
    rod, begin = haloscope.rod, haloscope.rod.position
    for way, velocity in ((10.0, 0.01), (-10.0, 0.01), (10.0, 0.02)):
        rod.velocity.set(velocity).wait(10.0)
        takes_s = abs(way) / velocity
        assert takes_s < rod.allowance_s(begin + way) < 3.0 * takes_s


def test_a_cycle_is_given_the_time_that_it_takes(refrigerator: Any) -> None:
    refrigerator.cycle.flow_time.set(70.0).wait(10.0)
    refrigerator.cycle.hold_time.set(11.0).wait(10.0)
    assert refrigerator.cycle.period_s() == refrigerator.bench.machine.cycle.period_s == 162.0


def test_a_time_out_that_fails_does_not_keep_the_others_from_coming(
    caplog: pytest.LogCaptureFixture,
) -> None:
    came = threading.Event()

    def fail() -> None:
        raise RuntimeError("a fault of its own")

    later(0.0, fail)
    later(0.01, came.set)
    assert came.wait(10.0)
    assert "a fault of its own" in caplog.text


def test_the_cavity_is_a_positioner_in_megahertz(haloscope: Any) -> None:
    haloscope.cavity.set(1100.2).wait(60.0)
    assert haloscope.cavity.position == pytest.approx(1100.2, abs=1e-3)
    with pytest.raises(LimitError, match="cavity = 5 MHz is outside"):
        haloscope.cavity.set(5.0)


def test_a_cavity_that_is_being_tuned_can_be_sent_elsewhere_and_stopped(haloscope: Any) -> None:
    haloscope.bench.paused = True
    first = haloscope.cavity.set(1100.2)
    second = haloscope.cavity.set(1100.3)
    with pytest.raises(NotReachedError, match=r"asked for 1100\.2 MHz.*sends it to 1100\.3 MHz"):
        first.wait(10.0)
    assert not second.done
    haloscope.cavity.stop()
    with pytest.raises(NotReachedError, match=r"cavity: asked for 1100\.3 MHz.*stopped"):
        second.wait(10.0)
    haloscope.bench.paused = False
    haloscope.cavity.set(1100.2).wait(60.0)
    assert haloscope.cavity.position == pytest.approx(1100.2, abs=1e-3)


def test_measured_numbers_are_set_together_and_forgotten() -> None:
    measured = CavityMeasured(name="measured")
    measured.set({"beta": 2.0, "beta_error": 0.01}).wait(1.0)
    assert measured.beta.get() == 2.0
    with pytest.raises(KeyError, match="measured has no gamma"):
        measured.set({"gamma": 1.0})
    measured.forget()
    assert measured.beta.get() != measured.beta.get()  # NaN


def test_simulated_time_passes_only_while_somebody_waits(haloscope: Any) -> None:
    before = haloscope.sim.time.get()
    haloscope.vna.trigger().wait(20.0)
    after = haloscope.sim.time.get()
    assert after > before
    assert haloscope.sim.time.get() == after
    haloscope.sim.let_pass(100.0).wait(20.0)
    assert haloscope.sim.time.get() == pytest.approx(after + 100.0, abs=2.0)


def test_a_move_whose_edge_was_not_seen_ends_with_the_puts_completion(haloscope: Any) -> None:
    """Flow control may hold DMOV's 0 back: then only its newest value, 1, arrives."""
    axis = haloscope.rod
    axis.motor_done_move.unsubscribe_all()
    status = axis.set(axis.user_readback.get() + 0.1)
    status.wait(20)
    assert status.success


def test_the_refrigerators_waypoints_are_set_as_one(refrigerator: Any) -> None:
    cycle = refrigerator.cycle
    wanted = {"cycle_pump_high": 1.1, "cycle_pump_low": 0.1}
    refrigerator.settings.set(wanted).wait(10.0)
    assert (cycle.pump_high.get(), cycle.pump_low.get()) == (1.1, 0.1)


def test_a_refrigerator_is_compiled_before_its_first_move(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first move's time-out is for the move: compiling took 40 s of it, on a busy host all."""
    stepped: list[float] = []
    step = SimulatedRefrigerator.step
    monkeypatch.setattr(
        SimulatedRefrigerator, "step", lambda s, dt: (stepped.append(dt), step(s, dt))[1]
    )
    fresh = SimulatedRefrigerator()
    made = Refrigerator(name="refrigerator")
    try:
        assert stepped == [fresh.dt_s]
        assert made.sim.time.get() == 0.0
    finally:
        made.bench.close()
        made.destroy()
