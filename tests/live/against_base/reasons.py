"""Why our IOC answers some requests otherwise than EPICS base's softIoc 7.0.8."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from pvdb.records import Wire
from tests.live import dbr
from tests.live.against_base.cases import MONITOR, PLAIN_PUT, PUT, RECORDS, Case, Outcome
from tests.live.exchange import CLOSED, Reply

ALLOCMEM, BADTYPE, GETFAIL, BADMASK, NOWTACCESS = 48, 114, 152, 330, 376
PUTS: Final = (PUT, PLAIN_PUT)
STRING, SHORT, FLOAT, ENUM, CHAR, LONG, DOUBLE = range(7)

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
    "room as well": "an array is told up to its last element; base fills up its room with zeros"
    " where a filter dates it anew",
    "one value": "a put of no value or of several to a scalar is refused; base takes the first, or"
    " whatever it was",
    "too many elements": "a put of more elements than there is room for is refused; base cuts it",
    "partly": "an array of texts of which one is no number is refused whole; base keeps some",
    "no number": "an empty text put to a number or a state is refused; base takes it for 0",
    "begins with": "a text put to a number is one as a whole; base takes 5 for '5 K', 1 for '1,5'",
    "hexadecimal": "a hexadecimal number is refused; base takes it for a double, and 0 for a whole"
    " number",
    "long text": "a long text (`$`) is told as bytes or as a text; base tells the numbers of its"
    " characters in every type, and closes a part of it with a zero",
    "text as state": "a text read as a state is an error; base tells what stands in its memory",
    "not finite": "NaN and infinity are refused: no machine can do them",
    "not whole": "a number with decimals put to a whole number or state is refused; base cuts it",
    "out of range": "what does not fit is refused; base wraps it or cuts it",
    "no text": "a number put to a text is refused; base writes it out",
    "not UTF-8": "texts are UTF-8; base takes any bytes",
    "too long": "a text that is too long is refused; base cuts it",
    "characters": "bytes put to a text are its characters; base writes out the number of the first",
    "time string": "base alone of all types with metadata does not take DBR_TIME_STRING",
    "rights first": "of two mistakes in one put, the missing right is told, not the unknown type",
    "refusals count": "a refused put is an alarm of the setpoint, which waits to be acknowledged",
    "whole text": "a text put to a whole number may have a power of ten; base takes 1 for '1e3'",
    "huge": "a text that is a number too large is told as infinite; base tells no number",
    "security group": "the security group of a record is not changed over Channel Access",
    "read-only field": "a field that means nothing here is read-only; base keeps what is put",
    "fixed field": "a field that means nothing here has base's type and a value that stays",
    "acknowledging field": ".ACKS and .ACKT may be put to, so that any client can acknowledge",
    "limits of fields": "fields have no limits, units or decimals of their own; base tells its"
    " record's or its type's",
}
"""Every difference that there is, and why it stays."""

_LIVE: Final = frozenset({
    "NAME", "RTYP", "ASG", "AMSG", "NAMSG", "SEVR", "STAT", "DESC", "EGU", "PREC", "HOPR", "LOPR",
    "DRVH", "DRVL", "MDEL", "ADEL", "HIHI", "HIGH", "LOW", "LOLO", "HHSV", "HSV", "LSV", "LLSV",
    "HYST", "NELM", "NORD", "FTVL", "SIZV", "LEN", "ACKS", "ACKT", "DISP", "PROC", "ZNAM", "ONAM",
    "ZSV", "OSV", "ZRST", "ONST", "TWST", "ZRSV", "ONSV", "TWSV",
})  # fmt: skip
"""Fields that mean something here."""


_HEXADECIMAL: Final = re.compile(r"\s*[+-]?0[xX]")
_REFUSAL: Final = frozenset({"ACKS", "SEVR", "STAT", "AMSG"})
_ALARM_LIMITS: Final = frozenset({"HIHI", "HIGH", "LOW", "LOLO"})


def _means_nothing(case: Case) -> bool:
    """Whether a case is about a field that means nothing here (.HIGH of a bo is a time)."""
    if case.field in ("", "VAL"):
        return False
    kind, name = RECORDS[case.record].kind, case.field
    namesake = (kind, name) == ("bo", "HIGH") or (kind[:4], name) == ("mbbo", "FTVL")
    return namesake or (kind, name) == ("mbbi", "FTVL") or name not in _LIVE


def reasons(case: Case, base: Outcome, ours: Outcome) -> set[str]:
    """Keys of `REASONS` for every difference of two outcomes; "" for one that has none."""
    if str(base) == str(ours):
        return set()
    found = set(_of_channel(case, base, ours))
    if base.opened is None or ours.opened is None:
        return found
    if "$" in case.rest and case.command not in PUTS:
        return found | {"long text"}
    if case.command in PUTS:
        return found | set(_of_put(case, base, ours))
    if case.command == MONITOR and (why := _refused_monitor(base.replies, ours.replies)):
        return found | {why}
    return found | set(_of_replies(case, base.replies, ours.replies))


def _of_channel(case: Case, base: Outcome, ours: Outcome) -> Iterator[str]:
    if base.opened is None or ours.opened is None:
        yield "" if base.opened != ours.opened else "read-only field"
    elif base.opened != ours.opened:
        yield "fixed field" if _means_nothing(case) and "$" in case.rest else ""
    elif base.rights != ours.rights:
        if case.field in ("ACKS", "ACKT"):
            yield "acknowledging field"
        else:
            yield (
                "security group"
                if case.field == "ASG"
                else ("read-only field" if _means_nothing(case) else "")
            )


# -- puts --------------------------------------------------------------------------------------


def _of_put(case: Case, base: Outcome, ours: Outcome) -> Iterator[str]:
    if base.rights != ours.rights:  # said by `_of_channel`
        return
    if _is_characters(case, ours):
        yield "characters"
    elif "$" in case.rest:
        yield "long text"
    elif dbr.NAMES[min(case.kind, 38)] == "TIME_STRING" and case.command == PLAIN_PUT:
        yield "time string"
    elif base.accepted and not ours.accepted:
        yield _of_refusal(case, ours)
    else:
        yield from _of_replies(case, base.replies, ours.replies)
        if _is_partly(case, base, ours):
            yield "partly"
        elif str(base.after) != str(ours.after) and _is_whole(case, ours):
            yield "whole text"
        else:
            yield from _of_replies(case, base.after, ours.after)


def _is_characters(case: Case, ours: Outcome) -> bool:
    assert ours.opened is not None
    return ours.opened[0] == STRING and dbr.native_of(min(case.kind, 38)) == "CHAR"


def _is_whole(case: Case, ours: Outcome) -> bool:
    assert ours.opened is not None
    return ours.opened[0] in (SHORT, CHAR, LONG) and dbr.native_of(min(case.kind, 38)) == "STRING"


def _is_partly(case: Case, base: Outcome, ours: Outcome) -> bool:
    assert ours.opened is not None
    texts = dbr.native_of(min(case.kind, 38)) == "STRING"
    return texts and ours.opened[1] > 1 and not base.accepted and not ours.accepted


def _of_refusal(case: Case, ours: Outcome) -> str:
    """Why a put was refused that base took."""
    assert ours.opened is not None
    kind, most = ours.opened
    sent = dbr.native_of(min(case.kind, 38))
    if case.kind in (dbr.PUT_ACKT, dbr.PUT_ACKS):
        return "out of range" if int.from_bytes((case.payload or b"")[:2]) > 1 else ""
    record = RECORDS[case.record]
    if record.array and case.field in ("", "VAL"):
        most = record.length
    if case.count > most > 1:
        return "too many elements"
    if most == 1 and case.count != 1:
        return "one value"
    if kind == STRING:
        return "no text" if sent != "STRING" else _of_text(case)
    if sent == "STRING" and "" in _texts(case):
        return "no number"
    if sent == "STRING" and any(_HEXADECIMAL.match(text) for text in _texts(case)):
        return "hexadecimal"
    if sent == "STRING" and len(_numbers(case)) < case.count:
        return "begins with"
    return _of_numbers(case, kind)


def _of_text(case: Case) -> str:
    (text,) = _texts(case)
    try:
        size = len(text.encode("latin-1").decode().encode())
    except UnicodeDecodeError:
        return "not UTF-8"
    room = RECORDS[case.record].length if case.field in ("", "VAL") else 39
    if case.field in ("ZNAM", "ONAM", "ZRST", "ONST", "TWST"):
        return "out of range"  # no name, one that another state has, or too long
    return "too long" if size > min(room, 15) else ""


def _of_numbers(case: Case, kind: int) -> str:
    numbers = _numbers(case)
    if any(n != n or abs(n) == float("inf") for n in numbers):
        return "not finite"
    if kind in (SHORT, ENUM, CHAR, LONG) and any(n != int(n) for n in numbers):
        return "not whole"
    limited = kind in (SHORT, ENUM, CHAR, LONG) or case.field in _LIVE
    return "out of range" if limited and any(abs(n) > 0 for n in numbers) else ""


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
        with contextlib.suppress(ValueError):
            found.append(float(str(value).replace("_", "?")))
    return found


# -- replies -----------------------------------------------------------------------------------


def _of_replies(case: Case, base: tuple[Reply, ...], ours: tuple[Reply, ...]) -> Iterator[str]:
    for theirs, our in zip_longest(base, ours, fillvalue=()):
        if str(theirs) != str(our):  # NaN is NaN
            yield from _of_reply(case, theirs, our)


def _refused_monitor(base: tuple[Reply, ...], ours: tuple[Reply, ...]) -> str:
    if len(ours) != 1 or ours[0][0] != "ERROR" or not base or base[0][0] != "EVENT":
        return ""
    if base[0][1].endswith("ENUM"):
        return "text as state"
    return "monitor" if base[0][3] in (ours[0][1], "ended") else ""


def _of_reply(case: Case, theirs: Reply, our: Reply) -> Iterator[str]:
    if theirs == CLOSED and (our == () or our[0] == "ERROR"):
        yield "not cut off"
    elif not theirs or not our:
        yield ""
    elif our[0] == "ERROR":
        told = case.command in PUTS and theirs[0] == our[2] == "READ_NOTIFY" and theirs[3] == 1
        yield "begins with" if told else _of_error(theirs, our)
    elif theirs[0] == "READ_NOTIFY" and theirs[3] == GETFAIL and "inf" in str(our):
        yield "huge"
    elif theirs[0] == our[0] in ("READ_NOTIFY", "READ", "EVENT") and len(theirs) == len(our) == 6:
        yield from _of_value(case, theirs, our)
    elif _means_nothing(case) and theirs[0] in ("ERROR", our[0]):
        yield "fixed field"
    else:
        yield ""


def _of_error(theirs: Reply, our: Reply) -> str:
    status = our[1]
    if theirs[0] == "WRITE_NOTIFY" and (theirs[3], status) == (BADTYPE, NOWTACCESS):
        return "rights first"
    if theirs[0] in ("READ_NOTIFY", "EVENT", "WRITE_NOTIFY") and theirs[3] == status:
        return "words"
    if theirs[0] == "READ" and theirs[2] == 0:
        return "old get"
    if theirs[0] in ("READ", "READ_NOTIFY", "EVENT") and theirs[1].endswith("ENUM"):
        return "text as state"
    if theirs[0] == "ERROR" and theirs[1] == ALLOCMEM and status in (BADMASK, GETFAIL):
        return "mask"
    return ""


def _of_value(case: Case, theirs: Reply, our: Reply) -> Iterator[str]:
    if filled := _without_room(case, theirs, our):
        yield "room as well"
        theirs = filled
    kind = dbr.NAMES.index(our[1])
    if dbr.NAMES[kind] == "CLASS_NAME":
        yield "class name" if theirs[5][:1] == our[5][:1] else ""
        return
    fixed = _means_nothing(case)
    if theirs[1:4] != our[1:4]:
        yield "fixed field" if fixed else ""
        return
    if str(theirs[5]) != str(our[5]):
        ends = _ENDS.get(dbr.native_of(kind), ())
        pairs = list(zip_longest(theirs[5], our[5]))
        clipped = all(t == o or o in ends for t, o in pairs)
        if fixed:
            yield "fixed field"
        elif case.field in _ALARM_LIMITS:
            yield "alarm limits"
        elif case.field in _REFUSAL:
            yield "refusals count"
        elif RECORDS[case.record].wire is Wire.STRING:
            yield "huge" if "inf" in str(our[5]) else ""
        else:
            yield "limits clipped" if clipped else ""
    if str(theirs[4]) != str(our[4]):
        yield from _of_metadata(case, kind, theirs[4], our[4])


def _without_room(case: Case, theirs: Reply, our: Reply) -> Reply | None:
    """Base's reply without zeros after the last element; None if it has none."""
    if '"ts"' not in case.rest or not RECORDS[case.record].array or case.field not in ("", "VAL"):
        return None
    last = len([value for value in our[5] if value != ""])  # as texts, ours are filled up by those
    room = [value for value in theirs[5][last:] if value != ""]
    if not room or any(value not in (0, "0.000") for value in room):
        return None
    return (*theirs[:2], our[2], *theirs[3:5], theirs[5][:last] + our[5][last:])


_ENDS: Final[dict[str, tuple[Any, ...]]] = {
    "SHORT": (-(2**15), 2**15 - 1), "ENUM": (0, 2**16 - 1), "CHAR": (0, 255),
    "LONG": (-(2**31), 2**31 - 1),
}  # fmt: skip


def _of_metadata(case: Case, kind: int, theirs: list[Any], our: list[Any]) -> Iterator[str]:
    family = dbr.NAMES[kind].partition("_")[0]
    if kind == dbr.STSACK_STRING and theirs[:3] == our[:3]:
        yield "refusals count"
    elif family not in ("GR", "CTRL") or theirs[:2] != our[:2]:
        yield ""
    elif case.field not in ("", "VAL"):
        if dbr.native_of(kind) != "ENUM":
            yield "limits of fields"
        else:
            yield "fixed field" if _means_nothing(case) or case.field == "SCAN" else ""
    elif len(theirs) != len(our):
        yield ""
    else:
        number = 6 if family == "GR" else 8
        if str(theirs[:-number]) != str(our[:-number]):
            yield ""
        yield from _of_limits(case.record, kind, theirs[-number:], our[-number:])


def _of_limits(record: str, kind: int, theirs: list[Any], our: list[Any]) -> Iterator[str]:
    ends = _ENDS.get(dbr.native_of(kind), ())
    for place, (their, mine) in enumerate(zip(theirs, our, strict=True)):
        if str(their) == str(mine):
            continue
        if place in range(2, 6) and not _has_limit(record, place):
            yield "alarm limits"
        elif place >= 6 and RECORDS[record].kind not in ("ao", "longout"):
            yield "control limits"
        elif mine in ends or str(mine).endswith("inf"):
            yield "limits clipped"
        else:
            yield ""


def _has_limit(record: str, place: int) -> bool:
    name = ("hihi", "high", "low", "lolo")[place - 2]
    return bool(RECORDS[record].alarms.severity(name))
