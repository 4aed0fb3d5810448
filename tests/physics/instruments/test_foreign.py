"""Files and arrays of somebody else: plain data come back, everything else is refused in words."""

from __future__ import annotations

import io
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instruments.foreign_files import open_regular, read_bounded, reason
from instruments.npz import load_npz
from instruments.plain_arrays import demand_plain, plain_array
from instruments.printable import escaped

PLAIN: dict[str, Any] = {
    "a": np.arange(6.0).reshape(2, 3),
    "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "b": np.array([True, False]),
    "u": np.array(["ab", "ç"]),
    "s": np.array(b"abc"),
    "c": np.array([1j]),
    "none": np.zeros((0, 3)),
}


def test_an_archive_of_plain_arrays_comes_back(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **PLAIN)
        found = load_npz(tmp_path / "x.npz")
        assert found.keys() == PLAIN.keys()
        for name, array in PLAIN.items():
            np.testing.assert_array_equal(found[name], array, strict=True)
            assert found[name].flags.writeable


def member(head: bytes, data: bytes = b"") -> bytes:
    """A member that declares what it likes."""
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


def head(dtype: str = "'<f8'", shape: str = "(2,)") -> bytes:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()


BAD_MEMBERS = {
    "objects": member(head("'|O'"), b"cos\nsystem\n(S'true'\ntR."),
    "fields": member(head("[('a', '<f8')]"), bytes(16)),
    "huge": member(head(shape="(1000000000000,)"), bytes(16)),
    "short": member(head(), bytes(8)),
    "long": member(head(), bytes(24)),
    "negative": member(head(shape="(-2,)"), bytes(16)),
    "code": member(b"__import__('os').system('true')"),
    "deep": member(b"(" * 5000),
    "empty": b"",
    "other version": b"\x93NUMPY\x09\x00" + bytes(60),
}


@pytest.mark.parametrize("kind", BAD_MEMBERS)
def test_an_archive_with_anything_else_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", BAD_MEMBERS[kind])
    with pytest.raises(ValueError, match=r"x\.npz: not an archive of plain arrays"):
        load_npz(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", member(head(shape="(1,)"), bytes(8)))
    data = bytearray(stored.getvalue())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = (2**31).to_bytes(4, "little")  # unpacked size, in the list
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(ValueError, match="1 members of 2147483648 bytes"):
        load_npz(tmp_path / "x.npz")


def test_damaged_archives_are_refused_or_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", **PLAIN)
    whole = (tmp_path / "x.npz").read_bytes()
    refused = 0
    for seed in range(600):
        dice, data = random.Random(seed), bytearray(whole)
        for _ in range(dice.randrange(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if seed % 3 == 0:
            del data[dice.randrange(len(data)) :]
        (tmp_path / "y.npz").write_bytes(data)
        try:
            load_npz(tmp_path / "y.npz")
        except ValueError:
            refused += 1
    assert refused > 300


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    kinds = {"fifo": "a FIFO", "device": "a device", ".": "a folder", "loop": "symbolic links",
             "none": "No such file"}  # fmt: skip
    for name, said in kinds.items():
        with pytest.raises(OSError) as told:
            open_regular(tmp_path / name)
        assert said in reason(told.value)


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(100))
    assert read_bounded(tmp_path / "x", 100) == bytes(100)
    with pytest.raises(OSError, match="more than 99 bytes"):
        read_bounded(tmp_path / "x", 99)


@pytest.mark.parametrize(
    "array",
    [np.array([None]), np.zeros(2, "i4,f4"), np.array(["2026"], "M8[s]"), np.zeros(2, "V4"),
     np.frombuffer(b"\x05", bool), np.zeros((0, 2_000_000)), np.array(["\ud800"])],
)  # fmt: skip
def test_arrays_that_are_no_plain_data_are_told(array: np.ndarray) -> None:
    with pytest.raises(ValueError):
        demand_plain(array)


def test_every_plain_array_comes_back_from_its_bytes() -> None:
    for array in PLAIN.values():
        demand_plain(array)
        found = plain_array(array.dtype.str, array.shape, array.tobytes())
        np.testing.assert_array_equal(found, array, strict=True)


def test_text_is_shown_in_one_line_of_bounded_length() -> None:
    assert escaped("plain, é") == "plain, é"
    assert escaped("a\nb\x1b[0m\x00\x9b\u2028\u202e") == r"a\nb\x1b[0m\x00\x9b\u2028\u202e"
    assert escaped(os.fsdecode(b"\xff")) == r"\udcff"
    assert escaped("x" * 400) == "x" * 300 + "... (100 more characters)"
