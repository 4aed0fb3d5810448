"""NumPy archives (``.npz``) that somebody else may have written or damaged.

``numpy.load`` reads shapes and dtypes as they are declared: it may ask for more memory than there
is, and its object arrays are pickles. Here every member is plain data whose bytes are all there.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from instruments.foreign_files import read_bounded
from instruments.plain_arrays import plain_array

__all__ = ["load_npz"]

#: Of all arrays of an archive together, unpacked.
MAX_BYTES: Final = 1_000_000_000
MAX_MEMBERS: Final = 1000

# What damaged bytes raise in zipfile and zlib.
_DAMAGE: Final = (
    ValueError,  # also an integer of too many digits
    KeyError,
    EOFError,
    RuntimeError,  # a member that is encrypted; NotImplementedError for a compression of others
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


#: Beginning of a member: bytes of the length of its header.
_LENGTH: Final = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}
_HEADER: Final = re.compile(
    r"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), "
    r"'shape': \(([0-9, ]{0,400})\), \}\s*"
)


def load_npz(path: Path | str) -> dict[str, NDArray[Any]]:
    """The arrays of an archive by name; they are copies and may be written to.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is no archive of plain arrays, or is damaged; names the file.
    """
    content = io.BytesIO(read_bounded(path, MAX_BYTES))
    try:
        with zipfile.ZipFile(content) as archive:
            return _arrays(archive)
    except _DAMAGE as error:
        raise ValueError(f"{path}: not an archive of plain arrays: {error}") from error


def _arrays(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or total > MAX_BYTES:
        raise ValueError(f"{len(members)} members of {total} bytes")
    # A member's own header is not trusted: at most what the archive's list says is unpacked.
    return {m.filename.removesuffix(".npy"): _array(archive.read(m)) for m in members}


def _array(data: bytes) -> NDArray[Any]:
    """One member: ten bytes or twelve, a header that NumPy writes in one form, the elements."""
    length = _LENGTH.get(data[:8])
    if length is None:
        raise ValueError(f"a member begins with {data[:8]!r}")
    begin = 8 + length
    end = begin + int.from_bytes(data[8:begin], "little")
    header = _HEADER.fullmatch(data[begin:end].decode("latin-1"))
    if header is None:
        raise ValueError("a member's header is not NumPy's")
    dtype, fortran, dimensions = header.groups()
    shape = tuple(int(n) for n in dimensions.replace(",", " ").split())
    transposed = fortran == "True"
    array = plain_array(dtype, shape[::-1] if transposed else shape, data[end:])
    return (array.T if transposed else array).copy()
