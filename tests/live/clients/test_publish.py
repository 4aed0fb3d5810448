"""A session puts what its runs measured to the haloscope's IOC; runs never depend on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ophyd import EpicsSignalRO
from ophyd.status import SubscriptionStatus

from cryohalo.publish import NAMES, Publisher
from cryohalo.session import Session
from haloscope.analysis.online import Online
from plans.haloscope.scan import scan

CALIBRATION = {"receiver_gain_db": 104.0, "receiver_temperature_k": 1.2}


@pytest.fixture
def session(haloscope: str, tmp_path: Path) -> Iterator[Session]:
    with Session.open(tmp_path, halo_prefix=haloscope, publish_limits=True) as session:
        yield session


def wait_until(pv: str, holds: Callable[[float], bool]) -> float:
    """The value of a PV once it is as wanted; puts without completion take their time."""
    # Not destroyed: ophyd may still be fetching its metadata in a thread of its own, and libca
    # does not survive a channel that goes away under such a call.
    signal = EpicsSignalRO(pv, name="told", auto_monitor=True)
    signal.wait_for_connection(timeout=20.0)
    status = SubscriptionStatus(signal, lambda value, **_: holds(value), run=True)
    status.wait(20.0)
    return float(signal.get())


def test_the_newest_event_and_limit_of_a_scan_are_on_the_wire(
    session: Session, haloscope: str
) -> None:
    plan = scan(session.haloscope, start_mhz=1100.0, stop_mhz=1100.02, averages=100)
    (run,) = session.run(plan, calibration=CALIBRATION)
    last = list(run.events())[-1]["data"]
    for key, name in NAMES.items():
        wanted = last[f"haloscope_{key}"]
        wait_until(f"{haloscope}Measured:{name}", lambda told, w=wanted: told == w)
    limit = wait_until(f"{haloscope}Measured:LimitCoupling", math.isfinite)
    assert 1.0 < limit < 1e3
    assert -10.0 < wait_until(f"{haloscope}Measured:HighestExcess", math.isfinite) < 10.0


def test_what_an_event_says_leaves_in_one_packet(
    haloscope: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from epics import ca  # after ophyd, which chooses the libca that it is to load

    publisher = Publisher(haloscope)
    values = dict(zip(NAMES, (20.5, 2.5, 35_000.0, 1100.25, 1100.5), strict=True))
    sent: list[str] = []
    try:
        for channel in publisher._channels.values():
            assert channel.wait_for_connection(timeout=20.0)
        for name in ("flush_io", "poll"):
            stock = getattr(ca, name)
            monkeypatch.setattr(
                ca, name, lambda *given, n=name, s=stock, **more: (sent.append(n), s(*given))[1]
            )
        data = {f"haloscope_{key}": value for key, value in values.items()}
        publisher("event", {"data": data, "descriptor": "of"})
        assert sent == ["flush_io"]
        monkeypatch.undo()
        for key, name in NAMES.items():
            wait_until(f"{haloscope}Measured:{name}", lambda told, w=values[key]: told == w)
    finally:
        publisher.close()


def test_what_is_not_connected_is_dropped_without_waiting() -> None:
    publisher = Publisher("NOBODY:SERVES:")
    try:
        assert not publisher.served(timeout_s=0.1)
        publisher("event", {"data": {"haloscope_measured_beta": 2.0}})
    finally:
        publisher.close()


def _bad_events(publisher: Publisher) -> None:
    """Two events of a scan whose spectrum cannot be used."""
    publisher("start", {"uid": "run"})
    keys = {"haloscope_daq_spectrum": {}, "haloscope_measured_target_frequency": {}}
    publisher("descriptor", {"uid": "of", "run_start": "run", "name": "primary", "data_keys": keys})
    event = {"descriptor": "of", "seq_num": 1, "data": {"haloscope_daq_spectrum": [0.0]}}
    publisher("event", event)
    publisher("event", event)


def _told(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    return [record.message for record in caplog.records if record.name == name]


def test_a_spectrum_that_cannot_be_used_is_told_and_the_analysis_goes_on(
    haloscope: str, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = Publisher(haloscope, limits=True)
    try:
        assert publisher.served()
        _bad_events(publisher)
        told = _told(caplog, "haloscope.online")
        assert len(told) == 2
        assert all(text.startswith("not used: ") for text in told)
        assert _told(caplog, "cryohalo.publish") == []
    finally:
        publisher.close()


def test_an_analysis_that_fails_ends_no_run(
    haloscope: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault of the analysis itself")

    publisher = Publisher(haloscope, limits=True)
    monkeypatch.setattr(Online, "__call__", fail)
    try:
        assert publisher.served()
        _bad_events(publisher)
        assert _told(caplog, "cryohalo.publish") == ["no more limits are published in this session"]
    finally:
        publisher.close()
