"""Spectra in arrays to a limit: with NumPy and SciPy alone. ``arrays.py FOLDER-OF-GENERATOR``."""

import sys

sys.path.insert(0, sys.argv[1])
from generator import make, scan_targets

from haloscope.analysis.pipeline import analyze

result = analyze(make(scan_targets(20), seed=1))
assert result.believed
assert result.limit.coupling_per_gev.min() > 0
