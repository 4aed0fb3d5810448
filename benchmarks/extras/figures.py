"""An analysis as a file and as a report with its figures. ``figures.py FOLDER-OF-GENERATOR``."""

import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from generator import make, scan_targets

from haloscope.analysis.exchange.files import load, save
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.report.page import write_report

result = analyze(make(scan_targets(20), seed=1))
save(Path("result.h5"), result)
assert load(Path("result.h5"))[1].coupling_per_gev.shape == result.limit.coupling_per_gev.shape
assert write_report(Path("report.html"), result).stat().st_size > 10_000
