"""Foreign text on its way to a log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from instruments.errors import Refused
from iocs.records import Database, Put
from iocs.supervision.put_log import PutLog
from iocs.words.escaping import EscapingFormatter, escaped
from pvdb.records import choice

NASTY = [
    "two\nlines",
    "a\rreturn",
    "clear\x1b[2J the screen",
    "title\x1b]0;owned\x07",
    "c1\x9b31m",
    "next\x85line",
    "para\u2029graph",
    "right\u202eto left",
    "zero\u200bwidth",
    "nul\0",
    "lone\ud800half",
    "no\u00a0break",
]


@pytest.mark.parametrize("text", NASTY)
def test_what_is_not_printable_is_written_out(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    assert "\\" in shown
    assert shown.encode("ascii").decode("unicode_escape") == text


def test_printable_text_stays_as_it_is() -> None:
    for text in ("", "VNA:Center = 99 MHz", "µW, Ω, Grüße, 単位", r"LAB\ann"):
        assert escaped(text) == text


def test_long_text_is_cut_and_says_so() -> None:
    assert escaped("x" * 1000, 10) == "xxxxxxxxxx... (990 more characters)"


def logged(act: object) -> list[str]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EscapingFormatter("%(levelname)s %(message)s"))
    log = logging.Logger("test")
    log.addHandler(handler)
    act(log)  # type: ignore[operator]
    return stream.getvalue().splitlines()


def test_a_message_is_one_line() -> None:
    lines = logged(lambda log: log.warning("by %s", "eve\nERROR forged\x1b[2J"))
    assert lines == [r"WARNING by eve\nERROR forged\x1b[2J"]


def test_no_line_of_a_traceback_looks_like_a_message() -> None:
    def act(log: logging.Logger) -> None:
        try:
            raise ValueError("eve\nERROR forged\n\x1b[2J")
        except ValueError:
            log.exception("failed")

    first, *rest = logged(act)
    assert first == "ERROR failed"
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_the_put_log_is_one_short_line_of_json_a_put(tmp_path: Path) -> None:
    log = PutLog(tmp_path, lambda: 0.0, lambda: 0.0)
    client = "eve\n{}\x1b[2J@here"
    values = [
        "x\n\x1b" * 10**6, b"\x1b\n", ["a\n", "b"] * 9, np.arange(10.0), float("nan"), np.inf, 1.5
    ]  # fmt: skip
    for value in values:
        log([Put("A", 1.0, value, client, "127.0.0.1:1", "no\nmore")])
    log.close()
    text = (tmp_path / "puts.log").read_text()
    lines = text.splitlines()
    assert len(lines) == len(values)
    assert all(len(line) < 3000 and line.isprintable() and line.isascii() for line in lines)
    entries = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [entry["new"] for entry in entries[2:]] == [
        "array of 18", "array of 10", "nan", "inf", 1.5
    ]  # fmt: skip
    assert all(entry["client"].isprintable() for entry in entries)


def test_a_refusal_that_quotes_a_client_is_told_to_others_escaped() -> None:
    def refuse(index: int) -> None:
        raise Refused("because\x1b[2J\nof you")

    record = choice("S", lambda: 0, refuse, "State", ("Off", "On"))
    database = Database([record], "T:")

    async def story() -> None:
        with pytest.raises(Refused):
            await database.put("S", 1)

    asyncio.run(story())
    assert database.refusal == r"because\x1b[2J\nof you"
    assert database["S"].alarm.alarm_string == r"because\x1b[2J\nof you"
