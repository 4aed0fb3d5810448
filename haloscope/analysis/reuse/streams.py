"""Time streams of a digitizer's base band: complex samples about a centre, for narrow lines.

Layout of a file (HDF5, version 1)::

    /       attributes: format = "cryohalo-stream", version = 1, sample_rate_hz, centre_hz (of
            frequency 0 of the base band), start_s (since 1970 UTC, 0 if nobody noted it)
    /i, /q  (m,) samples, any unit
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import h5py
import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.exchange.hdf5 import reading

__all__ = ["Stream", "read_stream", "write_stream"]

FORMAT, VERSION = "cryohalo-stream", 1
_SAMPLES: Final = (16, 200_000_000)


@dataclass(frozen=True)
class Stream:
    """Samples of one stretch without gaps.

    Attributes:
        samples: Complex, shape (m,), any unit.
        sample_rate_hz: How many a second, which is the width of the band.
        centre_hz: What is at frequency 0 of the band.
        start_s: When it began, s since 1970 UTC; 0 if nobody noted it.

    Raises:
        ValueError: Too few samples, some that are no numbers, or a rate or centre that is none.
    """

    samples: NDArray[np.complexfloating]
    sample_rate_hz: float
    centre_hz: float
    start_s: float = 0.0

    def __post_init__(self) -> None:
        few, many = _SAMPLES
        if self.samples.ndim != 1 or not few <= self.samples.size <= many:
            raise ValueError(
                f"stream: samples of shape {self.samples.shape}, needed {few} to {many}"
            )
        bad = int(np.sum(~np.isfinite(self.samples)))
        if bad:
            raise ValueError(f"stream: {bad} of {self.samples.size} samples are no numbers")
        if not 0 < self.sample_rate_hz < np.inf:
            raise ValueError(f"stream: sample_rate_hz is {self.sample_rate_hz} Hz, needed above 0")
        if not self.sample_rate_hz < self.centre_hz < np.inf:
            raise ValueError(
                f"stream: centre_hz is {self.centre_hz} Hz, needed above the {self.sample_rate_hz} "
                "Hz of the band"
            )
        if not 0 <= self.start_s < np.inf:
            raise ValueError(f"stream: start_s is {self.start_s}, needed 0 or above")

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.samples.size / self.sample_rate_hz


def write_stream(path: Path | str, stream: Stream) -> None:
    """Write a stream; an existing file is replaced."""
    with h5py.File(path, "w") as file:
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            sample_rate_hz=stream.sample_rate_hz,
            centre_hz=stream.centre_hz,
            start_s=stream.start_s,
        )
        file.create_dataset("i", data=stream.samples.real)
        file.create_dataset("q", data=stream.samples.imag)


def read_stream(path: Path | str) -> Stream:
    """Read a stream.

    Raises:
        OSError: No such file.
        ValueError: Not such a file, or something is missing or not usable; names it.
    """
    with reading(path) as file:
        if file.attribute("format") != FORMAT or file.attribute("version") != VERSION:
            raise ValueError(f"not a {FORMAT} file of version {VERSION}")
        rate, centre = file.number("sample_rate_hz"), file.number("centre_hz")
        if rate is None or centre is None:
            raise ValueError("attributes needed: sample_rate_hz, centre_hz")
        parts = [file.numbers(name) for name in ("i", "q") if file.has(name)]
        if len(parts) < 2 or parts[0].shape != parts[1].shape or parts[0].dtype.kind == "c":
            raise ValueError("datasets needed: i and q, real and of one shape")
        start = file.number("start_s")
        samples = parts[0].astype(np.float64) + 1j * parts[1]
        return Stream(samples, rate, centre, 0.0 if start is None else start)
