"""A session that runs or goes on with a campaign: what `benchmarks.plans_interruptions` kills.

python -m benchmarks.plans_session PREFIX CATALOG FIRST_MHZ LAST_MHZ AVERAGES
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryohalo.catalog import Catalog, DocumentWriter
from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.haloscope import Haloscope
from plans.haloscope.campaign import campaign
from plans.haloscope.steps import planned

CAMPAIGN = "interruptions"
CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.01,
    "line_attenuation_db": 0.45,
    "line_attenuation_db_error": 0.01,
}


def documents(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """All documents of a catalog."""
    for run in Catalog(folder):
        yield from run.documents()


def main() -> None:
    """Run what is left of the campaign."""
    prefix, folder, first, last, averages = sys.argv[1:]
    haloscope = Haloscope(prefix, name="haloscope")
    haloscope.connect(30.0)
    engine = make_run_engine()
    writer = DocumentWriter(folder)
    engine.subscribe(writer)
    plan = campaign(
        haloscope,
        CAMPAIGN,
        planned(start_mhz=float(first), stop_mhz=float(last)),
        averages=int(averages),
        rescan_averages=int(averages),
        calibration=CALIBRATION,
        documents=documents(Path(folder)),
    )
    engine(plan)
    writer.close()
    close_run_engine(engine)


if __name__ == "__main__":
    main()
