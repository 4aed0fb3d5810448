"""The whole story in one command: two IOCs, a cool-down, a scan, a limit, a report.

The simulation hides an axion at a frequency that only the seed decides. Devices, plans and analysis
see process variables and the catalog; the sealed envelope is opened after the analysis is done.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cryohalo.demo_folder import SEED_KEY, clear
from cryohalo.launcher import Ioc, Launcher
from cryohalo.progress import Progress

if TYPE_CHECKING:
    from cryohalo.session import Session
    from haloscope.axion import AxionLine

CENTRE_MHZ = 1100.0
STEP_MHZ = 0.010
AMRR_SPEED = 500.0
"""Simulated seconds per second for the cool-down: slow enough to see every cycle, 0.36 s each."""
DEMO_COUPLING_PER_GEV = 1.0e-15
"""1.5 times the DFSZ coupling: stands well above threshold, and no spike filter sees it."""


@dataclass(frozen=True)
class DemoOptions:
    """What the demonstration does.

    Attributes:
        output: Report folder; what an earlier demonstration wrote there is replaced.
        seed: Decides all noise and where the axion hides.
        steps: Steps of the scan, 10 kHz each.
        inject: Hide an axion of demo strength.
    """

    output: Path
    seed: int
    steps: int
    inject: bool

    @property
    def band_mhz(self) -> tuple[float, float]:
        """First and last target of the scan, MHz."""
        half = (self.steps - 1) * STEP_MHZ / 2
        return round(CENTRE_MHZ - half, 6), round(CENTRE_MHZ + half, 6)

    @property
    def catalog(self) -> Path:
        """Folder of the documents."""
        return self.output / "catalog"

    def iocs(self) -> list[Ioc]:
        """Both IOCs; the haloscope's hides a line within the scanned band if asked to."""
        seed = ("--seed", str(self.seed))
        band = [str(f) for f in self.band_mhz]
        hidden = ("--inject", str(DEMO_COUPLING_PER_GEV), "--inject-band", *band)
        return [
            Ioc("amrr", arguments=(*seed, "--speed", str(AMRR_SPEED))),
            Ioc("haloscope", arguments=(*seed, "--speed", "0", *(hidden if self.inject else ()))),
        ]


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
    from cryohalo.demo_report import write_report

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
    from plans.amrr import cooldown, safe_shutdown

    refrigerator = session.refrigerator
    with progress.runs(session, "cool-down", "cycles", "cycle_mean_chx_temperature", "K"):
        session.run(cooldown(refrigerator, heater_power_uw=600.0))
    session.run_engine(safe_shutdown(refrigerator))
    progress.note("refrigerator shut down, magnets at zero")


def _search(session: Session, options: DemoOptions, progress: Progress) -> None:
    from plans.calibration import calibrate
    from plans.scan import scan

    haloscope = session.haloscope
    with progress.runs(session, "calibration", "spectra", "noise_source_temperature", "K"):
        calibration = session.run_engine(calibrate(haloscope, CENTRE_MHZ)).plan_result
    first, last = options.band_mhz
    sealed = {"envelope_hash": haloscope.seal.envelope_hash.get()}
    plan = scan(haloscope, start_mhz=first, stop_mhz=last, calibration=calibration, md=sealed)
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

    seal = session.haloscope.seal
    published = session.catalog.named("scan")[-1].start["envelope_hash"]
    seal.unseal.set(1).wait(timeout=10)
    return open_envelope(seal.envelope.get(), published)


def _print(summary: Mapping[str, Any], console: Console) -> None:
    console.print()
    for name, value in summary["lines"]:
        console.print(f"  {name:<24}{value}", soft_wrap=True)
