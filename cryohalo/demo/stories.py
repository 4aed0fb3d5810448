"""The whole story in one command: two IOCs, a cool-down, a scan, a limit, a report.

The simulation hides an axion at a frequency that the seed decides: a demonstration, not blind, for
which see ``cryohalo blind``. Devices, plans and analysis see process variables and the catalog;
the sealed envelope is opened when the scan is done.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cryohalo.demo.folder import SEED_KEY, clear
from cryohalo.demo.options import DemoOptions
from cryohalo.processes.launcher import Launcher
from cryohalo.progress import Progress

if TYPE_CHECKING:
    from cryohalo.session import Session
    from haloscope.axion import AxionLine


def run_demo(options: DemoOptions, console: Console) -> Mapping[str, Any]:
    """Run the demonstration and write its report.

    Args:
        options: What to do.
        console: Where progress and the summary go.

    Raises:
        FolderTakenError: The folder holds what no demonstration wrote.

    Returns:
        The summary: temperatures, limits, candidates, the envelope, the report's path.
    """
    clear(options.output, options.catalog)
    console.print(f"cryohalo demo, seed {options.seed}: report goes to {options.output}")
    with Progress(console) as progress, Launcher(options.iocs()) as launcher:
        progress.note(f"both IOCs serve on {launcher.address_list}")
        os.environ.update(launcher.environment)  # before the first Channel Access import
        hidden = _run_stories(options, progress)
    from cryohalo.demo.report import write_report

    summary = write_report(options, hidden, console)
    _print(summary, console)
    return summary


def _run_stories(options: DemoOptions, progress: Progress) -> AxionLine | None:
    """Both instruments, then the opened envelope; all results are in the catalog."""
    from cryohalo.session import Session

    metadata = {"operator": "cryohalo demo", SEED_KEY: options.seed}
    with Session.open(
        options.catalog, amrr_prefix="AMRR:", halo_prefix="HALO:", metadata=metadata
    ) as session:
        progress.note("both instruments connected")
        _cool_down(session, progress)
        _search(session, options, progress)
        return _unseal(session)


def _cool_down(session: Session, progress: Progress) -> None:
    from plans.refrigerator.running import cooldown, safe_shutdown

    refrigerator = session.refrigerator
    with progress.runs(session, "cool-down", "cycles", "cycle_mean_chx_temperature", "K"):
        session.run(cooldown(refrigerator, heater_power_uw=600.0))
    session.run_engine(safe_shutdown(refrigerator))
    progress.note("refrigerator shut down, magnets at zero")


def _search(session: Session, options: DemoOptions, progress: Progress) -> None:
    from bluesky.run_engine import RunEngineResult

    from plans.haloscope.calibration import calibrate
    from plans.haloscope.scan import scan

    haloscope = session.haloscope
    with progress.runs(session, "calibration", "spectra", "noise_source_temperature", "K"):
        done = session.run_engine(calibrate(haloscope, options.centre_mhz))
    assert isinstance(done, RunEngineResult)
    calibration = done.plan_result
    first, last = options.band_mhz
    plan = scan(haloscope, start_mhz=first, stop_mhz=last, calibration=calibration)
    with progress.runs(
        session, "scan", "steps", "measured_cavity_frequency", "MHz", total=options.steps
    ):
        session.run(plan)


def _unseal(session: Session) -> AxionLine | None:
    """Open the envelope: the scan is over, what it finds can no longer be chosen.

    Raises:
        ValueError: Its contents are not those whose hash stood in the PV from the start.
    """
    from haloscope.apparatus.injection import open_envelope
    from plans.haloscope.unsealing import unseal

    published = session.catalog.named("scan")[-1].start["envelope_hash"]
    (run,) = session.run(unseal(session.haloscope))
    return open_envelope(run.start["envelope"], published)


def _print(summary: Mapping[str, Any], console: Console) -> None:
    console.print()
    for name, value in summary["lines"]:
        console.print(f"  {name:<24}{value}")
