"""The logic of interlocks: when they act, what they tell, what they hold back."""

from __future__ import annotations

import logging

import pytest

from instruments.control.interlocks import Interlock, Interlocks
from instruments.errors import Refused


def test_an_interlock_acts_once_and_again_after_its_reason_has_gone() -> None:
    reason, acts = [""], []
    locks = Interlocks([Interlock("one", lambda: reason[0], lambda: acts.append(1))])
    for reason[0] in ("", "hot", "hot", "", "hot"):
        locks.check()
    assert len(acts) == 2
    assert locks.reason() == "hot"


def test_an_interlock_that_fails_keeps_no_other_from_acting_and_is_tried_again() -> None:
    acts: list[str] = []
    broken = [True]

    def act() -> None:
        if broken[0]:
            raise OSError("the valve does not answer")
        acts.append("first")

    def no_reading() -> str:
        if broken[0]:
            raise ValueError("no reading")
        return ""

    locks = Interlocks(
        [
            Interlock("first", lambda: "hot", act),
            Interlock("blind", no_reading),
            Interlock("last", lambda: "hot", lambda: acts.append("last")),
        ]
    )
    with pytest.raises(OSError, match="the valve"):
        locks.check()
    assert acts == ["last"]
    broken[0] = False
    locks.check()
    locks.check()
    assert acts == ["last", "first"]


def test_a_latched_interlock_tells_its_reason_until_reset() -> None:
    reason = ["hot"]
    locks = Interlocks([Interlock("one", lambda: reason[0], latched=True)])
    locks.check()
    locks.reset()
    assert locks.reason() == "hot", "still there: no reset"
    reason[0] = ""
    locks.check()
    assert locks.reason() == "hot"
    locks.reset()
    assert locks.reason() == ""


def test_a_reset_asks_whether_the_reason_is_there_now() -> None:
    reason, acts = ["hot"], []
    locks = Interlocks(
        [Interlock("one", lambda: reason[0], lambda: acts.append(reason[0]), latched=True)]
    )
    locks.check()
    reason[0] = ""
    locks.reset()  # with no check in between
    assert locks.reason() == ""
    reason[0] = "hot again"
    locks.check()
    assert acts == ["hot", "hot again"]


def test_a_reset_of_one_leaves_the_others() -> None:
    reason = ["hot"]
    locks = Interlocks([Interlock(n, lambda: reason[0], latched=True) for n in ("one", "two")])
    locks.check()
    reason[0] = ""
    locks.reset("one")
    assert (locks.reason_of("one"), locks.reason_of("two")) == ("", "hot")


def test_a_reset_does_not_take_the_act_from_a_reason_that_no_step_has_seen() -> None:
    reason, acts = ["hot"], []
    locks = Interlocks([Interlock("one", lambda: reason[0], lambda: acts.append(1))])
    locks.reset()
    locks.check()
    assert acts == [1]


def test_an_interlock_restrains_while_its_reason_is_there() -> None:
    reason, written = ["hot"], []
    locks = Interlocks([Interlock("one", lambda: reason[0], restrains=("Valve",), latched=True)])
    write = locks.guarded("Valve", written.append)
    with pytest.raises(Refused, match="Valve: hot"):
        write(1)
    assert locks.reason_against("Pump") == ""
    reason[0] = ""
    write(2)
    assert written == [2]


def test_a_guarded_write_returns_what_the_write_returns() -> None:
    assert Interlocks([]).guarded("Valve", lambda value: 2 * value)(3) == 6


def test_what_is_no_fault_is_not_told_as_one(caplog: pytest.LogCaptureFixture) -> None:
    locks = Interlocks(
        [
            Interlock("busy", lambda: "digitizing", alarming=False),
            Interlock("one", lambda: "hot"),
            Interlock("two", lambda: "wet"),
        ]
    )
    with caplog.at_level(logging.WARNING):
        locks.check()
        locks.check()
    assert locks.reason() == "hot; wet"
    assert locks.reason_of("busy") == "digitizing"
    assert [record.getMessage() for record in caplog.records] == [
        "interlock one: hot",
        "interlock two: wet",
    ]


def test_a_reason_is_told_as_it_is_now() -> None:
    kelvin = [0.062]
    locks = Interlocks([Interlock("warm", lambda: f"{kelvin[0] * 1e3:.0f} mK", latched=True)])
    locks.check()
    kelvin[0] = 0.08
    locks.check()
    assert locks.reason() == "80 mK"
