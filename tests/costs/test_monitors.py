"""What a monitor tells, in calls of all functions: what is spared is ophyd's, which is pinned."""

from __future__ import annotations

from functools import partial
from typing import Any

from devices.signals.reading import Readback
from tests.costs.counting import EVERYWHERE, calls
from tests.plans.devices.test_monitors import told

#: Measured on 2026-11-28 without anybody who watches; ophyd's own makes 23.
CALLS_OF_A_MONITOR = 4


def test_what_a_monitor_tells_is_kept_in_a_few_calls() -> None:
    signal: Any = Readback("X", name="x", auto_monitor=True)
    signal._read_changed(1.0, **told())
    found = calls(partial(signal._read_changed, 2.0, **told()), EVERYWHERE)
    counting = calls(int, EVERYWHERE)
    assert signal._readback == 2.0
    assert 0 < found - counting <= CALLS_OF_A_MONITOR
    signal.destroy()
