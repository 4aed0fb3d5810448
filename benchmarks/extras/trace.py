"""A Touchstone file of a network analyser."""

from pathlib import Path

from haloscope.measuring.trace_files import read_trace

lines = [f"{700_000_000 + 1000 * k} {1 - 0.01 * k} 0.0" for k in range(20)]
Path("cavity.s1p").write_text("\n".join(["# Hz S RI R 50", *lines, ""]))
assert len(read_trace("cavity.s1p").frequency_hz) == 20
