"""What moves and puts say of an IOC that is gone, or that refuses them as it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from epics import dbr
from epics.ca import CASeverityException
from ophyd import Signal

from devices.signals import burst
from devices.signals.reading import LOST
from devices.waiting import status as waiting
from devices.waiting import watchdogs
from devices.waiting.status import NotReachedError, UnseenError, refusal_of
from devices.waiting.watchdogs import HOLD_GRACE_S
from instruments.errors import ENDING


def _lost(monkeypatch: pytest.MonkeyPatch, *signals: Any) -> None:
    """The IOC of these signals is gone."""
    for signal in signals:
        monkeypatch.setattr(type(signal), "connected", False)


def test_a_ramp_whose_ioc_is_gone_cannot_be_stopped_and_says_so(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = haloscope.magnet.field
    haloscope.bench.paused = True
    status = field.set(11.0)
    _lost(monkeypatch, field.setpoint)
    with pytest.raises(ConnectionError, match="magnet_field: cannot be stopped, its IOC is gone"):
        field.stop()
    with pytest.raises(NotReachedError, match=r"magnet_field: asked for 11 T.*stopped"):
        status.wait(10.0)


def test_where_it_was_seen_last_is_known_when_the_ioc_is_gone(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = haloscope.magnet.field
    field.set(11.9).wait(60.0)
    _lost(monkeypatch, field.readback)
    assert field.position == pytest.approx(11.9, abs=0.005)


def test_an_ioc_that_is_gone_is_not_asked_why_it_refused() -> None:
    def asked() -> str:
        raise AssertionError("its channel may be forgotten at this moment")

    gone = SimpleNamespace(connected=False, get=asked)
    device: Any = SimpleNamespace(root=SimpleNamespace(ioc=SimpleNamespace(refusal=gone)))
    assert refusal_of(device) == "its reason could not be read: the IOC is gone"


@pytest.mark.parametrize(
    ("error", "grace_s"), [(CASeverityException("get", "gone"), [HOLD_GRACE_S]), (ValueError(), [])]
)
def test_an_ioc_that_goes_as_a_move_ends_may_hold_its_plan_first(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, grace_s: list[float]
) -> None:
    """By the kind of the error a RunEngine tells what a hold has put out of date."""
    later: list[tuple[float, Callable[[], None]]] = []

    def lost() -> float:
        raise error

    def noted(*what: Any) -> None:
        if threading.current_thread() is threading.main_thread():  # others watch over the move
            later.append(what)

    mover = haloscope.noise_source.temperature
    haloscope.bench.paused = True  # it does not end by itself
    status = mover.set(0.2)
    with monkeypatch.context() as changed:
        changed.setattr(mover, "where", lost)
        changed.setattr(watchdogs, "later", noted)
        mover.judge(mover.slot.current)
    assert [delay_s for delay_s, _ in later] == grace_s
    for _, act in later:
        assert not status.done
        act()
    assert isinstance(status.exception(5.0), LOST) == bool(grace_s)
    with pytest.raises(UnseenError if grace_s else NotReachedError, match="could not be read"):
        status.wait(5.0)


@pytest.mark.parametrize(
    ("why", "lost"), [(f"Rod: {ENDING}", True), ("Rod: 400 deg is above 350 deg", False)]
)
def test_a_put_that_an_ioc_refuses_at_its_end_is_lost_with_it(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch, why: str, lost: bool
) -> None:
    class Refusing(Signal):
        def put(self, *_: Any, callback: Any, **__: Any) -> None:
            callback(refused=True)

    monkeypatch.setattr(waiting, "refusal_of", lambda _: why)
    status = waiting.completion(haloscope.daq, [(Refusing(name="rod"), 1)], 20.0)
    error = status.exception(5.0)
    assert isinstance(error, LOST) == lost
    assert isinstance(error, NotReachedError)
    assert str(error) == f"rod refused: {why}"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (1, [{"refused": False}]),
        (160, [{"refused": True}]),  # ECA_PUTFAIL
        (192, []),  # ECA_DISCONN: no refusal; its channel is told lost
    ],
)
def test_what_an_answer_to_a_put_says(
    monkeypatch: pytest.MonkeyPatch, answer: int, told: list[dict[str, bool]]
) -> None:
    found: list[dict[str, bool]] = []
    monkeypatch.setattr(burst.ca, "field_type", lambda _: dbr.DOUBLE)
    monkeypatch.setattr(burst.ca, "libca", SimpleNamespace(ca_array_put_callback=_answers(answer)))
    direct = SimpleNamespace(get_thread_context=lambda _: lambda call, **how: call(**how))
    signal: Any = SimpleNamespace(
        _write_pv=SimpleNamespace(chid=1), cl=SimpleNamespace(get_dispatcher=lambda: direct)
    )
    monkeypatch.setattr(burst, "as_raw", lambda _, value: value)
    monkeypatch.setattr(burst, "_unanswered", set())
    burst.join(signal, 2.0, lambda **how: found.append(how))
    assert found == told


def _answers(answer: int) -> Any:
    def put(*given: Any) -> int:
        given[-1].value(answer)
        return dbr.ECA_NORMAL

    return put
