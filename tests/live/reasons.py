"""Why our IOC answers some requests otherwise than EPICS base's softIoc 7.0.8."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from pvdb.records import Wire
from tests.live import dbr
from tests.live.cases import MONITOR, PLAIN_PUT, PUT, RECORDS, Case, Outcome
from tests.live.exchange import CLOSED, Reply

ALLOCMEM, BADTYPE, BADMASK, NOWTACCESS = 48, 114, 330, 376
PUTS: Final = (PUT, PLAIN_PUT)

REASONS: Final = {
    "words": "a refusal comes as an error message, because that carries the reason in words",
    "not cut off": "a request that cannot be met is an error; base cuts off the whole client",
    "monitor": "a monitor whose value cannot be told is refused; base keeps it and tells that of"
    " every update",
    "old get": "an old get of no elements of what cannot be told is an error; base sends nothing",
    "mask": "base answers a mask that asks for nothing as 'out of memory' and cuts the client off",
    "alarm limits": "alarm limits where there are none are infinite here, NaN or 0 in base: rule 2",
    "control limits": "control limits belong to setpoints: rule 3; base tells display limits for a"
    " reading, and 0..65535 for a switch",
    "limits clipped": "what does not fit an integer is sent as the type's end; base sends whatever"
    " the processor makes of it",
    "class name": "base fills the rest of an array of class names with what stands in its memory",
    "one value": "a put of no value or of several to a scalar is refused; base takes the first, or"
    " whatever it was",
    "too many elements": "a put of more elements than there is room for is refused; base cuts it",
    "no number": "an empty text put to a number or a state is refused; base takes it for 0",
    "not finite": "NaN and infinity are refused: no machine can do them",
    "not whole": "a number with decimals put to a whole number or state is refused; base cuts it",
    "out of range": "what does not fit is refused; base wraps it or cuts it",
    "no text": "a number put to a text is refused; base writes it out",
    "characters": "bytes put to a text are its characters; base writes out the number of the first",
    "time string": "base alone of all types with metadata does not take DBR_TIME_STRING",
    "rights first": "of two mistakes in one put, the missing right is told, not the unknown type",
}
"""Every difference that there is, and why it stays."""


def reasons(case: Case, base: Outcome, ours: Outcome) -> set[str]:
    """Keys of `REASONS` for every difference of two outcomes; "" for one that has none."""
    found: set[str] = set()
    if (base.opened, base.rights) != (ours.opened, ours.rights):
        found.add(_of_channel(case, base, ours))
        if base.opened is None or ours.opened is None:
            return found
    if case.command in PUTS and (case.record, dbr.native_of(min(case.kind, 38))) == ("lso", "CHAR"):
        return found | {"characters"}
    if dbr.NAMES[min(case.kind, 38)] == "TIME_STRING" and case.command == PLAIN_PUT:
        return found | {"time string"}
    if case.command in PUTS and base.accepted and not ours.accepted:
        return found | {_of_refusal(case)}
    if case.command == MONITOR and _refused_monitor(base.replies, ours.replies):
        return found | {"monitor"}
    for theirs, our in _pairs(base.replies, ours.replies):
        found |= _of_reply(case, theirs, our)
    for theirs, our in _pairs(base.after, ours.after):
        found |= _of_reply(case, theirs, our)
    return found


def _pairs(base: tuple[Reply, ...], ours: tuple[Reply, ...]) -> Iterator[tuple[Reply, Reply]]:
    for theirs, our in zip_longest(base, ours, fillvalue=()):
        if str(theirs) != str(our):  # NaN is NaN
            yield theirs, our


def _refused_monitor(base: tuple[Reply, ...], ours: tuple[Reply, ...]) -> bool:
    if len(ours) != 1 or ours[0][0] != "ERROR" or not base or base[0][0] != "EVENT":
        return False
    return base[0][3] in (ours[0][1], "ended")


def _of_channel(case: Case, base: Outcome, ours: Outcome) -> str:
    return ""


def _of_refusal(case: Case) -> str:
    """Why a put was refused that base took."""
    record = RECORDS[case.record]
    acknowledges = case.kind in (dbr.PUT_ACKT, dbr.PUT_ACKS)
    if not acknowledges and not record.array and case.count != 1 and not case.rest.endswith("$"):
        return "one value"
    if case.count > record.length:
        return "too many elements"
    numbers = _numbers(case)
    if acknowledges:
        return "out of range" if int.from_bytes((case.payload or b"")[:2]) > 1 else ""
    if record.wire is Wire.STRING and dbr.native_of(case.kind) not in ("STRING", "CHAR"):
        return "no text"
    if dbr.native_of(min(case.kind, 38)) == "STRING" and "" in _texts(case):
        return "no number"
    if any(n != n or abs(n) == float("inf") for n in numbers):
        return "not finite"
    if record.wire in (Wire.LONG, Wire.ENUM) and any(n != int(n) for n in numbers):
        return "not whole"
    if record.wire in (Wire.LONG, Wire.ENUM, Wire.CHAR) and any(abs(n) > 0 for n in numbers):
        return "out of range"
    return ""


def _texts(case: Case) -> list[str]:
    if case.payload is None:
        return [str(value) for value in case.values]
    return [str(value) for value in dbr.decoded(case.kind, case.count, case.payload)[1]]


def _numbers(case: Case) -> list[float]:
    values = case.values
    if not values and case.payload:
        values = dbr.decoded(case.kind, case.count, case.payload)[1]
    found = []
    for value in values:
        try:
            found.append(float(value))
        except ValueError:
            continue
    return found


def _of_reply(case: Case, theirs: Reply, our: Reply) -> set[str]:
    if theirs == CLOSED and our == ():
        return {"not cut off"}
    if theirs == CLOSED and our[0] == "ERROR":
        return {"not cut off"}
    if not theirs or not our:
        return {""}
    if our[0] == "ERROR":
        return {_of_error(theirs, our)}
    if theirs[0] == our[0] in ("READ_NOTIFY", "READ", "EVENT") and len(theirs) == len(our) == 6:
        return set(_of_value(case, theirs, our))
    return {""}


def _of_error(theirs: Reply, our: Reply) -> str:
    status = our[1]
    if theirs[0] == "WRITE_NOTIFY" and (theirs[3], status) == (BADTYPE, NOWTACCESS):
        return "rights first"
    if theirs[0] in ("READ_NOTIFY", "EVENT", "WRITE_NOTIFY") and theirs[3] == status:
        return "words"
    if theirs[0] == "READ" and theirs[2] == 0:
        return "old get"
    if theirs[0] == "ERROR" and (theirs[1], status) == (ALLOCMEM, BADMASK):
        return "mask"
    return ""


def _of_value(case: Case, theirs: Reply, our: Reply) -> Iterator[str]:
    kind = dbr.NAMES.index(our[1])
    if dbr.NAMES[kind] == "CLASS_NAME":
        yield "class name" if theirs[5][:1] == our[5][:1] else ""
        return
    if theirs[1:4] != our[1:4]:
        yield ""
    if str(theirs[5]) != str(our[5]):
        ends = _ENDS.get(dbr.native_of(kind), ())
        pairs = list(zip_longest(theirs[5], our[5]))
        yield "limits clipped" if all(t == o or o in ends for t, o in pairs) else ""
    if str(theirs[4]) != str(our[4]):
        yield from _of_metadata(case, kind, theirs[4], our[4])


_ENDS: Final[dict[str, tuple[Any, ...]]] = {
    "SHORT": (-(2**15), 2**15 - 1), "ENUM": (0, 2**16 - 1), "CHAR": (0, 255),
    "LONG": (-(2**31), 2**31 - 1),
}  # fmt: skip
#: Places of the limits, from the end: display, alarm, control.
_ALARM: Final = slice(2, 6)


def _of_metadata(case: Case, kind: int, theirs: list[Any], our: list[Any]) -> Iterator[str]:
    name = dbr.NAMES[kind]
    family = name.partition("_")[0]
    if family not in ("GR", "CTRL") or len(theirs) != len(our):
        yield ""
        return
    number = 6 if family == "GR" else 8
    if str(theirs[:-number]) != str(our[:-number]):
        yield ""
    ends = _ENDS.get(dbr.native_of(kind), ())
    for place, (their, mine) in enumerate(zip(theirs[-number:], our[-number:], strict=True)):
        if str(their) == str(mine):
            continue
        if place in range(2, 6) and not _has_limit(case.record, place):
            yield "alarm limits"
        elif place >= 6 and not _has_control(case.record):
            yield "control limits"
        elif mine in ends or str(mine).endswith("inf"):
            yield "limits clipped"
        else:
            yield ""


def _has_limit(record: str, place: int) -> bool:
    name = ("hihi", "high", "low", "lolo")[place - 2]
    return bool(RECORDS[record].alarms.severity(name))


def _has_control(record: str) -> bool:
    return RECORDS[record].kind in ("ao", "longout")
