"""Files that no run of ours has written: each kind with what the refusal must say."""

from __future__ import annotations

import gzip
import os
import pickle
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

START = {"uid": "bad", "time": 1.0, "plan_name": "scan"}
DESCRIPTOR = {"uid": "d1", "run_start": "bad", "name": "primary", "data_keys": {}}
EVENT = {"uid": "e1", "descriptor": "d1", "seq_num": 1, "data": {"x": 1.0}}
STOP = {"uid": "s1", "run_start": "bad", "exit_status": "success", "num_events": {"primary": 1}}
RESOURCE = {"uid": "r1", "run_start": "bad", "spec": "x", "root": "/", "resource_path": "y"}
GOOD = [("start", START), ("descriptor", DESCRIPTOR), ("event", EVENT), ("stop", STOP)]


class Bomb:
    """Unpickled, it makes a file: proof that code ran."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.proof),)


def packed(*documents: Any) -> bytes:
    return b"".join(msgpack.packb(document) for document in documents)


def array(dtype: Any = "<f8", shape: Any = (2,), data: Any = b"\0" * 16, **more: Any) -> dict:
    """An array as msgpack-numpy lays it out, or something near to one."""
    keys = {b"nd": True, b"type": dtype, b"kind": b"", b"shape": shape, b"data": data}
    return keys | {key.encode(): value for key, value in more.items()}


def pickled(proof: Path) -> dict:
    return array("|O", (1,), pickle.dumps(np.array([Bomb(proof)], object)), kind=b"O")


def start(**changes: Any) -> bytes:
    """A start document with some keys changed, or left out if they are None."""
    changed = {key: value for key, value in {**START, **changes}.items() if value is not None}
    return packed(("start", changed))


def nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return inner


NO_START = {
    "empty": (b"", "no start document that is whole"),
    "a text": (b"This is no run.\n", "damaged at byte 0: no document begins there"),
    "zeros": (bytes(1000), "no start document that is whole"),
    "gzip": (gzip.compress(packed(*GOOD)), "damaged at byte 0"),
    "json": (b'{"uid": "bad", "time": 1.0}', "damaged at byte 0"),
    "not a document": (packed([1, 2, 3]), "damaged at byte 0"),
    "two numbers": (packed([1, 2]), "no pair of a name and a document"),
    "a name without a document": (packed(["start", 5]), "'start' is followed by no document"),
    "without a time": (start(time=None), "its time is None, not a number of seconds"),
    "without a uid": (start(uid=None), "its uid is None, not a text"),
    "time a text": (start(time="noon"), "its time is 'noon', not a number of seconds"),
    "time true": (start(time=True), "its time is True, not a number of seconds"),
    "time nan": (start(time=float("nan")), "its time is nan s"),
    "time infinite": (start(time=float("inf")), "its time is inf s"),
    "time far": (start(time=1e300), "its time is 1e+300 s"),
    "time a list": (start(time=[1.0]), "its time is [1.0], not a number of seconds"),
    "uid a number": (start(uid=3), "its uid is 3, not a text"),
    "uid empty": (start(uid=""), "its uid is '', not a text"),
    "another run's": (start(uid="other"), "it holds the run 'other'"),
    "uid with slashes": (start(uid="../bad"), "it holds the run '../bad'"),
    "uid with an escape": (start(uid="\x1b[2Jbad"), r"it holds the run '\x1b[2Jbad'"),
    "plan an array": (start(plan_name=array()), "its plan_name is array"),
    "plan a list": (start(plan_name=["scan"]), "its plan_name is ['scan'], not a text"),
    "campaign an array": (start(campaign=array()), "its campaign is array"),
    "uid an array": (start(uid=array()), "its uid is array"),
    "time an array": (start(time=array()), "its time is array"),
    "stop first": (packed(("stop", STOP)), "it comes before a start document"),
    "event first": (packed(("event", EVENT)), "it comes before a start document"),
    "unknown document": (packed(("code", START)), "it comes before a start document"),
    "unknown dtype": (start(x=array("foo")), "x: dtype 'foo' is not one of plain data"),
    "dtype of objects": (start(x=array("|O8")), "x: dtype '|O8' is not one of plain data"),
    "dtype of fields": (start(x=array([["a", "<f8"]])), "is not one of plain data"),
    "kind of fields": (start(x=array(kind=b"V")), "x: an array of kind b'V'"),
    "dtype a number": (start(x=array(5)), "x: dtype '5' is not one of plain data"),
    "dtype missing": (start(x={b"nd": True}), "x: dtype 'None' is not one of plain data"),
    "dtype of texts of no length": (start(x=array("<U0", (9,), b"")), "not one of plain data"),
    "dtype with a comma": (start(x=array("f8,f8")), "is not one of plain data"),
    "shape of a text": (start(x=array(shape="ab")), "x: shape ab is not a list of whole numbers"),
    "shape negative": (start(x=array(shape=[-2])), "is not a list of whole numbers"),
    "shape of fractions": (start(x=array(shape=[2.0])), "is not a list of whole numbers"),
    "shape of truths": (start(x=array(shape=[True])), "is not a list of whole numbers"),
    "buffer too short": (start(x=array(shape=[3])), "x: shape (3,) of <f8 needs 24 bytes, not 16"),
    "buffer too long": (start(x=array(shape=[1])), "x: shape (1,) of <f8 needs 8 bytes, not 16"),
    "buffer a text": (start(x=array(data="0" * 16)), "x: an array's data are of type str"),
    "shape beyond memory": (start(x=array(shape=[2**60, 2**60])), "needs"),
    "rows of nothing": (start(x=array(shape=[10**9, 0], data=b"")), "has no elements"),
    "many dimensions": (start(x=array(shape=[1] * 60, data=b"\0" * 8)), "60 dimensions"),
    "scalar of objects": (start(x={b"nd": False, b"type": "|O", b"data": b"x"}), "plain data"),
    "scalar too long": (start(x={b"nd": False, b"type": "<i4", b"data": bytes(8)}), "needs 4"),
    "truths of 7": (start(x=array("|b1", (2,), b"\x01\x07")), "bytes other than 0 and 1"),
    "no character": (start(x=array("<U1", (1,), b"\xff" * 4)), "holds what is no character"),
    "complex of words": (start(x={b"complex": True, b"data": "exit()"}), "x: complex()"),
    "key a list": (b"\x92\xa5start\x81\x91\x01\x02", "a key that is no text"),
    "key a map": (b"\x92\xa5start\x81\x80\x02", "a key that is no text"),
    "many keys numbers": (start(x=dict.fromkeys(range(2000), 0)), "a key that is no text"),
    "no utf-8": (b"\x92\xa5start\x81\xa1x\xa1\xff", "it cannot be unpacked"),
    "name no utf-8": (b"\x92\xa5\xff\xfe\xfd\xfc\xfb\x80", "it cannot be unpacked"),
    "reserved byte": (b"\x92\xa5start\xc1", "byte 0xc1, which begins no value"),
    "extension": (packed(("start", {"x": msgpack.ExtType(5, b"abc")})), "an extension type"),
    "timestamp": (packed(("start", {"x": msgpack.Timestamp(5)})), "an extension type"),
    "deep": (start(x=nested(500)), "64 of them nested"),
    "many values": (start(x=[[0] * 1000] * 3000), "more than 2000000 values"),
    "key twice": (b"\x92\xa5start\x82\xa3uid\xa3bad\xa3uid\xa1x", "a key comes twice in one map"),
    "key twice within": (
        b"\x92\xa5start\x83\xa3uid\xa3bad\xa4time\x01\xa1x\x82\x05\x01\x05\x02",
        "a key comes twice in one map",
    ),
    "text of 4 GB": (b"\x92\xa5start\x81\xa1x\xdb\xff\xff\xff\xff", "no start document"),
    "bytes of 4 GB": (b"\x92\xa5start\x81\xa1x\xc6\xff\xff\xff\xff", "no start document"),
    "list of 4e9": (b"\x92\xa5start\x81\xa1x\xdd\xff\xff\xff\xff", "no start document"),
    "map of 4e9": (b"\x92\xa5start\xdf\xff\xff\xff\xff", "no start document"),
    "lists of lists of 4e9": (b"\x92\xa5start" + b"\xdd\xff\xff\xff\xff" * 999, "no start"),
}
"""What stands in the file, and a piece of the line that refuses it: no run can be listed."""


def page(**changes: Any) -> list[tuple[str, dict]]:
    """Documents that end in a page of one event, with some keys changed."""
    return [*GOOD[:2], ("event_page", EVENT | {"seq_num": [1], "data": {"x": [1.0]}} | changes)]


LATER = {
    "second start": ([GOOD[0], GOOD[0]], "a second start"),
    "event before its descriptor": ([GOOD[0], GOOD[2]], "'d1' has not come before it"),
    "after the stop": ([*GOOD, GOOD[2]], "it comes after the stop document"),
    "descriptor of another run": (
        [GOOD[0], ("descriptor", DESCRIPTOR | {"run_start": "x"})],
        "it is of another run, 'x'",
    ),
    "descriptor of an array": (
        [GOOD[0], ("descriptor", DESCRIPTOR | {"run_start": array()})],
        "it is of another run, array",
    ),
    "event of an array": ([*GOOD[:2], ("event", EVENT | {"descriptor": array()})], "has not come"),
    "stop of an array": ([*GOOD[:3], ("stop", STOP | {"run_start": array()})], "it is of another"),
    "stop with an array for a status": (
        [*GOOD[:3], ("stop", STOP | {"exit_status": array()})],
        "its exit_status is of type ndarray",
    ),
    "stop of another run": ([*GOOD[:3], ("stop", STOP | {"run_start": "x"})], "of another run"),
    "descriptor of a list": ([GOOD[0], ("descriptor", DESCRIPTOR | {"uid": [1]})], "its uid"),
    "event of a list": ([*GOOD[:2], ("event", EVENT | {"descriptor": ["d1"]})], "has not come"),
    "event without data": ([*GOOD[:2], ("event", EVENT | {"data": 5})], "its data is of type int"),
    "event without number": (
        [*GOOD[:2], ("event", EVENT | {"seq_num": "1"})],
        "its seq_num is '1'",
    ),
    "page of unequal columns": (
        [*GOOD[:2], ("event_page", EVENT | {"seq_num": [1, 2], "data": {"x": [1.0]}})],
        "its column 'x' has not the 2 rows of seq_num",
    ),
    "page numbered by a map": (page(seq_num={"a": 1}), "its seq_num is {'a': 1}, not a row"),
    "page numbered by a text": (page(seq_num="1"), "its seq_num is '1', not a row of whole"),
    "page numbered by one number": (page(seq_num=array("<i8", [], bytes(8))), "not a row of"),
    "page numbered by words": (page(seq_num=["a"]), "its seq_num is ['a'], not a row of whole"),
    "page numbered by truths": (page(seq_num=array("|b1", [1], b"\1")), "not a row of whole"),
    "page of a column that is a map": (page(data={"x": {"a": 1}}), "its column 'x' has not"),
    "page of a column that is a text": (page(data={"x": "a"}), "its column 'x' has not"),
    "page of a column that are bytes": (page(data={"x": b"a"}), "its column 'x' has not"),
    "page of a column that is a number": (page(data={"x": array("<f8", [], bytes(8))}), "'x' has"),
    "event numbered by true": ([*GOOD[:2], ("event", EVENT | {"seq_num": True})], "is True, not"),
    "descriptor twice": ([*GOOD[:3], GOOD[1]], "its uid 'd1' is that of a descriptor before it"),
    "resource named like a descriptor": (
        [*GOOD[:2], ("resource", RESOURCE | {"uid": "d1"})],
        "its uid 'd1' is that of a descriptor before it",
    ),
    "event of a resource": (
        [*GOOD[:2], ("resource", RESOURCE), ("event", EVENT | {"descriptor": "r1"})],
        "its descriptor 'r1' has not come before it",
    ),
    "datum of a descriptor": ([*GOOD[:2], ("datum", {"resource": "d1"})], "resource 'd1' has not"),
    "bulk of events": ([*GOOD[:2], ("bulk_events", {"d1": [EVENT]})], "no document has this name"),
    "unknown document": ([*GOOD[:2], ("code", EVENT)], "no document has this name"),
    "stop that counts by a text": ([*GOOD[:3], ("stop", STOP | {"num_events": "many"})], "num_ev"),
    "stop with a status of a number": ([*GOOD[:3], ("stop", STOP | {"exit_status": 1})], "exit_"),
}
"""Documents whose first is a good start, and a piece of the line that refuses the last."""


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # the path of a socket may have 107 bytes
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _sparse(path: Path) -> None:
    """A document that declares an array of 500 MB which a file without content really has."""
    head = b"\x92\xa5start\x81\xa1x\xc6" + struct.pack(">I", 500_000_000)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 500_000_000)


ODD_FILES = {
    "folder": (Path.mkdir, "it is a folder, not a file"),
    "fifo": (_fifo, "it is a FIFO, not a file"),
    "socket": (_socket, "it is a socket, not a file"),
    "link to itself": (_loop, "symbolic link"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "No such file"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
    "sparse": (_sparse, "a document of more than 256000000 bytes"),
}
"""What the file is instead of a regular one, and a piece of the line that refuses it."""
