"""The session's RunEngine: no stack per plan wrapper, finite time-outs, a thread that ends."""

import importlib.metadata
import logging
import threading
import traceback
import warnings

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import bluesky.run_engine
import bluesky.utils
import pytest
from bluesky.utils import FailedStatus, Msg, RunEngineInterrupted
from ophyd import Signal
from ophyd.signal import EpicsSignalBase
from ophyd.sim import det, motor
from ophyd.status import Status
from ophyd.utils import DisconnectedError

from cryohalo import holding, run_engine
from cryohalo.live import refusals
from cryohalo.run_engine import close_run_engine, make_run_engine
from plans.shared.suspending import SuspendActive


@pytest.fixture
def engine():
    engine = make_run_engine({"operator": "test"})
    yield engine
    close_run_engine(engine)


def test_a_plan_wrapper_does_not_format_the_stack(engine, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the whole stack was formatted for one plan object")

    monkeypatch.setattr(traceback, "format_stack", refuse)
    documents = []
    engine(bp.count([det], num=2), lambda name, _document: documents.append(name))
    assert documents == ["start", "descriptor", "event", "event", "stop"]


def test_a_plan_that_was_never_iterated_still_warns_and_says_where(engine):
    with pytest.warns(RuntimeWarning, match=r"plan `sleep` made at .*test_run_engine.py:\d+"):
        bps.sleep(1.0)


def test_an_iterated_plan_does_not_warn(engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(bps.null()) is not None


def test_another_bluesky_is_left_as_it_is_and_said_so(monkeypatch, caplog):
    untouched = object()
    monkeypatch.setattr("bluesky.utils.Plan.__init__", untouched)
    monkeypatch.setattr("bluesky.run_engine._set_span_msg_attributes", untouched)
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "9.9")
    with caplog.at_level(logging.WARNING, "cryohalo.run_engine"):
        run_engine.spare_the_idle()
    assert bluesky.utils.Plan.__init__ is untouched
    assert bluesky.run_engine._set_span_msg_attributes is untouched
    assert "9.9" in caplog.text


@pytest.mark.parametrize("recorded", [False, True])
def test_a_message_is_written_into_its_span_only_where_spans_are_recorded(
    engine, monkeypatch, recorded
):
    class Span:
        def __init__(self):
            self.attributes = {}

        def is_recording(self):
            return recorded

        def set_attribute(self, key, value):
            self.attributes[key] = value

    span = Span()
    bluesky.run_engine._set_span_msg_attributes(span, Msg("set", motor, 1.0))
    assert ("msg.obj" in span.attributes) == recorded


def test_a_paused_plan_that_is_aborted_warns_of_no_traces(engine, caplog):
    def pausing():
        yield from bps.checkpoint()
        yield from bps.pause()

    with pytest.raises(RunEngineInterrupted):
        engine(bpp.run_wrapper(pausing()))
    engine.abort("enough")
    assert "open traces" not in caplog.text


@pytest.mark.parametrize(("in_force", "said"), [(None, True), (run_engine.PUT_TIMEOUT_S, False)])
def test_signals_that_exist_already_keep_their_time_outs_and_it_is_said(
    monkeypatch, caplog, in_force, said
):
    def too_late(**_):
        raise RuntimeError("signals exist")

    monkeypatch.setattr(EpicsSignalBase, "set_defaults", too_late)
    monkeypatch.setattr(run_engine, "_put_timeout_in_force", lambda: in_force)
    with caplog.at_level(logging.WARNING, "cryohalo.run_engine"):
        run_engine.set_epics_timeouts()
    assert ("they keep their time-outs" in caplog.text) == said


def test_a_plan_that_fails_is_told_in_one_line_and_raised(engine, caplog, monkeypatch):
    # A prompt of an earlier test may keep such lines back; here is none.
    log = logging.getLogger("bluesky")
    monkeypatch.setattr(log, "filters", [one for one in log.filters if one is not refusals._UNTOLD])

    def plan():
        yield from bps.null()
        raise ValueError("too warm\nby far")

    with caplog.at_level(logging.INFO, "bluesky"), pytest.raises(ValueError, match="too warm"):
        engine(plan())
    aborted = [record for record in caplog.records if "aborted" in record.message]
    assert [record.message for record in aborted] == [r"Run aborted: ValueError too warm\nby far"]
    assert "Traceback" not in caplog.text


def test_metadata_reaches_the_start_document(engine):
    starts = []
    engine(bp.count([det]), {"start": [lambda _name, document: starts.append(document)]})
    assert starts[0]["operator"] == "test"


def test_the_thread_ends(engine):
    thread = engine._th
    close_run_engine(engine)
    assert not thread.is_alive()


def test_every_put_has_a_finite_time_out_by_default(monkeypatch):
    given = {}
    monkeypatch.setattr(EpicsSignalBase, "set_defaults", lambda **kw: given.update(kw))
    run_engine.set_epics_timeouts()
    assert set(given) == {"timeout", "connection_timeout", "write_timeout"}
    assert all(0 < seconds < 86_400 for seconds in given.values())


class Going(Signal):
    """A signal whose IOC goes away while it is read for the first time."""

    def __init__(self, gone: Signal | None = None) -> None:
        super().__init__(name="going", value=5.0)
        self.gone, self.reads = gone, 0

    def read(self):
        from epics.ca import CASeverityException

        self.reads += 1
        if self.reads == 1:
            if self.gone is not None:
                # As libca's thread does, while this one, the RunEngine's, is busy.
                helper = threading.Thread(target=self.lose, args=(self.gone,))
                helper.start()
                helper.join()
            raise CASeverityException("get", "Virtual circuit disconnect")
        return super().read()

    @staticmethod
    def lose(gone: Signal) -> None:
        """The IOC is gone, and back at once."""
        gone.put(1)
        gone.put(0)


def test_a_reading_that_fails_because_its_ioc_goes_is_held_and_taken_again(engine):
    gone = Signal(name="gone", value=0)
    engine.install_suspender(SuspendActive(gone, lambda: "gone", "Wait"))
    going, documents = Going(gone), []
    engine(bp.count([going], num=2), lambda name, document: documents.append((name, document)))
    assert going.reads > 2
    assert [name for name, _ in documents if name != "descriptor"] == [
        "start",
        "event",
        "event",
        "stop",
    ]
    assert documents[-1][1]["exit_status"] == "success"


def test_a_reading_whose_channel_comes_back_late_is_tried_again(engine, monkeypatch):
    monkeypatch.setattr(holding, "HOLD_GRACE_S", 0.0)
    documents = []
    engine(bp.count([Going()]), lambda name, _document: documents.append(name))
    assert documents == ["start", "descriptor", "event", "stop"]


def test_a_reading_that_fails_where_nothing_holds_the_plan_fails(engine, monkeypatch):
    monkeypatch.setattr(holding, "HOLD_GRACE_S", 0.0)

    def read(_self):
        raise DisconnectedError("going is not connected")

    monkeypatch.setattr(Going, "read", read)
    with pytest.raises(DisconnectedError):
        engine(bp.count([Going()]))


class Moving:
    """Its first move fails by the loss of its IOC while a hold stops what moves."""

    name, parent = "moving", None

    def __init__(self, gone):
        self.gone, self.moves, self.stopped = gone, 0, False

    def set(self, _value):
        self.moves += 1
        self.status = Status()
        if self.moves == 1:
            Going.lose(self.gone)
        else:
            self.status.set_finished()
        return self.status

    def stop(self, *, success=False):
        if not self.stopped:
            self.stopped = True
            told = threading.Event()
            self.status.add_callback(lambda _: told.set())
            self.status.set_exception(self.why)
            assert told.wait(5)


@pytest.mark.parametrize(("why", "moves"), [(ConnectionError("gone"), 2), (ValueError("bad"), 1)])
def test_a_move_whose_ioc_goes_while_its_plan_is_being_held_is_made_again(engine, why, moves):
    gone = Signal(name="gone", value=0)
    engine.install_suspender(SuspendActive(gone, lambda: "gone", "Wait"))
    moving = Moving(gone)
    moving.why = why

    def plan():
        yield from bps.checkpoint()
        yield from bps.mv(moving, 1)

    if moves == 2:
        engine(plan())
    else:  # what is no loss ends the plan, held or not
        with pytest.raises(FailedStatus):
            engine(plan())
    assert moving.moves == moves


def test_a_plan_that_is_held_after_its_run_does_not_take_the_run_s_end_again(engine):
    gone, documents = Signal(name="gone", value=0), []
    engine.install_suspender(SuspendActive(gone, lambda: "gone", "Wait"))

    def plan():
        yield from bps.open_run()
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([det])
        yield from bps.close_run()
        Going.lose(gone)
        yield from bps.sleep(0.2)  # cut short by the hold, and taken again

    engine(plan(), lambda name, _document: documents.append(name))
    assert documents == ["start", "descriptor", "event", "stop"]


def test_a_reading_taken_again_after_a_hold_reaches_the_plan_that_asked(engine):
    gone, got = Signal(name="gone", value=0), []
    engine.install_suspender(SuspendActive(gone, lambda: "gone", "Wait"))
    going = Going(gone)

    def plan():
        yield from bps.checkpoint()
        got.append((yield from bps.read(going)))
        got.append((yield from bps.read(going)))

    engine(plan())
    assert [reading["going"]["value"] for reading in got] == [5.0, 5.0]
