"""One room in a process of its own: ``python -m cryohalo.reproduction.room_process NAME FOLDER``.

A process of its own has an IOC of its own, which Channel Access can find by the environment alone
that is set before its first import; what goes wrong in there ends no other room; and two rooms use
two cores. What it found is kept in the folder; how far it is, it says on standard output, one
number between 0 and 1 a line.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Set
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from cryohalo.provenance import software_version
from cryohalo.reproduction.kept import Kept, Result, fingerprint
from cryohalo.reproduction.papers import all_claims
from cryohalo.reproduction.rooms import Room, room_named
from cryohalo.reproduction.work import Answers, Settings, Work

__all__ = ["run_room"]


def run_room(room: Room, kept: Kept, out: TextIO) -> Result:
    """Compute a room and keep what it found, or why it found nothing.

    Args:
        room: Which.
        kept: Where.
        out: Is told how far it is.
    """
    folder = kept.work_folder(room)
    folder.mkdir(parents=True, exist_ok=True)

    def tell(share: float) -> None:
        print(f"{share:.3f}", file=out, flush=True)

    work = Work(kept.settings, folder, kept.output, tell)
    began, start_s = datetime.now(UTC), time.monotonic()
    findings: Answers = {}
    error = ""
    try:
        findings = room.compute(work)
        _demand_all(room, {*findings, *work.left_out})
    except Exception as failed:  # a row that fails is shown as failing, and ends no other
        traceback.print_exc()
        error = f"{type(failed).__name__}: {failed}"
    result = Result(
        room=room.name,
        fingerprint=fingerprint(room, kept.settings),
        settings=kept.settings.recorded(),
        findings=dict(findings),
        drawn=tuple(work.drawn),
        seconds=time.monotonic() - start_s,
        began=began.isoformat(timespec="seconds"),
        software=software_version(),
        error=error,
        left_out=work.left_out,
    )
    kept.keep(room, result)
    return result


def _demand_all(room: Room, findings: Set[str]) -> None:
    """Every claim of the room has its finding, and no finding is without a claim.

    Raises:
        LookupError: Names them.
    """
    wanted = {claim.name for claim in all_claims() if claim.room == room.name}
    if missing := sorted(wanted - findings):
        raise LookupError(f"{room.name} finds nothing for {', '.join(missing)}")
    if unasked := sorted(findings - wanted):
        raise LookupError(f"{room.name} finds what no claim asks for: {', '.join(unasked)}")


def main() -> None:
    """Run the room that is named; exit code 1 where it failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", type=room_named)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    given = parser.parse_args()
    kept = Kept(given.folder, Settings(quick=given.quick, seed=given.seed))
    told, sys.stdout = sys.stdout, sys.stderr  # what plans print is no progress
    raise SystemExit(1 if run_room(given.room, kept, told).error else 0)


if __name__ == "__main__":
    main()
