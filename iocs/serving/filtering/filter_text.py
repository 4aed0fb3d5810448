"""The text of channel filters, as EPICS base reads it: ``[0:4]``, then one JSON5 map.

A name may end in filters: ``RECORD.FIELD$[start:step:end]{"filter":{"key":value}}``. How they are
read was found out by asking base 7.0.8's softIoc, which ``tests/live/against_base/test_filters.py``
asks again: the map may have unquoted keys, single quotes, comments, a comma at the end and
hexadecimal numbers, and a filter may stand in it twice.

Written out because names come from the network, in searches as well: one must cost microseconds,
whatever it holds, and keep keys that are given twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Value = float | int | str | bool
#: Keys and values in the order of the text; None for a key whose value is a map, whose own keys
#: follow.
Options = list[tuple[str, Value | None]]

#: Bytes of a name with its filters; longer ones are not looked at.
LONGEST_NAME: Final = 1000
INT32: Final = (-(2**31), 2**31 - 1)


class FilterError(ValueError):
    """A name that cannot be served as it filters; says why."""


@dataclass(frozen=True)
class Name:
    """The parts of a channel's name.

    Attributes:
        record: Up to the first dot.
        field: What follows it; "" if there is none.
        long_text: Whether a text is to be sent as bytes: ``$``.
        filters: Filters in their order, each with its options.
    """

    record: str
    field: str
    long_text: bool
    filters: tuple[tuple[str, Options], ...]


_FIELD: Final = re.compile(r"(\w*)(\$?)", re.ASCII)
_RANGE: Final = re.compile(r"\[\s*([+-]?\w+)?(?::\s*([+-]?\w+)?)?(?::\s*([+-]?\w+)?)?\]", re.ASCII)
_WHOLE: Final = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)", re.ASCII)
_FLOAT: Final = re.compile(
    r"\s*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE
)
_TOKEN: Final = re.compile(
    r"""(?P<skip>[ \t\n\v\f\r]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    |(?P<text>"(?:[^"\\\x00-\x1f]|\\.)*"|'(?:[^'\\\x00-\x1f]|\\.)*')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|Infinity|NaN
        |(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.]))
    |(?P<word>[A-Za-z_$][\w$]*)
    |(?P<mark>[{}:,\[\]])""",
    re.VERBOSE | re.ASCII,
)
_OPENS: Final = ("mark", "{")
_CLOSES: Final = ("mark", "}")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}


def parse_name(name: str) -> Name:
    """The parts of a channel's name.

    Raises:
        FilterError: It is no name of a channel.
    """
    if len(name) > LONGEST_NAME:
        raise FilterError(f"a name of {len(name)} characters, at most {LONGEST_NAME} are looked at")
    record, _, rest = name.partition(".")
    found = _FIELD.match(rest)
    assert found is not None  # it matches nothing, too
    field, dollar = found.groups()
    rest = rest[found.end() :]
    filters: list[tuple[str, Options]] = []
    if rest.startswith("["):
        options, rest = _range(rest)
        filters.append(("arr", options))
    if rest.startswith("{"):
        filters += _parse_map(rest)
    elif rest:
        raise FilterError(f"{rest!r} is no filter")
    return Name(record, field, bool(dollar), tuple(filters))


def _range(text: str) -> tuple[Options, str]:
    """``[index]``, ``[start:end]`` or ``[start:step:end]``, and what follows."""
    found = _RANGE.match(text)
    inside = found.group() if found is not None else text
    if found is None or inside.strip("[] ") == "":
        raise FilterError(f"{inside!r} is no range of elements")
    parts = [_index(part) if part else None for part in found.groups()]
    colons = inside.count(":")
    if colons == 0:
        start, step, end = parts[0], None, parts[0]
    elif colons == 1:
        start, step, end = parts[0], None, parts[1]
    else:
        start, step, end = parts
    given = {"s": start, "i": step, "e": end}
    options: Options = [(key, number) for key, number in given.items() if number is not None]
    return options, text[found.end() :]


def _index(text: str) -> int:
    number = whole_number(text, whole=True)
    if number is None:
        raise FilterError(f"{text!r} is no number of an element")
    return number


def whole_number(text: str, *, whole: bool = False) -> int | None:
    """The whole number with which a text begins, in C's notation; None if it begins with none.

    Args:
        text: Decimal, ``0x`` hexadecimal or ``0`` octal.
        whole: Whether nothing may follow it.
    """
    found = _WHOLE.match(text)
    if found is None or (whole and found.end() != len(text)):
        return None
    sign, digits = found.groups()
    if digits[1:2] in ("x", "X"):
        number = int(digits, 16)
    elif digits.startswith("0"):
        octal = re.match(r"[0-7]+", digits)
        assert octal is not None  # the 0 itself
        if whole and octal.end() != len(digits):
            return None
        number = int(octal.group(), 8)
    else:
        number = int(digits)
    number = -number if sign == "-" else number
    return number if INT32[0] <= number <= INT32[1] else None


def decimal_number(text: str) -> float | None:
    """The number with which a text begins; None if it begins with none, or is beyond a double."""
    found = _FLOAT.match(text)
    if found is None:
        return None
    number = float(found.group())
    return None if math.isinf(number) and "n" not in found.group().lower() else number


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise FilterError(f"{text[place : place + 20]!r} is no JSON")
        place = found.end()
        kind = found.lastgroup
        assert kind is not None
        if kind != "skip":
            yield kind, found.group()
    while True:
        yield "end", ""


def _parse_map(text: str) -> list[tuple[str, Options]]:
    """Filters and their options; maps inside options are taken flat, as base takes them."""
    tokens = _tokens(text)
    filters: list[tuple[str, Options]] = []
    for depth, key, value in _entries(tokens):
        if depth > 1:
            filters[-1][1].append((key, value))
        elif value is not None:
            raise FilterError(f"filter {key!r} = {value!r}: its options are a map")
        else:
            filters.append((key, []))
    kind, what = next(tokens)
    if kind != "end":
        raise FilterError(f"{what!r} after the filters")
    return filters


def _entries(tokens: Iterator[tuple[str, str]]) -> Iterator[tuple[int, str, Value | None]]:
    """Depth, key and value of each entry of a map and of the maps in it."""
    depth = 1
    next(tokens)  # the mark that opens the map
    token = next(tokens)
    while depth:
        if token == _CLOSES:
            depth -= 1
            token = _after_value(tokens) if depth else token
            continue
        key = _key(*token)
        _expect(next(tokens), ":")
        token = next(tokens)
        if token == _OPENS:
            yield depth, key, None
            depth += 1
            token = next(tokens)
        else:
            yield depth, key, _value(*token)
            token = _after_value(tokens)


def _after_value(tokens: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """What follows an entry: the next key, or the end of the map, a comma before it or not."""
    token = next(tokens)
    if token == ("mark", ","):
        return next(tokens)
    _expect(token, "}")
    return token


def _expect(token: tuple[str, str], mark: str) -> None:
    if token != ("mark", mark):
        raise FilterError(f"{token[1] or 'the end'!r} where {mark!r} should stand")


def _key(kind: str, text: str) -> str:
    if kind == "text":
        return _unquoted(text)
    if kind == "word" and text not in ("true", "false", "null"):
        return text
    raise FilterError(f"{text or 'the end'!r} where a key should stand")


def _value(kind: str, text: str) -> Value:
    if kind == "text":
        return _unquoted(text)
    if kind == "word" and text in ("true", "false"):
        return text == "true"
    if kind != "number":
        raise FilterError(f"{text or 'the end'!r} where a value should stand")
    return _number(text)


def _number(text: str) -> float | int:
    digits = text.lstrip("+-")
    if digits[:2] in ("0x", "0X"):
        number: float | int = int(digits, 16)
    elif digits.isdecimal():
        number = int(digits)
    else:
        number = float(digits.replace("Infinity", "inf"))
        if math.isinf(number) and digits != "Infinity":
            raise FilterError(f"{text} is beyond a double")
    return -number if text.startswith("-") else number


def _unquoted(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        code = found.group(1)
        if len(code) > 1:
            return chr(int(code[1:], 16))
        return _ESCAPED.get(code, code)

    return _ESCAPE.sub(character, text[1:-1])
