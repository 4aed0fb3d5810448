"""Steps of a campaign."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.analysis_speed import stack
from benchmarks.scale.axes.recorded import documents
from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.process import forget_peak, peak_mb
from cryohalo.catalog import DocumentWriter
from cryohalo.run_engine import close_run_engine, make_run_engine
from haloscope.analysis.online import Online
from haloscope.analysis.report.page import write_report

#: Live steps write 0.8 MB and take some 15 ms each.
MOST_LIVE = 3000
#: Steps whose last ones are timed alone.
LAST = 50
#: Spectra made at a time: what is not kept by the analysis is not kept here either.
CHUNK = 100
BAND_MHZ = (1095.0, 10.0)
#: Of all steps: a few windows of noise are as improbable as those that are cut.
MOST_CUT = 1e-3
#: Longer campaigns go over the letter's band again.
BAND_HZ, STEP_HZ = (1.09e9, 20e6), 10e3


def live(steps: int) -> dict[str, float]:
    """A scan on the machine in this process, with its catalog and the online analysis."""
    from devices.simulated.haloscope import Haloscope
    from plans.haloscope.scan import scan

    haloscope, engine, online = Haloscope(name="haloscope", seed=1), make_run_engine(), Online()
    first, width = BAND_MHZ
    targets = [first + width * number / steps for number in range(steps)]
    with tempfile.TemporaryDirectory() as folder:
        writer = DocumentWriter(Path(folder))
        engine.subscribe(writer)
        engine.subscribe(online)
        begin = time.perf_counter()
        engine(scan(haloscope, targets))
        took_s = time.perf_counter() - begin
        writer.close()
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    close_run_engine(engine)
    haloscope.bench.close()
    return {"live_s": took_s, "disk_mb": disk / 1e6, "live_mb": peak_mb()}


def online_analysis(steps: int) -> dict[str, float]:
    """The online analysis alone, of spectra that were not taken but drawn."""
    online, took_s, late = Online(), 0.0, []
    for first in range(0, steps, CHUNK):
        first_hz = BAND_HZ[0] + STEP_HZ * first % BAND_HZ[1]
        spectra = stack(min(CHUNK, steps - first), first_hz, seed=first)
        for row in range(len(spectra)):
            one = spectra.subset(slice(row, row + 1))
            begin = time.process_time()
            online.add(one)
            late.append(time.process_time() - begin)
        took_s, late = took_s + sum(late[-len(spectra) :]), late[-LAST:]
    begin = time.perf_counter()
    result = online.result()
    if result.spectra < (1 - MOST_CUT) * steps:
        raise SystemExit(f"{result.spectra} of {steps} spectra used: {result.quality.sentence()}")
    with tempfile.TemporaryDirectory() as folder:
        report = write_report(Path(folder) / "report.html", result)
        report_s, report_mb = time.perf_counter() - begin, report.stat().st_size / 1e6
    return {
        "online_s": took_s,
        "late_ms": 1e3 * sum(late) / len(late),
        "report_s": report_s,
        "online_mb": peak_mb(),
        "report_mb": report_mb,
    }


def in_lots(steps: int) -> dict[str, float]:
    """The same of spectra as documents bring them, taken together as a campaign's process does."""
    from cryohalo.searching.worker import TOGETHER

    online, used_s = Online(together=TOGETHER), 0.0
    for name, document in documents(steps):
        begin = time.process_time()
        online(name, document)
        used_s += time.process_time() - begin
    begin = time.process_time()
    online.settle()
    return {"lots_s": used_s + time.process_time() - begin}


def measure(size: int) -> dict[str, float]:
    """Both, as far as a size is affordable."""
    found = live(size) if size <= MOST_LIVE else {}
    forget_peak()
    return {**found, **online_analysis(size), **in_lots(size)}


AXIS = Axis(
    name="steps",
    title="steps of a campaign",
    told=(
        "Live: a scan on the machine in process, every spectrum of 100 000 points into the "
        f"catalog and through the online analysis, up to {MOST_LIVE} steps. Beyond that the "
        "online analysis alone, of windows that were drawn and not taken, and the report at its "
        "end: a live campaign of 100 000 steps would take half an hour and 80 GB."
    ),
    why=(
        "A step touches the grand bins of its own window alone, and adds its share to sums that "
        "are kept: of the spectra, of the error budget, of what the fit took away. It is also "
        "compared with every earlier spectrum, lest one enters twice: by 128 bytes of signs, "
        "which say of which the whole 4 kB are worth a product, 20 ns for each, and by landmarks "
        "looked up in trees of doubling size, as many as the logarithm of the steps says. What is "
        "left is the same for every step: some 4000 calls of small functions, of which baseline "
        "and spikes are a quarter. Where each spectrum is analysed alone, that is the time; a "
        "campaign's process takes those of a second together, which is a seventh of the calls and "
        "a third of the time or less. Memory is that of the windows kept for the analysis at the "
        "end, 60 kB each, and some 30 kB of fingerprints, landmarks and grand bins."
    ),
    sizes=(100, 300, 1000, 3000),
    large=(10_000, 30_000, 100_000),
    quantities={
        "live_s": Quantity("live, in process", "s", "time"),
        "online_s": Quantity("online analysis, processor", "s", "time"),
        "lots_s": Quantity("in lots of a campaign's process, processor", "s", "time"),
        "late_ms": Quantity("one step of that, at the end", "ms", "time"),
        "report_s": Quantity("report at the end", "s", "time"),
        "live_mb": Quantity("peak memory, live", "MB", "memory"),
        "online_mb": Quantity("peak memory, online analysis", "MB", "memory"),
        "disk_mb": Quantity("catalog", "MB", "bytes"),
        "report_mb": Quantity("report's page", "MB", "bytes"),
    },
    measure=measure,
    timeout_s=1800.0,
)
