"""The page of the documentation about a full run: what it came to, from the results, never by hand.

    python -m cryohalo.reproduction.document FOLDER   # keeps a run's numbers and writes the page
    python -m cryohalo.reproduction.document          # writes the page from the numbers kept

A run's numbers are kept beside the page, and judged by the claims as they stand: the test suite
fails when the page no longer is what numbers and claims say.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryohalo.reproduction.kept import Kept, Result
from cryohalo.reproduction.papers import all_claims
from cryohalo.reproduction.rooms import ROOMS
from cryohalo.reproduction.rows import Row, by_error, rows_of, rule, sentence
from cryohalo.reproduction.tables import markdown_text
from cryohalo.reproduction.verdict import Verdict
from cryohalo.reproduction.work import Settings

__all__ = ["NUMBERS", "PAGE", "StaleError", "keep_run", "page_with", "read_run", "told"]

_PAGES: Final = Path(__file__).parents[2] / "docs" / "explanation"
PAGE: Final = _PAGES / "reproduce.md"
#: A run's results, as ``Result.recorded`` has them, and on which machine.
NUMBERS: Final = _PAGES / "reproduce.json"
_BEGIN: Final = "<!-- from a run, by python -m cryohalo.reproduction.document -->\n"
_END: Final = "<!-- so far from a run -->\n"


class StaleError(ValueError):
    """A folder's results are not those of a whole run of this code."""


def keep_run(folder: Path, numbers: Path = NUMBERS) -> None:
    """Keep the numbers of a full run beside the page.

    Args:
        folder: Of the reproduction.
        numbers: The file.

    Raises:
        StaleError: A room failed, was not run, or was run by other code.
        OSError: The file cannot be written.
    """
    kept = Kept(folder, Settings())
    results = []
    for room in ROOMS:
        result = kept.find(room)
        if result is None:
            raise StaleError(
                f"{folder}: no full result of {room.name} by this code; "
                f"cryohalo reproduce --folder {folder} makes it"
            )
        results.append({**result.recorded(), "drawn": []})
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    content = {"machine": machine, "results": results}
    numbers.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_run(numbers: Path = NUMBERS) -> tuple[str, dict[str, Result]]:
    """The machine and the results that are kept, by room.

    Raises:
        OSError: There is no such file.
        ValueError: It is none of ours.
    """
    content = json.loads(numbers.read_text("utf-8"))
    results = [Result.of(one) for one in content["results"]]
    return content["machine"], {result.room: result for result in results}


def told(machine: str, results: Mapping[str, Result]) -> str:
    """All that the page has from a run: sum, time, what differs and why, the tables."""
    rows = rows_of(all_claims(), results)
    parts = [
        f"{sentence(rows)}. {rule()} {_time(machine, results.values())}\n\n",
        "| room | took |\n|---|---|\n",
        *(f"| `{result.room}` | {result.seconds:.0f} s |\n" for result in results.values()),
        "\nWhat differs, and why:\n\n",
        *(_reason(row) for row in rows if row.verdict is Verdict.DIFFERS),
        f"\n{by_error(rows)}\n" if by_error(rows) else "",
        markdown_text(rows),
    ]
    return "".join(parts)


def _time(machine: str, results: Iterable[Result]) -> str:
    """From the first room's beginning to the last one's end."""
    spans = [
        (began, began + timedelta(seconds=result.seconds))
        for result in results
        for began in [datetime.fromisoformat(result.began)]
    ]
    whole_s = (max(end for _, end in spans) - min(began for began, _ in spans)).total_seconds()
    seeds = sorted({result.settings["seed"] for result in results})
    return (
        f"Seed {', '.join(map(str, seeds))}; {whole_s / 60.0:.1f} minutes from the first room's "
        f"beginning to the last one's end, {machine}, {min(began for began, _ in spans):%d %B %Y}."
    )


def _reason(row: Row) -> str:
    """Why a row differs: the claim's words, with what this run found."""
    assert row.finding is not None  # or it could not differ
    ours = f"{row.our_text} {row.error_text}".strip()
    why = row.claim.differs or "not understood"
    note = f" ({row.finding.note})" if row.finding.note else ""
    return f"- **`{row.claim.name}`**: {row.paper_text} stated, {ours} here: {why}{note}.\n"


def page_with(page: str, part: str) -> str:
    """A page with what it has from a run replaced.

    Raises:
        ValueError: It does not say where that is.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page has no {(_BEGIN if not begin else _END).strip()!r}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep a run's numbers if a folder is named, and write the page; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m cryohalo.reproduction.document",
        description="The page of the documentation about a full run, from its results.",
    )
    parser.add_argument("folder", nargs="?", type=Path, help="of cryohalo reproduce")
    given: Any = parser.parse_args(arguments)
    try:
        if given.folder is not None:
            keep_run(given.folder)
        text = page_with(PAGE.read_text("utf-8"), told(*read_run()))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    PAGE.write_text(text, "utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
