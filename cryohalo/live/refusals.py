"""Which errors a prompt tells in one line: a refusal in words is no fault of the program."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from instruments.printable import escaped

__all__ = ["log_no_failures", "refusal"]

_OURS: Final = frozenset(
    {"instruments", "amrr", "haloscope", "pvdb", "devices", "plans", "cryohalo"}
)
_LONGEST: Final = 2000
PAUSED: Final = (
    "paused. RE.resume() goes on, RE.abort('why') ends it as aborted, RE.stop() as done; "
    "both leave the instrument safe"
)


def refusal(error: BaseException, trace: TracebackType | None) -> list[str]:
    """The lines that tell an error; none for a fault, which wants its traceback.

    One line is enough for an error that the product's own rooms define, for one that they raised
    themselves (a plan's ``ValueError`` about its arguments), for a status that failed and for a
    plan that was interrupted. A note of the error is a line of its own.
    """
    from bluesky.utils import FailedStatus, RunEngineInterrupted

    if isinstance(error, RunEngineInterrupted):
        return [PAUSED]
    if isinstance(error, FailedStatus):
        return _lines(str(error.args[0]) if error.args else str(error), error)
    own = _room(type(error).__module__) in _OURS
    wrong = isinstance(error, ValueError | OSError | RuntimeError)
    if own or (wrong and not isinstance(error, NotImplementedError) and _ours(trace)):
        return _lines(f"{type(error).__name__}: {error}", error)
    return []


def _lines(text: str, error: BaseException) -> list[str]:
    return [escaped(line, _LONGEST) for line in (text, *getattr(error, "__notes__", ()))]


def _ours(trace: TracebackType | None) -> bool:
    """Whether the product's own code raised it."""
    names = list(_frames(trace))
    return bool(names) and _room(names[-1]) in _OURS


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next


def _room(module: str) -> str:
    return module.partition(".")[0]


class _Untold(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Run aborted")


_UNTOLD: Final = _Untold()


def log_no_failures() -> None:
    """Keep the RunEngine from logging a failed plan: the prompt tells it, once."""
    logging.getLogger("bluesky").addFilter(_UNTOLD)
