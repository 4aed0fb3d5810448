"""What a plan returned is told in lines that nobody needs Python to read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

from cryohalo.live.value_lines import MOST_LINES, MOST_NUMBERS, value_lines


@dataclass(frozen=True)
class _Fit:
    loaded_q: float
    good: bool
    trace: Any


class _Sayer:
    def __str__(self) -> str:
        return "scan: 3 targets\ttaken"


class _Failing:
    def __str__(self) -> str:
        raise OSError("gone")


class _Pair(NamedTuple):
    mhz: float
    of: int


_Choice = Enum("_Choice", {"LOW": 1})
_Number = IntEnum("_Number", {"LOW": 1})
_Flags = IntFlag("_Flags", {"ONE": 1, "TWO": 2})
_Text = StrEnum("_Text", {"LOW": "lowest"})


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (None, ["none"]),
        (1.1e9 / 3.0, ["366666667"]),
        (np.float64(0.1) + 0.2, ["0.3"]),
        (12345678901, ["12345678901"]),
        (np.int64(7), ["7"]),
        (float("nan"), ["nan"]),
        (True, ["yes"]),
        ([], ["none"]),
        ({}, ["none"]),
        ([1.5, None, "a"], ["1.5, none, a"]),
        (np.zeros((3, 4)), ["an array of 3 x 4"]),
        (np.array(2.5), ["2.5"]),
        (_Sayer(), ["scan: 3 targets\\ttaken"]),
        ({"q": 3.0, "of": {"a": 1, "b": [1, 2]}}, ["q: 3", "of:", "  a: 1", "  b: 1, 2"]),
        (
            _Fit(30000.0, False, np.zeros(5)),
            ["loaded_q: 30000", "good: no", "trace: an array of 5"],
        ),
        ([(1.0, 2), (3.0, 4)], ["1: 1, 2", "2: 3, 4"]),
        ({"found": [{"mhz": 1.0}]}, ["found:", "  1:", "    mhz: 1"]),
        ({"evil\nname": "a\x1b[2Jb"}, ["evil\\nname: a\\x1b[2Jb"]),
        (np.int64(2**62 + 1), ["4611686018427387905"]),
        (np.array(2**62 + 1), ["4611686018427387905"]),
        (np.array("a\nb"), ["a\\nb"]),
        (np.array(None), ["none"]),
        (np.array(1 + 2j), ["(1+2j)"]),
        (np.array(True), ["yes"]),
        (np.ma.masked, ["none"]),
        (_Choice["LOW"], ["LOW"]),
        (_Number["LOW"], ["LOW"]),
        (_Flags(3), ["ONE|TWO"]),
        (_Text["LOW"], ["lowest"]),
        ({2, 10, 1}, ["1, 2, 10"]),
        ({"x": {"b\nc", 1}}, ["x: 1, b\\nc"]),
        (frozenset(), ["none"]),
        (_Pair(2.5, 3), ["mhz: 2.5", "of: 3"]),
        ({"best": [_Pair(2.5, 3)]}, ["best:", "  1:", "    mhz: 2.5", "    of: 3"]),
        (Fraction(10**400), ["a value of Fraction that cannot be told"]),
        ({"n": 10**5000, "m": 1}, ["n: a value of int that cannot be told", "m: 1"]),
        (_Failing(), ["a value of _Failing that cannot be told"]),
    ],
)
def test_a_value_is_told_by_names_and_numbers(value: Any, lines: list[str]) -> None:
    assert list(value_lines(value)) == lines


def test_of_much_the_first_is_told_and_how_much_there_is() -> None:
    (line,) = value_lines(list(range(1000)))
    assert line.startswith("0, 1, 2, ")
    assert line.endswith(f", {MOST_NUMBERS - 1}, ... (1000 in all)")
    *told, last = value_lines({f"step {number}": number for number in range(MOST_LINES + 9)})
    assert len(told) == MOST_LINES
    assert last == "... and 9 more lines"


def test_what_holds_itself_or_is_very_deep_ends() -> None:
    loop: dict[str, Any] = {"a": 1}
    loop["me"] = loop["too"] = loop
    assert list(value_lines(loop)) == ["a: 1", "me:", "  ...", "too:", "  ..."]
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    *_, last = value_lines(deep)
    assert last.strip() == "..."
