"""The session: who ran it, what holds its plans, and that nothing of that stays behind."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import RunEngineInterrupted

from cryohalo.catalog import Catalog
from cryohalo.run_engine import close_run_engine
from cryohalo.session import Session, namespace
from devices.waiting.watch import Watch
from haloscope.apparatus.blinding import BlindKey
from plans.haloscope.calibration import calibrate
from plans.haloscope.scan import scan


@pytest.fixture
def instruments(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Both instruments simulated in process stand in for those over Channel Access."""
    from devices.simulated.amrr import Refrigerator
    from devices.simulated.haloscope import Haloscope

    made = {
        "refrigerator": Refrigerator(name="refrigerator"),
        "haloscope": Haloscope(name="haloscope", seed=11),
    }

    def connect(session: Session, amrr_prefix: str | None, halo_prefix: str | None) -> None:
        session._refrigerator = made["refrigerator"] if amrr_prefix else None
        session._haloscope = made["haloscope"] if halo_prefix else None

    monkeypatch.setattr(Session, "_connect", connect)
    monkeypatch.setattr(Session, "_publish_to", lambda *_: None)
    yield made
    for device in made.values():
        device.bench.close()


def watched(session: Session) -> set[str]:
    return {suspender._sig.name for suspender in session.run_engine.suspenders}


def tripped(session: Session) -> set[str]:
    return {s._sig.name for s in session.run_engine.suspenders if s.tripped}


def test_the_suspenders_watch_every_danger_and_are_gone_at_the_end(
    instruments: dict[str, Any], tmp_path: Path
) -> None:
    with Session.open(tmp_path, amrr_prefix="AMRR:", halo_prefix="HALO:") as session:
        halo = {"fridge_mxc", "jpa_fault", "interlock_active", "magnet_quench", "ioc_heartbeat"}
        amrr = {f"{magnet}_quench" for magnet in instruments["refrigerator"].magnets}
        dangers = {f"haloscope_{name}" for name in halo}
        dangers |= {f"refrigerator_{n}" for n in amrr | {"interlock_active", "ioc_heartbeat"}}
        assert watched(session) == dangers
        assert len(session.run_engine.suspenders) == len(dangers)
    assert not session.run_engine.suspenders
    callbacks = instruments["haloscope"].magnet.quench._callbacks
    assert not callbacks[instruments["haloscope"].magnet.quench.SUB_VALUE]


def test_suspenders_can_be_left_out(instruments: dict[str, Any], tmp_path: Path) -> None:
    with Session.open(tmp_path, halo_prefix="HALO:", suspenders=False) as session:
        assert not session.run_engine.suspenders


def test_a_quench_trips_and_what_ends_it_runs_unsuspended(
    instruments: dict[str, Any], tmp_path: Path
) -> None:
    haloscope = instruments["haloscope"]
    with Session.open(tmp_path, halo_prefix="HALO:") as session:
        assert tripped(session) == set()
        signals = haloscope.magnet.quench, haloscope.interlock.active
        told = [Watch(signal, lambda value: value == 1, 10.0, aside=True) for signal in signals]
        haloscope.bench.machine.quench()
        haloscope.bench.let_pass(5.0)
        for watch in told:  # the suspenders, which subscribed before, have been told too
            watch.wait()
        assert tripped(session) == {"haloscope_magnet_quench", "haloscope_interlock_active"}
        with session.unsuspended():
            assert not session.run_engine.suspenders
            session.run_engine(bps.abs_set(haloscope.jpa.pump, "Off", wait=True))
        assert tripped(session) == {"haloscope_magnet_quench", "haloscope_interlock_active"}


def test_calibration_and_scan_do_not_trip_the_suspenders(
    instruments: dict[str, Any], tmp_path: Path
) -> None:
    haloscope = instruments["haloscope"]
    with Session.open(tmp_path, halo_prefix="HALO:") as session:
        session.run_engine.record_interruptions = True
        session.run(calibrate(haloscope, 1100.0))
        session.run(scan(haloscope, [1100.0, 1100.01], averages=20))
        streams = {
            document["name"]
            for run in session.catalog
            for name, document in run.documents()
            if name == "descriptor"
        }
        assert streams
        assert "interruptions" not in streams or not any(
            list(run.events("interruptions")) for run in session.catalog
        )


def test_a_thread_that_does_not_end_keeps_nothing_else_open(
    instruments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session.open(tmp_path, amrr_prefix="AMRR:", halo_prefix="HALO:")
    engine, done = session.run_engine, []

    def stuck(*_: object) -> None:
        raise TimeoutError("the RunEngine's thread did not end")

    monkeypatch.setattr("cryohalo.session.close_run_engine", stuck)
    for name, device in instruments.items():
        monkeypatch.setattr(device, "destroy", lambda name=name: done.append(name))
    monkeypatch.setattr(session.writer, "close", lambda: done.append("writer"))
    with pytest.raises(TimeoutError, match="did not end"):
        session.close()
    assert sorted(done) == ["haloscope", "refrigerator", "writer"]
    close_run_engine(engine)


def test_a_plan_that_is_paused_when_the_session_closes_cleans_up(tmp_path: Path) -> None:
    done: list[str] = []

    def cleaned() -> Any:
        done.append("clean")
        yield from bps.null()

    def plan() -> Any:
        yield from bps.open_run()
        yield from bps.checkpoint()
        yield from bps.pause()

    with Session.open(tmp_path) as session, pytest.raises(RunEngineInterrupted):
        session.run(bpp.finalize_wrapper(plan(), cleaned()))
    assert done == ["clean"]
    stop = Catalog(tmp_path)[-1].stop
    assert stop is not None
    assert (stop["exit_status"], stop["reason"]) == (
        "abort",
        "the session was closed while it was paused",
    )


def start_of(session: Session) -> dict[str, Any]:
    def plan() -> Any:
        yield from bps.open_run()
        yield from bps.close_run()

    (run,) = session.run(plan())
    return run.start


def test_a_run_returns_the_plans_value_and_its_runs(tmp_path: Path) -> None:
    def plan() -> Any:
        yield from bps.open_run()
        yield from bps.close_run()
        return {"answer": 42}

    with Session.open(tmp_path) as session:
        outcome = session.run(plan())
        (run,) = outcome
        assert outcome.value == {"answer": 42}
        assert outcome.runs == (run,)
        assert session.run(bps.null()).runs == ()


def test_the_operator_is_in_every_start_document(tmp_path: Path) -> None:
    with Session.open(tmp_path / "one") as session:
        assert start_of(session)["operator"] == getpass.getuser()
    with Session.open(tmp_path / "two", metadata={"operator": "somebody"}) as session:
        assert start_of(session)["operator"] == "somebody"


def test_plans_are_at_hand_as_what_they_are(instruments: dict[str, Any], tmp_path: Path) -> None:
    with Session.open(tmp_path, halo_prefix="HALO:", amrr_prefix=None) as session:
        names = namespace(session)
        assert "refrigerator" not in names
        result = names["RE"](names["make_safe"](names["haloscope"]))
        assert result.exit_status == "success"
        assert names["scan"] is scan


def test_suspenders_are_back_though_what_ran_without_them_failed(
    instruments: dict[str, Any], tmp_path: Path
) -> None:
    with Session.open(tmp_path, halo_prefix="HALO:") as session:
        before = watched(session)
        with pytest.raises(RuntimeError, match="the recovery's own"), session.unsuspended():
            raise RuntimeError("the recovery's own")
        assert watched(session) == before


def test_a_session_that_does_not_connect_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Any] = []

    def unheard(*_: Any) -> None:
        raise TimeoutError("HALO:Rod.VAL does not answer")

    def end(engine: Any) -> None:
        close_run_engine(engine)
        ended.append(engine._th.is_alive())

    monkeypatch.setattr(Session, "_connect", unheard)
    monkeypatch.setattr("cryohalo.session.close_run_engine", end)
    with pytest.raises(TimeoutError, match="does not answer"):
        Session.open(tmp_path, halo_prefix="HALO:")
    assert ended == [False]


@pytest.mark.parametrize("served", [True, False])
def test_a_session_publishes_where_that_is_served_and_leaves_it_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: bool
) -> None:
    told: list[str] = []

    class Publisher:
        """Notes what it is told instead of putting it to an IOC."""

        def __init__(self, prefix: str, *, limits: bool) -> None:
            told.append(f"{prefix} {limits}")

        def served(self) -> bool:
            return served

        def __call__(self, name: str, _: dict[str, Any]) -> None:
            told.append(name)

        def close(self) -> None:
            told.append("closed")

    monkeypatch.setattr(Session, "_connect", lambda *_: None)
    monkeypatch.setattr("cryohalo.publish.Publisher", Publisher)
    with Session.open(tmp_path, halo_prefix="HALO:", publish_limits=True) as session:
        start_of(session)
    assert told == ["HALO: True", *(["start", "stop"] if served else []), "closed"]


def test_a_simulated_haloscope_hides_what_a_key_file_says(tmp_path: Path) -> None:
    key = BlindKey.drawn((1100e6, 1101e6), (1e-15, 2e-15))
    key.write(tmp_path / "axion.key")
    with Session.open(
        tmp_path / "runs", halo_prefix="HALO:", simulated=True, blind=tmp_path / "axion.key"
    ) as session:
        seal = session.haloscope.seal
        assert seal.envelope_hash.get() == key.hash
        assert (seal.blind.get(), seal.unsealed.get()) == ("Yes", "No")
        (run,) = session.run(scan(session.haloscope, [1100.0], averages=10))
        assert run.start["envelope_hash"] == key.hash
        assert str(key.line.frequency_hz) not in str(run.start)


@pytest.mark.parametrize(
    "options", [{"halo_prefix": "HALO:"}, {"amrr_prefix": "AMRR:", "simulated": True}]
)
def test_what_is_hidden_needs_a_simulated_haloscope(
    options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="simulated haloscope's field"):
        Session.open(tmp_path / "runs", blind=tmp_path / "axion.key", **options)
    assert not (tmp_path / "runs").exists()
