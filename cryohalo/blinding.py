"""What a catalog tells of blind runs: their hash from the start, and later what was hidden.

The hash stands in the start document of every run of the haloscope. After the envelope was opened
its text stands in the start documents that follow. It counts only if it has the hash under which
the run was taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryohalo.catalog import Run, open_catalog
from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.injection import recovery
from haloscope.apparatus.injection import envelope_hash, open_envelope
from haloscope.axion import AxionLine
from instruments.printable import escaped

__all__ = ["Opened", "comparison", "envelope_line", "envelopes", "opened", "seal_of", "told"]

_KEPT = ("envelope_hash", "blind", "unsealed", "unsealed_at", "unsealed_by")


@dataclass(frozen=True)
class Opened:
    """An envelope that was opened.

    Attributes:
        line: What was hidden, None for nothing.
        text: The envelope's text.
        at: When it was opened.
        by: Who has opened it.
    """

    line: AxionLine | None
    text: str
    at: str
    by: str


def seal_of(start: Mapping[str, Any]) -> dict[str, Any]:
    """What a start document says of the seal."""
    return {name: start[name] for name in _KEPT if name in start}


def opened(runs: Iterable[Run], published: str) -> Opened | None:
    """The envelope of this hash, if some run recorded its contents; None while it is sealed.

    Texts that have another hash are no contents of it, whatever their document says.

    Raises:
        ValueError: The text has the hash, and is no envelope.
    """
    for run in runs:
        start = run.start
        text = start.get("envelope")
        if isinstance(text, str) and text and envelope_hash(text) == published:
            line = open_envelope(text, published)
            at, by = (str(start.get(key, "")) for key in ("unsealed_at", "unsealed_by"))
            return Opened(line, text, at, by)
    return None


def comparison(result: Result, hidden: AxionLine | None) -> str:
    """What was hidden against what was found, in words; to be asked for when all is decided."""
    if hidden is None:
        return f"nothing was hidden; {len(result.candidates)} candidates"
    told = f"{hidden.frequency_hz * 1e-6:.6f} MHz, {hidden.coupling_per_gev:.3g} 1/GeV"
    try:
        seen = recovery(result, hidden.frequency_hz, hidden.coupling_per_gev)
    except ValueError:
        return f"hidden at {told}: outside of what was scanned"
    missed = "found, and vetoed as interference" if seen.vetoed else "not found"
    found = "found" if seen.candidate else missed
    return (
        f"hidden at {told}: {found}, excess {seen.observed:.2f} where {seen.expected:.2f} was "
        f"expected, to be found with probability {seen.probability:.2f}"
    )


def envelope_line(runs: Iterable[Run], published: str, result: Result) -> str:
    """A report's line on one envelope: sealed, or when it was opened, and what became of it."""
    found = opened(runs, published)
    if found is None:
        return f"sealed, {published}"
    return f"{comparison(result, found.line)} (opened {told(found)}, {published})"


def envelopes(provenance: Mapping[str, Any], catalog: Path | str, result: Result) -> dict[str, str]:
    """What a result's provenance adds of the envelopes that its runs were taken under.

    Args:
        provenance: With what each run says of itself, by ``run_...``.
        catalog: Where a run may have recorded that they were opened.
        result: The analysis: what was hidden is asked for after it.
    """
    origins = [value for name, value in provenance.items() if name.startswith("run_")]
    hashes = {origin["envelope_hash"] for origin in origins if origin.get("envelope_hash")}
    lines = [envelope_line(open_catalog(catalog), one, result) for one in sorted(hashes)]
    return {"envelope": "; ".join(lines)} if lines else {}


def told(found: Opened) -> str:
    """When and by whom, in one line."""
    return f"{escaped(found.at)} by {escaped(found.by)}"
