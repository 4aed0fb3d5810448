"""``cryohalo combine``: several results in one likelihood, each with its own errors.

Exit code 3: one of them, or what comes of all, is not to be believed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cryohalo.commands.options import EXIT_NOT_BELIEVED, WRITABLE, errors, plain_console
from instruments.printable import escaped

if TYPE_CHECKING:
    from haloscope.analysis.reuse.experiments import Experiment, Together

app = typer.Typer()
console = plain_console()
MOST_WORDS: Final = 600
MOST_CANDIDATES: Final = 20


@app.command()
def combine(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]FILE...",
            help="result.h5 of each; campaigns of one NAME share the common part of their errors.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the results.", **WRITABLE)
    ] = Path("reports/combined"),
) -> None:
    """Combine results of several campaigns or experiments: one limit, one list of candidates.

    Exit code 3: one of them is not to be believed.
    """
    from haloscope.analysis.exchange.combinations import save_combination, save_combined_csv
    from haloscope.analysis.reuse.experiments import read_experiment, together

    experiments = [read_experiment(path, name) for name, path in map(_named, results)]
    found = together(experiments)
    output.mkdir(parents=True, exist_ok=True)
    title = "cryohalo combine " + " ".join(results)
    save_combination(output / "limit.txt", found, experiments, title)
    save_combined_csv(output / "combined.csv", found)
    _tell(found, experiments)
    console.print(f"  files in {escaped(output.resolve())}")
    for doubt in found.doubts:
        errors.print(f"cryohalo: NOT TO BE BELIEVED: {escaped(doubt, MOST_WORDS)}",
                     style="bold red")  # fmt: skip
    if found.doubts:
        raise typer.Exit(EXIT_NOT_BELIEVED)


def _named(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    return (name.strip(), path) if equals and name.strip() else ("", text)


def _tell(found: Together, experiments: list[Experiment]) -> None:
    import numpy as np

    from haloscope.analysis.statistics.limits import dfsz

    for one in experiments:
        alone = dfsz(one.frequency_hz) * np.sqrt(
            one.level / np.maximum(one.mean * (1 - np.hypot(one.common, one.own)), 1e-300)
        )
        low, high = one.frequency_hz[[0, -1]] * 1e-6
        console.print(
            f"  {escaped(one.label, MOST_WORDS)} ({escaped(one.name, 80)}): {low:.6f} to "
            f"{high:.6f} MHz, {len(one.frequency_hz)} bins, median limit "
            f"{np.median(alone[one.mean > 0]):.4g} /GeV, error of the power "
            f"{np.median(np.hypot(one.common, one.own)):.2%}"
        )
    for count in range(1, len(experiments) + 1):
        here = (found.experiments == count) & found.excluded
        if here.any():
            console.print(
                f"  {count} of {len(experiments)} together at {here.sum()} masses: median limit "
                f"{np.median(found.coupling_per_gev[here]):.4g} /GeV, by the power seen "
                f"{np.median(found.observed_per_gev[here]):.4g}, error of the power "
                f"{np.median(found.result.error[here]):.2%}"
            )
    console.print(
        f"  excess: mean {found.result.z.mean():+.3f}, width {found.result.z.std():.3f}; "
        f"{int(np.sum(~found.excluded))} of {len(found.excluded)} masses not excluded"
    )
    at = np.flatnonzero(found.over)
    for k in at[np.argsort(-found.result.z[at])][:MOST_CANDIDATES]:
        console.print(
            f"  over the threshold: {found.frequency_hz[k] * 1e-6:.6f} MHz, "
            f"{found.result.z[k]:.2f} sigma, disagreement of the experiments chi2 "
            f"{found.result.disagreement[k]:.1f}"
        )
