"""Payloads of Channel Access in Python's terms, to compare what two servers send.

Written out from the protocol's specification (``db_access.h``'s layouts), apart from what either
server is made of.
"""

from __future__ import annotations

import struct
from typing import Any, Final

NATIVE: Final = ("STRING", "SHORT", "FLOAT", "ENUM", "CHAR", "LONG", "DOUBLE")
FAMILIES: Final = ("", "STS_", "TIME_", "GR_", "CTRL_")
NAMES: Final = (
    *(family + native for family in FAMILIES for native in NATIVE),
    "PUT_ACKT", "PUT_ACKS", "STSACK_STRING", "CLASS_NAME",
)  # fmt: skip
PUT_ACKT, PUT_ACKS, STSACK_STRING, CLASS_NAME = range(35, 39)
ITEM: Final = {
    "STRING": "40s", "SHORT": "h", "FLOAT": "f", "ENUM": "H", "CHAR": "B", "LONG": "i",
    "DOUBLE": "d",
}  # fmt: skip
_PAD: Final = {"STS_CHAR": 1, "STS_DOUBLE": 4, "TIME_SHORT": 2, "TIME_ENUM": 2, "TIME_CHAR": 3,
               "TIME_DOUBLE": 4, "GR_CHAR": 1, "CTRL_CHAR": 1}  # fmt: skip


def native_of(kind: int) -> str:
    """The type of the elements of DBR type ``kind``."""
    return NATIVE[kind % 7] if kind < PUT_ACKT else "SHORT" if kind < STSACK_STRING else "STRING"


def size_of(kind: int, count: int) -> int:
    """Bytes of a payload, before it is padded to a multiple of eight."""
    return struct.calcsize(_metadata(kind)) + count * struct.calcsize(">" + ITEM[native_of(kind)])


def _metadata(kind: int) -> str:
    name = NAMES[kind]
    family, native = name.partition("_")[0], native_of(kind)
    if kind == STSACK_STRING:
        return ">hhHH"
    if kind < 7 or kind > STSACK_STRING or kind in (PUT_ACKT, PUT_ACKS):
        return ">"
    if family == "TIME":
        return f">hhII{_PAD.get(name, 0)}x"
    if family == "STS" or native == "STRING":
        return f">hh{_PAD.get(name, 0)}x"
    if native == "ENUM":
        return ">hhH" + 16 * "26s"
    limits = (6 if family == "GR" else 8) * ITEM[native]
    precision = "h2x" if native in ("FLOAT", "DOUBLE") else ""
    return f">hh{precision}8s{limits}{_PAD.get(name, 0)}x"


def decoded(kind: int, count: int, payload: bytes) -> tuple[list[Any], list[Any]]:
    """Metadata and elements of a payload; times are left out, texts end at the first zero."""
    layout = _metadata(kind)
    start = struct.calcsize(layout)
    metadata = [_plain(item) for item in struct.unpack_from(layout, payload)]
    if NAMES[kind].startswith("TIME"):
        metadata = metadata[:2]
    if native_of(kind) == "ENUM" and len(metadata) > 10:
        metadata = metadata[: 3 + metadata[2]]
    values = (
        struct.unpack_from(f">{count}{ITEM[native_of(kind)]}", payload, start)
        if (native_of(kind) != "STRING")
        else [payload[start + 40 * i : start + 40 * i + 40] for i in range(count)]
    )
    return metadata, [_plain(item) for item in values]


def encoded(kind: int, values: list[Any]) -> bytes:
    """Elements as bytes; the metadata before them is zero."""
    items = [v.encode("latin-1")[:39] if isinstance(v, str) else v for v in values]
    head = b"\0" * struct.calcsize(_metadata(kind))
    return head + b"".join(struct.pack(">" + ITEM[native_of(kind)], item) for item in items)


def _plain(item: Any) -> Any:
    if isinstance(item, bytes):
        return item.partition(b"\0")[0].decode("latin-1")
    if isinstance(item, float):
        return "nan" if item != item else item
    return item
