"""A step of a scan in process: messages of the plan, steps of the machine, documents."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from bluesky import RunEngine

from plans.haloscope.scan import scan
from plans.haloscope.setting_up import check, check_all, check_angles
from tests.costs.counting import calls
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


def test_a_band_of_many_targets_is_checked_at_the_cost_of_a_few(haloscope: Any) -> None:
    def cost(count: int) -> int:
        targets = [1100.0 + 0.01 * number for number in range(count)]
        return calls(lambda: check_all(haloscope, [(target, 5000) for target in targets]))

    cost(2)  # what is worked out once
    assert 0 < cost(1000) == cost(10)


@pytest.mark.parametrize("wrong", [(9999.0, 5000), (1100.05, 10**9), (1100.05, "many")])
@pytest.mark.parametrize("place", [0, 5, 10])
def test_the_first_target_that_is_refused_is_told(haloscope: Any, wrong: Any, place: int) -> None:
    steps: list[Any] = [(1100.0 + 0.01 * number, 5000) for number in range(11)]
    steps[place:place] = [wrong, (1e6, 5000)]
    with pytest.raises((ValueError, TypeError)) as one_by_one:
        check(haloscope, *wrong)
    with pytest.raises(type(one_by_one.value)) as together:
        check_all(haloscope, steps)
    assert str(together.value) == str(one_by_one.value)


@pytest.mark.parametrize("wrong", [5000.5, float("nan"), True, None, "5000", 0, 10**9])
def test_averages_amid_good_ones_are_looked_at_too(haloscope: Any, wrong: Any) -> None:
    """5000.5 lies between two that are whole, and NaN is neither the least nor the most."""
    steps: list[Any] = [(1100.0, 1), (1100.05, wrong), (1100.1, 10_000)]
    with pytest.raises(ValueError, match="num_averages = "):
        check_all(haloscope, steps)


def test_of_no_targets_none_is_refused(haloscope: Any) -> None:
    check_angles(haloscope, [])
    check_all(haloscope, [])
