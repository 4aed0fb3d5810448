"""The retrieval routes of the EPICS archiver appliance, over our history.

``GET /retrieval/data/getData.json?pv=NAME&from=TIME&to=TIME``, as the appliance's user guide has it
(https://epicsarchiver.readthedocs.io): PyDM's archiver widgets and the pages read it; Phoebus' data
browser reads ``getData.raw`` and searches by ``/retrieval/bpl/searchForPVsRegex``. ``pv`` may be
``optimized_N(NAME)`` (mean, deviation, least, largest and number of each of N bins) or
``mean_N(NAME)`` (the mean of each bin of N seconds), ``nth_N(NAME)`` (every Nth sample),
``ncount(NAME)`` (how many there are).
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, Final

from tornado.web import Application, HTTPError, MissingArgumentError, RequestHandler

from cryohalo.history.raw import chunks
from cryohalo.history.store import LOST, MICRO, HistoryError, Sample, read_only
from cryohalo.processes.access import refused

__all__ = ["MOST_SAMPLES", "application", "data"]

#: What one answer may hold, 60 MB of JSON; ``optimized_1000(NAME)`` asks for less.
MOST_SAMPLES: Final = 500_000
_MOST_BINS: Final = 100_000
_OPERATOR: Final = re.compile(r"(optimized|mean|nth|ncount)(?:_([0-9]{1,9}))?\((.{1,80})\)")
_LONGEST_PATTERN: Final = 200
_TOKEN: Final = re.compile(r"\.\*|\\.|.")
_OF_A_PATTERN: Final = re.compile(r"\^?((?:\.\*|\.|\\[.:_+-]|[A-Za-z0-9_:;<>+-])*)\$?")
_DEFAULT_SIZE: Final = {"optimized": 1000, "mean": 900, "nth": 1, "ncount": 1}
_NANO_IN_MICRO: Final = 1000


class TooManyError(ValueError):
    """More samples than an answer may hold."""


def application(history: Path) -> Application:
    """The web application over one history."""
    routes = [
        (r"/retrieval/data/getData\.(json|raw)", _Data, {"history": history}),
        (r"/retrieval/bpl/searchForPVsRegex", _Search, {"history": history}),
        (r"/retrieval/bpl/getMatchingPVs", _Names, {"history": history}),
    ]
    return Application(routes, log_function=lambda _: None)


class _Base(RequestHandler):
    def initialize(self, history: Path) -> None:
        """Take what the application was made with."""
        self.history = history

    def prepare(self) -> None:
        """Refuse what does not come from this computer's own programs and pages."""
        if code := refused(self.request.host, self.request.headers.get("Origin")):
            raise HTTPError(code)

    async def _tell(self, work: Callable[[], bytes], kind: str = "application/json") -> None:
        try:
            body = await asyncio.to_thread(work)
        except TooManyError as error:
            self._refuse(413, error)
            return
        except HistoryError as error:
            self._refuse(404, error)
            return
        self.set_header("Content-Type", kind)  # PyDM compares it as a whole
        await self.finish(body)

    def write_error(self, status_code: int, **more: Any) -> None:
        """Say why a request is refused, in the form of all other refusals."""
        why = more.get("exc_info", (None, None, None))[1]
        said = why.log_message if isinstance(why, MissingArgumentError) else None
        self._refuse(status_code, said or self._reason)

    def _refuse(self, code: int, why: object) -> None:
        self.set_status(code)
        self.finish({"error": str(why)})


class _Data(_Base):
    async def get(self, form: str) -> None:
        """Samples of one variable, as ``json`` or ``raw``."""
        try:
            asked = self.get_query_argument("pv")
            begin_us, end_us = (_moment(self.get_query_argument(k)) for k in ("from", "to"))
            size, name, operator = _parsed(asked)
        except ValueError as error:
            self._refuse(400, error)
            return

        def work() -> bytes:
            (told,) = data(self.history, name, begin_us, end_us, operator, size)
            return _raw(self.history, told, operator) if form == "raw" else _json([told])

        kind = "application/octet-stream" if form == "raw" else "application/json"
        await self._tell(work, kind)


class _Names(_Base):
    async def get(self) -> None:
        """Names that begin with ``pv``, which may end with ``*``."""
        begins = self.get_query_argument("pv", "*").removesuffix("*")
        await self._tell(lambda: json.dumps(_matching(self.history, begins)).encode())


class _Search(_Base):
    async def get(self) -> None:
        """Names that match ``regex`` as a whole, one a line, as Phoebus asks for them."""
        try:
            pattern = _pattern(self.get_query_argument("regex", ".*"))
        except ValueError as error:
            self._refuse(400, error)
            return

        def work() -> bytes:
            found = fnmatch.filter(_matching(self.history, ""), pattern)
            return "".join(f"{name}\n" for name in found).encode()

        await self._tell(work, "text/plain")


def _pattern(regex: str) -> str:
    """The shell's pattern for an expression such as Phoebus makes; others could take for ever.

    Raises:
        ValueError: It is another expression.
    """
    found = _OF_A_PATTERN.fullmatch(regex[:_LONGEST_PATTERN])
    if found is None:
        raise ValueError(f"{regex!r}: only characters, . and .* can be searched for")
    tokens = _TOKEN.findall(found[1])
    return "".join({".*": "*", ".": "?"}.get(token, token[-1]) for token in tokens)


def _json(told: object) -> bytes:
    return json.dumps(told).encode()


def _raw(history: Path, told: dict[str, Any], operator: str) -> bytes:
    """The same in the appliance's binary form."""
    name = told["meta"]["name"]
    with read_only(history) as reader:
        kind = "number" if operator == "ncount" else reader.properties(name)[0]
    headers = {key: told["meta"][key] for key in ("EGU", "PREC") if told["meta"][key]}
    return b"".join(chunks(name, kind, headers, told["data"]))


def _matching(history: Path, begins: str) -> list[str]:
    with read_only(history) as reader:
        return [name for name in reader.names() if name.startswith(begins)]


def _parsed(asked: str) -> tuple[int, str, str]:
    found = _OPERATOR.fullmatch(asked)
    if found is None:
        return 0, asked, ""
    operator, size, name = found.groups()
    number = int(size) if size else _DEFAULT_SIZE[operator]
    if not number or (operator == "optimized" and number > _MOST_BINS):
        raise ValueError(f"{operator}_{number}: 1 to {_MOST_BINS}")
    return number, name, operator


def _moment(text: str) -> int:
    """Microseconds of the epoch of an ISO time; one without a zone is UTC."""
    try:
        # A "+" that was not escaped comes as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+", 1) if "T" in text else text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-11-27T12:00:00.000Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * MICRO)


def data(
    history: Path, name: str, begin_us: int, end_us: int, operator: str = "", size: int = 0
) -> list[dict[str, Any]]:
    """What the route answers.

    Args:
        history: The file.
        name: The variable.
        begin_us: From when, microseconds of the epoch; the last sample before comes first.
        end_us: Up to when.
        operator: ``""``, ``"optimized"``, ``"mean"``, ``"nth"`` or ``"ncount"``.
        size: The N of the operator.

    Raises:
        HistoryError: The variable is not recorded.
        TooManyError: There are more than ``MOST_SAMPLES``.
    """
    with read_only(history) as reader:
        kind, properties = reader.properties(name)
        points = _points(reader.samples(name, begin_us, end_us))
        told = points
        if operator == "nth":
            told = islice(points, 0, None, size)
        elif operator == "ncount":
            told = _counted(points, begin_us)
        elif operator and kind == "number":
            width = size * MICRO if operator == "mean" else max(1, (end_us - begin_us) // size)
            told = _binned(points, begin_us, width, operator)
        found = []
        for point in told:
            found.append(point)
            if len(found) > MOST_SAMPLES:
                less = f"ask for less time, or for optimized_1000({name})"
                raise TooManyError(f"more than {MOST_SAMPLES} samples: {less}")
    meta = {"name": name, "EGU": properties.units, "PREC": str(properties.precision)}
    if properties.states:
        meta |= {f"ENUM_{i}": state for i, state in enumerate(properties.states)}
    return [{"meta": meta, "data": found}]


def _points(samples: Iterable[Sample]) -> Iterator[dict[str, Any]]:
    """Samples that have a value; the first after a loss tells when it was lost."""
    lost_us: int | None = None
    for sample in samples:
        if sample.severity == LOST:
            lost_us = sample.time_us
            continue
        if sample.value is None:
            continue
        point: dict[str, Any] = {
            "secs": sample.time_us // MICRO,
            "val": sample.value,
            "nanos": sample.time_us % MICRO * _NANO_IN_MICRO,
            "severity": sample.severity,
            "status": sample.status,
        }
        if lost_us is not None:
            regained = str(sample.time_us // MICRO)
            lost = str(lost_us // MICRO)
            point["fields"] = {"cnxlostepsecs": lost, "cnxregainedepsecs": regained}
            lost_us = None
        yield point


def _counted(points: Iterable[dict[str, Any]], begin_us: int) -> Iterator[dict[str, Any]]:
    """One point: how many there are."""
    count = float(sum(1 for _ in points))
    yield {"secs": begin_us // MICRO, "val": count, "nanos": 0, "severity": 0, "status": 0}


def _binned(
    points: Iterable[dict[str, Any]], begin_us: int, width_us: int, operator: str
) -> Iterator[dict[str, Any]]:
    """One point for each bin that has samples; what was before the begin is in the first."""

    def bin_of(point: dict[str, Any]) -> int:
        time_us = point["secs"] * MICRO + point["nanos"] // _NANO_IN_MICRO
        return max(0, (time_us - begin_us) // width_us)

    for number, members in groupby(points, key=bin_of):
        group = list(members)
        values = [point["val"] for point in group]
        middle_us = begin_us + number * width_us + width_us // 2
        yield {
            "secs": middle_us // MICRO,
            "val": fmean(values) if operator == "mean" else _statistics(values),
            "nanos": middle_us % MICRO * _NANO_IN_MICRO,
            "severity": max(point["severity"] for point in group),
            "status": 0,
        }


def _statistics(values: Sequence[float]) -> list[float]:
    """Mean, standard deviation, least, largest, number: what the appliance gives."""
    return [fmean(values), pstdev(values), min(values), max(values), len(values)]
