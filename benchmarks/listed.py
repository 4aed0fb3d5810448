"""Which benchmarks make up the table of ``make bench``, and why the others do not."""

from __future__ import annotations

from typing import Final

__all__ = ["LEFT_OUT", "TABLE", "TIMEOUT_S"]

#: Modules with their arguments, in the order of the table; ``{folder}`` is one that is removed.
TABLE: Final[dict[str, tuple[str, ...]]] = {
    "amrr_speed": (),
    "analysis_speed": ("--spectra", "600", "--experiments", "2000"),
    "haloscope_spectrum": ("40",),
    "haloscope_step": ("40",),
    "plans_step": ("--steps", "40", "--rounds", "3"),
    "watched_step": ("--clients", "0", "20", "--steps", "20", "--rounds", "2"),
    "serving": ("asking", "latency", "--rounds", "1", "--seconds", "3"),
    "serving_against_base": ("--rounds", "1"),
    "bluesky_points": ("--rounds", "1", "--points", "60"),
    "catalog_scale": ("{folder}", "--runs", "5000", "--spectra", "100"),
}
#: Run by themselves.
LEFT_OUT: Final[dict[str, str]] = {
    "amrr_numpy_step": "a part of amrr_speed",
    "extras_size": "installs every extra into a new environment",
    "extras_try": "installs every extra into a new environment",
    "listed": "this list",
    "machine": "a part of the table",
    "page": "wants Chromium",
    "plans_interruptions": "kills for some ten minutes",
    "plans_session": "looks at a whole session",
    "results": "a part of the table",
    "room_step": "wants Chromium and Redis",
    "serving_abuse": "lasts ten minutes and more",
    "serving_base": "EPICS base's own tests, no speed",
    "session_memory": "lasts an hour",
    "soak": "lasts hours",
    "state_kills": "kills for some ten minutes",
    "state_puts": "measures the disk more than the IOC",
    "step_against": "wants a commit to hold this tree against",
    "whole_search": "a whole search, minutes of a quiet machine",
}
#: A benchmark that takes longer is ended, and the others go on.
TIMEOUT_S: Final = 300.0
