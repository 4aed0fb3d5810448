"""Spectra of an offline analysis."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.analysis_speed import stack
from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.process import forget_peak, peak_mb
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.report.page import write_report


def measure(size: int) -> dict[str, float]:
    """A campaign of so many spectra, in arrays as a file brings them."""
    spectra = stack(size)
    given_mb = spectra.power_w.nbytes / 1e6
    forget_peak()
    begin, used_s = time.perf_counter(), time.process_time()
    result = analyze(spectra)
    took_s, used_s = time.perf_counter() - begin, time.process_time() - used_s
    peak = peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        report = write_report(Path(folder) / "report.html", result)
        report_s, report_mb = time.perf_counter() - begin, report.stat().st_size / 1e6
    return {
        "analysis_s": took_s,
        "processor_s": used_s,
        "report_s": report_s,
        "memory_mb": peak,
        "given_mb": given_mb,
        "report_mb": report_mb,
    }


AXIS = Axis(
    name="spectra",
    title="spectra of an analysis",
    told=(
        "Noise windows of 150 kHz, 15 000 bins in single precision, 10 kHz apart, from arrays: "
        "the whole offline analysis with every default, and its report."
    ),
    why=(
        "Every spectrum is fitted by itself and added to sums, so time is linear; below some "
        "hundred spectra what is worked out once counts. Each is also compared with all others, "
        "lest one enters twice: by products of short vectors, and by landmarks, of which those "
        "that agree by chance are looked at again. Both grow as the square of the spectra: they "
        "are a thirtieth of the processor's time of 10 000, and a tenth of 30 000's. Memory is the "
        "spectra given and some 20 kB for each: its fit, fingerprint and landmarks, and the grand "
        "bins that it opens."
    ),
    sizes=(100, 300, 1000, 3000, 10_000),
    large=(30_000,),
    quantities={
        "analysis_s": Quantity("analysis", "s", "time"),
        "processor_s": Quantity("its processor time", "s", "time"),
        "report_s": Quantity("report", "s", "time"),
        "memory_mb": Quantity("peak memory", "MB", "memory"),
        "given_mb": Quantity("spectra in memory", "MB", "bytes"),
        "report_mb": Quantity("report's page", "MB", "bytes"),
    },
    measure=measure,
    timeout_s=1800.0,
)
