"""Numbers that leave in one packet do not depend on each other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import ophyd  # noqa: F401  (first: it chooses the Channel Access library that pyepics loads)
import pytest
from epics import dbr

from devices.signals import burst


class _Channel:
    """A PV of one number that is connected, lost, or that a fault ends."""

    def __init__(self, chid: int, state: str = "connected") -> None:
        self.chid, self.state, self.pvname = chid, state, f"X:{chid}"

    def wait_for_connection(self, timeout: float) -> bool:
        assert timeout == 0.0
        if self.state == "fault":
            raise RuntimeError("no context")
        return self.state == "connected"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What libca is given, "flush" at the end of a packet; it takes nothing of channel 9."""
    told: list[Any] = []

    def put(kind: int, count: int, chid: int, data: Any) -> int:
        told.append((chid, data._obj.value))
        return 0 if chid == 9 else dbr.ECA_NORMAL

    def checked(name: str, status: int) -> None:
        if status != dbr.ECA_NORMAL:
            raise ValueError(f"{name} is not taken")

    ca = SimpleNamespace(
        field_type=lambda chid: dbr.DOUBLE,
        libca=SimpleNamespace(ca_array_put=put),
        PySEVCHK=checked,
        flush_io=lambda: told.append("flush"),
    )
    monkeypatch.setattr(burst, "ca", ca)
    return told


def test_one_that_fails_or_is_lost_holds_up_none_of_the_others(sent: list[Any]) -> None:
    lost, fault, refused = _Channel(2, "lost"), _Channel(3, "fault"), _Channel(9)
    puts = [(fault, 0.5), (_Channel(1), 1.5), (lost, 2.5), (refused, 3.5), (_Channel(4), 4.5)]
    failed = burst.send_numbers(puts)
    assert sent == [(1, 1.5), (9, 3.5), (4, 4.5), "flush"]
    assert [(pv, value, str(why)) for pv, value, why in failed] == [
        (fault, 0.5, "no context"),
        (refused, 3.5, "put is not taken"),
    ]


@pytest.mark.parametrize("state", ["lost", "fault"])
def test_where_nothing_could_be_sent_nothing_is_flushed(sent: list[Any], state: str) -> None:
    """A thread without a context of libca's would be given one of its own."""
    burst.send_numbers([(_Channel(1, state), 1.0)])
    assert sent == []
