"""A step of a scan in process: messages of the plan, steps of the machine, documents."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from bluesky import RunEngine

from plans.haloscope.scan import scan
from tests.plans.conftest import RE, documents, haloscope

__all__ = ["RE", "documents", "haloscope"]

STEPS, WARM_UP = 10, 4
#: Measured on 2026-11-28, the same in every run: 37.7 and 15.5.
MOST_MESSAGES, MOST_MACHINE_STEPS = 41.0, 18.0


def test_a_step_in_messages_and_steps_of_the_machine(
    RE: RunEngine, haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Counter[str] = Counter()
    machine = haloscope.bench.machine
    stock = machine.step

    def step(dt_s: float) -> None:
        found["machine"] += 1
        stock(dt_s)

    frequencies = [1100.0 + 0.01 * number for number in range(WARM_UP + STEPS)]
    RE(scan(haloscope, frequencies[:WARM_UP], averages=100))
    monkeypatch.setattr(machine, "step", step)
    RE.msg_hook = lambda message: found.update([f"message {message.command}"])
    RE(scan(haloscope, frequencies[WARM_UP:], averages=100))
    messages = sum(count for name, count in found.items() if name.startswith("message"))
    assert 1.0 < messages / STEPS <= MOST_MESSAGES
    assert 1.0 < found["machine"] / STEPS <= MOST_MACHINE_STEPS
    assert found["message create"] == found["message save"] == STEPS
