"""The letter's campaign through process variables: IOC, plan, catalog, analysis, rescan, report.

1996 steps of 500 s over 1089.98 to 1110.04 MHz without the 380 kHz about the mode crossing. The
range holds 1969 steps of 10 kHz; the letter counts 1996 and does not say what the others were: here
they lie half-way between two regular steps, spread evenly. Interrupt it (Ctrl-C, kill) and run it
again with the same output: it continues from the catalog. With `--find-crossings` the campaign maps
the modes first and leaves out the crossing that it finds instead of the letter's. With `--decision
bayes` it takes again where the prior update is high, not what is above the threshold; with
`--field-off` what the rescan confirms is taken once more with the magnet ramped down.

    python examples/campaign.py --output campaign       # some minutes, 1.6 GB of documents
    python examples/campaign.py --output short --steps 60
    python examples/campaign.py --output mapped --steps 60 --find-crossings
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from cryohalo.processes.launcher import LaunchedIoc, Launcher
from cryohalo.progress import Progress
from cryohalo.reproduction.shared.letter_scan import (
    regular_targets,
    steps_of_the_letter,
    targets,
)


def main() -> None:
    """Run or continue the campaign; print the numbers, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("reports/campaign"))
    parser.add_argument("--steps", type=int, default=steps_of_the_letter())
    parser.add_argument("--find-crossings", action="store_true")
    parser.add_argument("--field-off", action="store_true")
    parser.add_argument("--decision", choices=("threshold", "bayes"), default="threshold")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(highlight=False)
    ioc = LaunchedIoc("haloscope", arguments=("--speed", "0", "--seed", str(options.seed)))
    with Progress(console) as progress, Launcher([ioc]) as launcher:
        os.environ.update(launcher.environment)
        outcome = run(options, progress)
    show(outcome, options.output, console)


def run(options: argparse.Namespace, progress: Progress) -> Any:
    """Open a session and run what is left of the campaign."""
    from cryohalo.session import Session
    from plans.haloscope.campaign import campaign

    wanted = targets(options.steps)
    if options.find_crossings:
        wanted = [round(float(f), 6) for f in regular_targets()[: options.steps]]
    with Session.open(options.output / "catalog", halo_prefix="HALO:") as session:
        plan = campaign(
            session.haloscope,
            "letter",
            wanted,
            find_crossings=options.find_crossings,
            decision=options.decision,
            field_off=options.field_off,
            documents=documents(session),
        )
        with progress.runs(
            session, "campaign", "steps", "measured_cavity_frequency", "MHz", total=options.steps
        ):
            return session.run_engine(plan).plan_result


def documents(session: Any) -> Iterator[tuple[str, Any]]:
    """Everything recorded so far."""
    for recorded in session.catalog:
        yield from recorded.documents()


def show(outcome: Any, output: Path, console: Console) -> None:
    """Print the summary and write figures, files and the page."""
    from haloscope.analysis.exchange import files
    from haloscope.analysis.exchange.published import ratio_to_published
    from haloscope.analysis.report.page import write_report

    result = outcome.result
    for name, value in files.summary(result).items():
        console.print(
            f"  {name:<24}{value:.6g}" if isinstance(value, float) else f"  {name:<24}{value}"
        )
    ratio = ratio_to_published(result.frequency_hz, result.limit.coupling_per_gev)
    console.print(f"  ours over published     {ratio.min():.3f} to {ratio.max():.3f}")
    console.print(f"  candidates              {[round(f, 6) for f in outcome.candidates_mhz]} MHz")
    console.print(f"  vetoed                  {[round(f, 6) for f in outcome.vetoed_mhz]} MHz")
    console.print(f"  after the rescan        {[round(f, 6) for f in outcome.survivors_mhz]} MHz")
    for verdict in outcome.verdicts:
        place = f"{verdict.candidate.frequency_hz * 1e-6:.6f} MHz"
        console.print(f"    {place}: {verdict.words}")
    console.print(f"  new since the rescan    {[round(f, 6) for f in outcome.fresh_mhz]} MHz")
    page = write_report(output / "report.html", result, verdicts=outcome.verdicts)
    files.save(output / "result.h5", result)
    files.save_limit(output / "limit.txt", result, "cryohalo, simulated campaign")
    files.save_bayes_limit(output / "limit_bayes.txt", result, "cryohalo, simulated campaign")
    console.print(f"  report                  {page}")


if __name__ == "__main__":
    main()
