"""``cryohalo design``: studies of the refrigerator's design, in minutes of processor time.

Each keeps what it has evaluated in its folder, so one that was interrupted goes on where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cryohalo.commands.bars import Bar
from cryohalo.commands.options import (
    EXIT_NOT_BELIEVED,
    MAX_SEED,
    WRITABLE,
    between,
    errors,
    plain_console,
)

if TYPE_CHECKING:
    from amrr.design.search import Study
    from amrr.design.two_stages import Pair

app = typer.Typer(no_args_is_help=True, help="Studies of the refrigerator's design.")
console = plain_console()

#: Resolution of the machines of two stages: good to a few mK.
STAGES_NODES, STAGES_DT_S = 20, 0.2
#: A search in a minute, to see that all works: nothing of it is to be believed.
QUICK_POPULATION, QUICK_GENERATIONS = 8, 2
QUICK_VERIFICATION: Final[dict[str, Any]] = {"resolutions": (16,), "plain_cycles": 5}

OutputOption = Annotated[
    Path, typer.Option("--output", help="Folder of the results; kept evaluations too.", **WRITABLE)
]
QuickOption = Annotated[bool, typer.Option("--quick", help="A small study, to see that it works.")]
WorkersOption = Annotated[
    int, typer.Option("--workers", help="Evaluations at a time.", callback=between(1, 64))
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="Of the search.", callback=between(0, MAX_SEED))
]


def write(folder: Path, name: str, text: str) -> None:
    """Write a text into a file of a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


@app.command()
def search(
    output: OutputOption = Path("reports/design"),
    seed: SeedOption = 1,
    population: Annotated[
        int, typer.Option(help="Machines of a generation.", callback=between(4, 1000))
    ] = 40,
    generations: Annotated[int, typer.Option(help="How many.", callback=between(1, 1000))] = 25,
    chx_k: Annotated[
        float,
        typer.Option("--temperature", help="Where power counts, K.", callback=between(0.3, 1.5)),
    ] = 0.9,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start", metavar="FRONT.CSV", help="Begin with an earlier study's machines."
        ),
    ] = None,
    workers: WorkersOption = 1,
    quick: QuickOption = False,
) -> None:
    """Machines of equal GGG mass: most cooling power, least work, nearest to Carnot.

    Bed, 3He, times, fields and shape of the ramps are varied; the best is verified at the converged
    resolution. Exit code 3: it is not confirmed there, or no machine is feasible.
    """
    from amrr.design.search import StudyOptions
    from amrr.design.search import search as run
    from amrr.design.store import Store
    from amrr.design.tables import machines_csv, machines_read, study_text

    if quick:
        population, generations = QUICK_POPULATION, QUICK_GENERATIONS
    options = StudyOptions(
        chx_k=chx_k,
        seed=seed,
        population=population,
        generations=generations,
        workers=workers,
        starts=() if start is None else machines_read(start),
    )
    with Bar("machines", options.total, console) as bar:
        study = run(options, Store(output / "evaluations.jsonl"), bar)
    write(output, "machines.csv", machines_csv(study.candidates))
    write(output, "front.csv", machines_csv(study.front))
    console.print(study_text(study))
    if not study.front:
        errors.print("cryohalo: no machine is feasible")
        raise typer.Exit(EXIT_NOT_BELIEVED)
    if doubts := _verified(study, output, quick):
        for doubt in doubts:
            errors.print(f"cryohalo: {doubt}")
        raise typer.Exit(EXIT_NOT_BELIEVED)


def _verified(study: Study, output: Path, quick: bool) -> tuple[str, ...]:
    """Take the best to the converged resolution, write all down; what is not confirmed."""
    from amrr.design import verification
    from amrr.design.figures import front_figure
    from amrr.design.points import FailureError
    from amrr.design.tables import verification_text
    from amrr.parameter_files import written
    from instruments.drawing import save

    options, best = study.options, study.best
    effort = QUICK_VERIFICATION if quick else {}
    try:
        found = verification.verify(
            best.values, options.base, options.chx_k, console.print, **effort
        )
    except FailureError as error:
        return (f"the best machine cannot be verified: {error}",)
    text = verification_text(found)
    console.print(text)
    write(output, "best.txt", text + "\n")
    write(output, "best.toml", written(found.best.parameters))
    save(front_figure(study, found), output / "front")
    console.print(f"written to {output}: front.csv, machines.csv, front.png, best.toml, best.txt")
    return () if quick else verification.doubts(found, best.outcome.power_w)


@app.command()
def model(
    output: OutputOption = Path("reports/design_model"),
    workers: WorkersOption = 1,
    quick: QuickOption = False,
) -> None:
    """How conservative is the paper's design model? Eqs. 1 to 3 against the dynamic model.

    Over a grid of load, 3He, field swing and flow time.
    """
    from amrr.design import conservatism
    from amrr.design.figures import model_figure
    from amrr.design.store import Store
    from instruments.drawing import save

    grid = conservatism.QUICK if quick else conservatism.GRID
    store = Store(output / "evaluations.jsonl")
    with Bar("machines", grid.total, console) as bar:
        found = conservatism.compare(grid, store, workers=workers, progress=bar)
    text = conservatism.text(found)
    console.print(text)
    write(output, "model.csv", conservatism.csv_text(found))
    write(output, "model.txt", text + "\n")
    save(model_figure(found), output / "model")
    console.print(f"written to {output}: model.csv, model.txt, model.png")


@app.command()
def successor(
    output: OutputOption = Path("reports/design_successor"),
    workers: WorkersOption = 1,
    quick: QuickOption = False,
) -> None:
    """GdLiF4 instead of GGG: how cold, and how much at 0.35 K, over the range of its numbers."""
    from amrr.design import successor as study
    from amrr.design.figures import successor_figure
    from amrr.design.store import Store
    from instruments.drawing import save

    which = study.QUICK if quick else study.SCAN
    store = Store(output / "evaluations.jsonl")
    with Bar("points", which.total, console) as bar:
        found = study.scan(which, store, workers=workers, progress=bar)
    text = study.text(found, which)
    console.print(text)
    write(output, "successor.csv", study.csv_text(found))
    write(output, "successor.txt", text + "\n")
    save(successor_figure(found, which), output / "successor")
    console.print(f"written to {output}: successor.csv, successor.txt, successor.png")


@app.command()
def stages(
    first: Annotated[
        Path | None,
        typer.Option("--first", metavar="FILE", help="Warmer machine; the default one."),
    ] = None,
    second: Annotated[
        Path | None, typer.Option("--second", metavar="FILE", help="Colder one; a small GLF.")
    ] = None,
    output: OutputOption = Path("reports/design_stages"),
    quick: QuickOption = False,
) -> None:
    """Two stages: a GGG machine precools a GLF machine, at the temperature where both agree.

    A load at which they agree nowhere is left out, and said. Exit code 3: there is no other.
    """
    from amrr.design.points import FailureError
    from amrr.design.space import coarse
    from amrr.design.two_stages import LOADS_W, coupled, pair_text
    from amrr.parameter_files import read, shipped
    from amrr.parameters import RefrigeratorParameters

    warm = RefrigeratorParameters() if first is None else read(first).parameters
    cold = (shipped("glf_second") if second is None else read(second)).parameters
    loads_w = LOADS_W[1:2] if quick else LOADS_W
    warm, cold = (coarse(p, STAGES_NODES, STAGES_DT_S) for p in (warm, cold))
    pairs: list[Pair] = []
    with Bar("loads", len(loads_w), console) as bar:
        for count, load_w in enumerate(loads_w, 1):
            guess_k = pairs[-1].plate_k if pairs else 0.9
            try:
                pairs.append(coupled(warm, cold, load_w, guess_k=guess_k))
            except (FailureError, ValueError) as error:  # the other loads may have a pair
                errors.print(f"cryohalo: at {1e6 * load_w:g} uW: {error}")
            bar(count, len(loads_w))
    if not pairs:
        raise typer.Exit(EXIT_NOT_BELIEVED)
    text = pair_text(pairs)
    console.print(text)
    write(output, "stages.txt", text + "\n")
