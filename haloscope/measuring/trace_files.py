"""Traces of a network analyser as files that somebody else may have written.

- Touchstone, versions 1 and 2, of one or two ports (``.s1p``, ``.s2p``, ``.ts``): read by scikit-rf
  (extra ``touchstone``), from bytes of a bounded size.
- CSV (``.csv``) with a header: ``frequency_hz,re,im``, ``frequency_hz,db,deg`` or
  ``frequency_hz,db``; lines that begin with ``#`` or ``!`` are comments.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from instruments.foreign_files import read_bounded
from instruments.printable import escaped

__all__ = ["Trace", "read_trace"]

#: A megabyte of text takes 30 of memory while it is read; 20 001 points of two ports have two.
MAX_BYTES: Final = 20_000_000
MAX_POINTS: Final = 1_000_000
MAX_PORTS: Final = 2
_PORTS: Final = {".s1p": 1, ".s2p": 2, ".ts": 0}
_STATED_PORTS: Final = re.compile(r"^\s*\[number of ports\]\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_OPTIONS: Final = re.compile(r"^\s*#", re.MULTILINE)
_WHICH: Final = re.compile(r"[12][12]")


@dataclass(frozen=True)
class Trace:
    """One S-parameter over frequency.

    Attributes:
        frequency_hz: Ascending, shape (P,), Hz.
        s: Complex, or real and not below 0 if the file has no phases, shape (P,).
        name: Which: ``"S11"``.
    """

    frequency_hz: NDArray[np.float64]
    s: NDArray[np.inexact]
    name: str

    def over(self, other: Trace) -> NDArray[np.inexact]:
        """This trace divided by another one at the same frequencies, shape (P,).

        Raises:
            ValueError: They are not at the same frequencies, or the other is 0 somewhere.
        """
        own, theirs = self.frequency_hz, other.frequency_hz
        if own.shape != theirs.shape or not np.allclose(own, theirs, rtol=1e-12, atol=0):
            raise ValueError(
                f"traces of {own.size} points from {own[0] * 1e-6:.6f} to {own[-1] * 1e-6:.6f} MHz "
                f"and {theirs.size} from {theirs[0] * 1e-6:.6f} to {theirs[-1] * 1e-6:.6f} MHz: "
                "needed the same frequencies"
            )
        if not np.all(np.abs(other.s) > 0):
            raise ValueError(f"{other.name} is 0 somewhere: nothing can be divided by it")
        return np.asarray(self.s / other.s)


def read_trace(path: Path | str, which: str = "") -> Trace:
    """Read one S-parameter of a file.

    Args:
        path: The file; its kind is told by its ending.
        which: ``"11"``, ``"21"``, ``"12"`` or ``"22"``; S11 of one port and S21 of two if not
            given. A CSV file holds one alone.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such file, or what is in it is none; names the file and what is wrong.
        ImportError: scikit-rf is not installed.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (*_PORTS, ".csv"):
        raise ValueError(f"{path}: needed a file that ends in {', '.join(_PORTS)} or .csv")
    if which and not _WHICH.fullmatch(which):
        raise ValueError(f"S{which:.20}: needed 11, 21, 12 or 22")
    try:
        text = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text") from None
    try:
        trace = _of_table(text, which) if kind == ".csv" else _of_touchstone(path, text, which)
        _demand_sound(trace)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return trace


def _of_touchstone(path: Path, text: str, which: str) -> Trace:
    try:
        from skrf.io.touchstone import Touchstone
    except ImportError:
        raise ImportError(
            f"{path}: Touchstone files are read by scikit-rf: pip install cryohalo[touchstone]"
        ) from None
    ports = _ports(path, text)
    if not _OPTIONS.search(text):
        raise ValueError("no Touchstone file: no line of options, such as '# Hz S RI R 50'")
    file = io.StringIO(text)
    file.name = f"trace.s{ports}p"  # An instance's own attribute, as a file on disk has it.
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = Touchstone(file)
            frequency, s = found.get_sparameter_arrays()
    except Exception as error:  # A parser of somebody else's: whatever a damaged file ends it by.
        said = escaped(str(error), 200) or type(error).__name__
        raise ValueError(f"no Touchstone file of {ports} ports: {said}") from error
    if s.ndim != MAX_PORTS + 1 or s.shape[1:] != (ports, ports) or len(s) != len(frequency):
        raise ValueError(f"holds parameters of shape {s.shape}, needed {ports} ports")
    wanted = which or ("11" if ports == 1 else "21")
    row, column = (int(digit) - 1 for digit in wanted)
    if max(row, column) >= ports:
        raise ValueError(f"has no S{wanted}: it is of one port")
    own = np.asarray(s[:, row, column], dtype=np.complex128)
    return Trace(np.asarray(frequency, dtype=np.float64), own, f"S{wanted}")


def _ports(path: Path, text: str) -> int:
    stated = _STATED_PORTS.search(text)
    named = _PORTS[path.suffix.lower()]
    ports = int(stated[1]) if stated and stated[1].isdecimal() and len(stated[1]) < 9 else named
    if stated and not stated[1].isdecimal():
        raise ValueError(f"its number of ports is {escaped(stated[1], 40)!r}")
    if not 1 <= ports <= MAX_PORTS or (named and named != ports):
        raise ValueError(f"is of {ports or 'an unknown number of'} ports: one or two are read")
    return ports


def _of_table(text: str, which: str) -> Trace:
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#!"]
    header = [name.strip().lower() for name in lines[0].split(",")] if lines else []
    forms = (["frequency_hz", "re", "im"], ["frequency_hz", "db", "deg"], ["frequency_hz", "db"])
    if header not in forms:
        known = "; ".join(",".join(form) for form in forms)
        raise ValueError(f"its header is {escaped(','.join(header), 60)!r}, needed {known}")
    if len(lines) - 1 > MAX_POINTS:
        raise ValueError(f"has {len(lines) - 1} points, at most {MAX_POINTS}")
    try:
        columns = np.loadtxt(lines[1:], delimiter=",", ndmin=2).T
    except ValueError as error:
        raise ValueError(f"not a table of numbers: {error}") from error
    if len(columns) != len(header):
        raise ValueError(f"has {len(columns)} columns under {len(header)} headers")
    name = f"S{which}" if which else "S"
    if header[1] == "re":
        return Trace(columns[0], columns[1] + 1j * columns[2], name)
    with np.errstate(over="ignore"):
        magnitude = 10 ** (columns[1] / 20)
    if header[-1] == "db":
        return Trace(columns[0], magnitude, name)
    return Trace(columns[0], magnitude * np.exp(1j * np.radians(columns[2])), name)


def _demand_sound(trace: Trace) -> None:
    nu, s = trace.frequency_hz, trace.s
    if not 1 < nu.size <= MAX_POINTS:
        raise ValueError(f"has {nu.size} points, needed 2 to {MAX_POINTS}")
    bad = np.flatnonzero(~(np.isfinite(nu) & np.isfinite(s)))
    if bad.size:
        raise ValueError(f"point {bad[0] + 1} is no number ({bad.size} of {nu.size} are none)")
    if not (nu[0] > 0 and np.all(np.diff(nu) > 0)):
        raise ValueError("its frequencies do not ascend from above 0 Hz")
