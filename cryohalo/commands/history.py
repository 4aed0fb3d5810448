"""``cryohalo history`` and ``cryohalo alarms``: what was, and what somebody should have seen."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cryohalo.commands.control_room import ConfigOption
from cryohalo.commands.options import plain_console, tell

if TYPE_CHECKING:
    from cryohalo.history.alarms import Alarm
    from cryohalo.history.store import Gap, Reader

__all__ = ["app", "past"]

app = typer.Typer()
console = plain_console()

_UNITS: Final = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_AGO: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(s|m|min|h|d)")
_MICRO: Final = 1_000_000


def past(text: str) -> int:
    """A time as microseconds of the epoch: ``90s``, ``10m``, ``2h``, ``3d`` ago, or ISO 8601.

    A time without a zone is this computer's.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return round((time.time() - float(ago[1]) * _UNITS[ago[2]]) * _MICRO)
    try:
        return round(datetime.fromisoformat(text).timestamp() * _MICRO)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r}: 90s, 10m, 2h, 3d, or 2026-11-27T12:00") from None


SinceOption = Annotated[
    str, typer.Option(help="90s, 10m, 2h or 3d ago, or a time such as 2026-11-27T12:00.")
]


def _file(config: Path | None) -> Path:
    from cryohalo.configuration import read

    return read(config).values.history_file


@app.command()
def history(
    names: Annotated[
        list[str] | None, typer.Argument(help="Variables with their prefix; none: list them.")
    ] = None,
    since: SinceOption = "1h",
    until: Annotated[str, typer.Option(help="The same; now by default.")] = "0s",
    csv: Annotated[
        Path | None, typer.Option(help="Write a CSV file, or - for standard output.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write a Parquet file.")] = None,
    config: ConfigOption = None,
) -> None:
    """What a process variable was, as recorded by ``cryohalo up``."""
    from cryohalo.history.store import read_only

    begin, end = past(since), past(until)
    if begin >= end:
        raise typer.BadParameter(f"{since} is not before {until}", param_hint="--since")
    with read_only(_file(config)) as reader:
        if not names:
            for name in reader.names():
                console.print(name)
            return
        for name in names:
            reader.properties(name)  # before anything is written
        if csv is not None:
            _to_csv(reader, names, begin, end, csv)
        if parquet is not None:
            from cryohalo.history.export import write_parquet

            count = write_parquet(parquet, reader, names, begin, end)
            console.print(f"{count} samples: {parquet}")
        if csv is None and parquet is None:
            for name in names:
                for line in _lines(reader, name, begin, end):
                    console.print(line)


def _to_csv(reader: Reader, names: list[str], begin: int, end: int, path: Path) -> None:
    from cryohalo.history.export import write_csv

    of = {name: reader.properties(name)[1] for name in names}
    samples = (sample for name in names for sample in reader.samples(name, begin, end))
    to_screen = str(path) == "-"
    opened = nullcontext(sys.stdout) if to_screen else path.open("w", newline="")
    with opened as file:
        count = write_csv(file, samples, of)
    if not to_screen:
        console.print(f"{count} samples: {path}")


def _lines(reader: Reader, name: str, begin: int, end: int) -> Iterator[str]:
    """Samples and gaps in the order of time."""
    from cryohalo.history.alarms import severity_name, status_name
    from cryohalo.history.export import moment, value_text
    from cryohalo.history.store import LOST
    from instruments.printable import escaped

    kind, properties = reader.properties(name)
    gaps = reader.gaps(begin, end)
    yield f"{name} ({properties.units or kind})"
    for sample in reader.samples(name, begin, end):
        while gaps and gaps[0].began_us <= sample.time_us:
            yield _gap(gaps.pop(0))
        text = "lost" if sample.severity == LOST else escaped(value_text(sample, properties))
        alarm = "" if sample.severity in (0, LOST) else severity_name(sample.severity)
        words = (moment(sample.time_us), text, alarm, status_name(sample.status) if alarm else "")
        yield "  ".join(word for word in words if word)
    yield from map(_gap, gaps)


def _gap(gap: Gap) -> str:
    from cryohalo.history.export import moment

    return f"{moment(gap.began_us)}  nothing was recorded until {moment(gap.until_us)}"


@app.command()
def alarms(
    since: Annotated[
        str | None, typer.Option(help="All since then; else those that last or wait to be seen.")
    ] = None,
    ack: Annotated[
        list[int] | None, typer.Option(help="Say that this one was seen; may be repeated.")
    ] = None,
    ack_all: Annotated[bool, typer.Option("--ack-all", help="Say so of all.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """The log of alarms: which last, which nobody has acknowledged."""
    from dataclasses import asdict

    from cryohalo.history.alarms import acknowledge, alarms
    from cryohalo.history.store import read_only
    from cryohalo.provenance import operator

    file = _file(config)
    if ack or ack_all:
        now_us = round(time.time() * _MICRO)
        count = acknowledge(file, None if ack_all else ack, operator(), now_us)
        tell(f"{count} acknowledged")
    with read_only(file) as reader:
        found = alarms(reader, None if since is None else past(since))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        console.print(_alarm_line(one))
    if not found:
        console.print("no alarm lasts or waits to be acknowledged" if since is None else "none")


def _alarm_line(one: Alarm) -> str:
    from cryohalo.history.alarms import severity_name, status_name
    from cryohalo.history.export import moment
    from instruments.printable import escaped

    ended = "lasts" if one.ended_us is None else f"until {moment(one.ended_us)}"
    seen = "not acknowledged"
    if one.acknowledged_us:
        seen = f"seen by {escaped(one.who)} {moment(one.acknowledged_us)}"
    value = "" if one.value is None else f"= {escaped(one.value)}"
    kind = f"{severity_name(one.severity)} {status_name(one.status)}".rstrip()
    words = (str(one.id), moment(one.began_us), ended, f"{one.name} {value}".rstrip(), kind, seen)
    return "  ".join(words)
