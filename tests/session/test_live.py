"""What a session shows: rows, numbers, progress, holds; and that showing ends nothing."""

from __future__ import annotations

import io
import json
import logging
import math
import re
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted
from ophyd import Component as Cpt
from ophyd import Device, Signal
from ophyd.sim import det, motor
from ophyd.status import wait
from rich.console import Console

from cryohalo.live import bars as bars_module
from cryohalo.live.bars import Bars, Lines, Step, expected_end, following
from cryohalo.live.display import Display, shower
from cryohalo.live.json_lines import plain_json
from cryohalo.live.numbers import duration, format_of
from cryohalo.live.table import Table
from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.waiting.watch import Watch


@pytest.fixture
def engine() -> Iterator[RunEngine]:
    made = make_run_engine()
    yield made
    close_run_engine(made)


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)


def said(where: Console) -> str:
    assert isinstance(where.file, io.StringIO)
    return where.file.getvalue()


NUMBERS = [
    (1.09981e9, "Hz", None, "1099.810000 MHz"),
    (1099.9999866, "MHz", None, "1099.999987 MHz"),
    (4.2e6, "kHz", 3, "4200.000000 MHz"),
    (26.49179, "Hz", None, "26.4918 Hz"),
    (188.10033824, "kHz", None, "188.1 kHz"),
    (35911.91183925983, "", None, "35911.9"),
    (0.025125, "K", 5, "0.02513 K"),
    (3.2e-17, "W", 3, "3.2e-17 W"),
    (12.0, "T", 4, "12.0000 T"),
    (np.int64(5000), "", None, "5000"),
    (np.float64(0.5), "s", None, "0.5 s"),
    (float("nan"), "K", 3, "- K"),
    ("Cavity", "", None, "Cavity"),
    (True, "", None, "True"),
    ("a\x1b[2Jb", "", None, r"a\x1b[2Jb"),
]


@pytest.mark.parametrize(("value", "unit", "precision", "shown"), NUMBERS)
def test_numbers_are_shown_as_a_person_reads_them(
    value: Any, unit: str, precision: int | None, shown: str
) -> None:
    assert format_of(value, unit, precision).told(value) == shown


LENGTHS = [(42.2, "42 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (273600, "3 d 04 h")]


@pytest.mark.parametrize(("seconds", "shown"), LENGTHS)
def test_lengths_of_time_are_words(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


class Receiver(Device):
    """Reads as a scan's devices do: a frequency in Hz, an array, a text."""

    frequency = Cpt(Signal, value=1.09981e9, kind="hinted")
    spectrum = Cpt(Signal, value=np.zeros(7), kind="normal")
    path = Cpt(Signal, value="Weak", kind="hinted")

    def describe(self) -> Any:
        found = super().describe()
        found[self.frequency.name]["units"] = "Hz"
        return found


def test_a_row_for_each_event_with_units_and_without_arrays(engine: RunEngine) -> None:
    lines: list[str] = []
    engine(bp.count([Receiver(name="halo")], num=3), Table(lines.append))
    first, names, units, *rows, last = lines
    assert first.startswith("count, scan 1, run ")
    assert names.split() == ["#", "time", "frequency", "path"]
    assert units.split() == ["primary", "MHz"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert all(row.endswith("1099.810000       Weak") for row in rows)
    assert last == "success; events: 3 primary"


def test_rows_fit_a_narrow_terminal(engine: RunEngine) -> None:
    lines: list[str] = []
    engine(bp.count([Receiver(name="halo")]), Table(lines.append, width=30))
    assert "path" not in lines[1]
    assert max(map(len, lines[1:-1])) <= 30


def test_the_reason_of_a_failure_stands_at_the_end(engine: RunEngine) -> None:
    def plan() -> Any:
        yield from bps.null()
        raise ValueError("too\nwarm")

    lines: list[str] = []
    with pytest.raises(ValueError, match="too"):
        engine(bp.bpp.run_wrapper(plan()), Table(lines.append))
    assert lines[-1] == r"fail: too\nwarm; events: none"


def test_the_end_is_expected_by_what_is_done_and_before_by_what_the_plan_said() -> None:
    clock = Clock()
    step = Step("scan", total=20, expected_s=400.0, clock=clock)
    clock.now = 100.0
    assert step.remaining_s == pytest.approx(300.0)
    step.advanced(10)
    assert step.remaining_s == pytest.approx(100.0)
    clock.now = 150.0
    assert step.remaining_s == pytest.approx(50.0)
    assert step.words().startswith("10 of 20, 2 min 30 s, ends ")
    assert expected_end(1e300) == expected_end(float("nan")) == ""
    assert " " in expected_end(86_400.0).removeprefix("ends ")  # another day is named


def test_what_comes_slower_and_slower_is_expected_at_its_pace_of_late() -> None:
    """A temperature falls to 1 of 100 K exponentially: after 4.6 time constants."""
    clock = Clock()
    step = Step("stage", total=1.0, clock=clock)
    left = []
    for second in range(1, 400):
        clock.now = float(second)
        kelvin = 100.0 * math.exp(-second / 100.0)
        step.advanced(1.0 - (kelvin - 1.0) / 99.0)
        left.append(step.remaining_s)
    ends = [second + remaining for second, remaining in enumerate(left, 1)]
    assert ends[299] > 350.0  # by its mean pace 306 s
    assert ends[-1] > 425.0
    assert all(end < 461.0 for end in ends)  # and never later than it does


def test_an_end_that_nobody_knows_is_told_as_such() -> None:
    clock = Clock()
    assert Step("a plan", clock=clock).words() == "0 s, its end is not known"
    waits = Step("a coil", clock=clock, latest_s=600.0)
    clock.now = 5.0
    assert waits.words().startswith("5 s, at the latest ")


def test_a_value_that_is_waited_for_is_followed_to_its_goal() -> None:
    signal = Signal(name="coil_temperature", value=9.0)
    step = Step("coil")
    status = Watch(signal, lambda kelvin: kelvin < 4.0, 20.0, goal=4.0, run=False)
    assert (status.latest_s, status.expected_s) == (20.0, None)
    status.watch(following(step))
    for kelvin in (9.0, 6.0):
        status.check_value(value=kelvin)
    assert step.fraction == pytest.approx(0.6)
    assert step.note == "6 of 4"
    signal.put(3.9)
    wait(status, 20.0)
    told: list[Any] = []
    other = Watch(signal, lambda kelvin: kelvin < 1.0, 20.0)
    other.watch(lambda **what: told.append(what))
    signal.put(0.5)
    wait(other, 20.0)
    assert not [what for what in told if "target" in what]  # where it goes nobody has said


def test_what_tells_nothing_by_itself_is_told_of_too() -> None:
    clock, lines = Clock(), []
    shown = Lines(lines.append, clock)
    plan, coil = Step("recover", clock=clock), Step("a coil", clock=clock, latest_s=600.0)
    plan.alone = True
    shown.add(coil)
    shown.add(plan)
    clock.now = 11.0
    shown.look()
    shown.remove(coil)
    clock.now = 22.0
    shown.look()
    assert lines[0].startswith("a coil: 11 s, at the latest ")
    assert lines[1:] == ["recover: 22 s, its end is not known"]


def test_a_plan_that_was_rehearsed_has_an_expected_end(
    engine: RunEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bars_module, "SHOWN_AFTER_S", 0.0)
    monkeypatch.setattr(bars_module, "LINE_EVERY_S", 0.0)
    where = console(terminal=False)
    shows = shower("live", where, expected_s=3600.0)
    display = Display(engine, shows)

    def plan() -> Any:
        yield from bps.null()
        shows._bars.look()

    engine(plan())
    display.close()
    assert re.search(r"plan: 0 s, ends \S+", said(where))


def test_a_move_tells_where_it_is() -> None:
    clock = Clock()
    step = Step("haloscope_rod", clock=clock)
    clock.now = 3.0
    follow = following(step)
    follow(name="rod", current=31.0, initial=30.0, target=34.0, unit="deg", precision=5,
           fraction=0.75, time_elapsed=3.0)  # fmt: skip
    assert step.remaining_s == pytest.approx(9.0)
    assert step.words().startswith("31.00000 of 34.00000 deg, 3 s, ends ")
    follow(name="rod", fraction=None)
    assert step.fraction == 0.25


def test_bars_show_what_lasts_and_leave_what_does_not() -> None:
    clock, where = Clock(), console(terminal=True)
    shown = Bars(where)
    short, long = Step("a put", clock=clock), Step("a scan", total=4, clock=clock)
    for step in (short, long):
        shown.add(step)
    clock.now = 1.0
    assert not list(shown._bars.get_renderables())
    clock.now = 5.0
    shown.remove(short)
    long.advanced(1)
    (table,) = shown._bars.get_renderables()
    where.print(table)
    assert "a scan" in said(where)
    assert "1 of 4" in said(where)
    assert "a put" not in said(where)


def test_without_a_terminal_a_line_now_and_then() -> None:
    clock, lines = Clock(), []
    shown = Lines(lines.append, clock)
    step = Step("scan", total=40, clock=clock)
    shown.open()
    for second in range(1, 35):
        clock.now = float(second)
        step.advanced(second)
        shown.update(step)
    assert [line[:15] for line in lines] == [
        "scan: 10 of 40,",
        "scan: 20 of 40,",
        "scan: 30 of 40,",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_shown_of_a_run(
    engine: RunEngine, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bars_module, "SHOWN_AFTER_S", 0.0)
    where = console(terminal=terminal)
    display = Display(engine, shower("live", where))
    engine(bp.scan([det], motor, 0, 1, 3))
    display.close()
    assert "success; events: 3 primary" in said(where)
    assert ("\x1b[" in said(where)) == terminal
    assert engine.waiting_hook is None
    assert engine.state_hook is None
    assert not vars(engine).get("_waiting")


@pytest.mark.parametrize("part", ["document", "waiting", "state", "held"])
def test_a_fault_in_showing_ends_no_plan(
    engine: RunEngine, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    shows = shower("quiet", console(terminal=False))

    def broken(*_: Any) -> None:
        raise BrokenPipeError("the terminal is gone")

    setattr(shows, part, broken)
    display = Display(engine, shows)

    def plan() -> Any:
        yield from bp.scan([det], motor, 0, 1, 3)
        display._held(justification="warm") if part == "held" else None

    with caplog.at_level(logging.WARNING, "cryohalo.live"):
        if part == "held":
            engine.request_suspend = lambda *_, **__: None  # type: ignore[method-assign]
            display._suspend = engine.request_suspend
        assert engine(plan()).exit_status == "success"
    display.close()
    told = [record.message for record in caplog.records if record.name == "cryohalo.live"]
    assert set(told) == {"not shown: BrokenPipeError the terminal is gone"}


def test_json_lines_say_what_happens_without_arrays(engine: RunEngine) -> None:
    where = console(terminal=False)
    display = Display(engine, shower("json", where))
    engine(bp.count([Receiver(name="halo")]))
    display.close()
    told = [json.loads(line) for line in said(where).splitlines()]
    kinds = [one["what"] for one in told]
    assert kinds == ["state", "start", "event", "stop", "state", "state"]
    assert told[2]["data"]["halo_spectrum"] == {"array": [7]}
    assert told[2]["stream"] == "primary"
    assert told[3]["stop"]["exit_status"] == "success"


def test_anything_has_a_form_in_json() -> None:
    given = {"a": np.float64("nan"), 3: (np.bool_(True), {1}), "o": object, "n": np.array(2.5)}
    found = plain_json(given)
    assert json.loads(json.dumps(found))["3"] == [True, [1]]
    assert (found["a"], found["n"]) == (None, 2.5)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no mode 'loud': live, quiet, json"):
        shower("loud", console(terminal=False))


@pytest.mark.parametrize("reason", ["bye", ""])
def test_the_reason_of_an_abort_is_in_the_stop_document(engine: RunEngine, reason: str) -> None:
    stops: list[dict[str, Any]] = []

    @bp.bpp.run_decorator()
    def plan() -> Any:
        yield from bps.checkpoint()
        yield from bps.pause()

    engine.subscribe(lambda _, document: stops.append(document), "stop")
    with pytest.raises(RunEngineInterrupted):
        engine(plan())
    engine.abort(reason)
    assert (stops[0]["exit_status"], stops[0]["reason"]) == ("abort", reason)
