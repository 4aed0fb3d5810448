"""What ``cryohalo analyze`` and its kin are given: runs of the catalog, or files of spectra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.catalog import Run
    from haloscope.analysis.options import Options
    from haloscope.analysis.spectra import Spectra

__all__ = ["Sources", "read_sources"]


@dataclass(frozen=True)
class Sources:
    """Spectra, how to analyse them and where they came from.

    Attributes:
        spectra: All of them in one stack; each has a label.
        options: With bins merged as the width of the line asks for.
        provenance: Of the results.
    """

    spectra: Spectra
    options: Options
    provenance: dict[str, Any]


def read_sources(
    sources: Sequence[str], catalog: Path, options: Options, drop: Sequence[str] = ()
) -> Sources:
    """Read runs of the catalog, or interchange files.

    Args:
        sources: Uids of runs or their beginnings, or names of files that end in .h5 or .hdf5.
        catalog: Folder of the catalog.
        options: Settings; bins are merged otherwise where theirs or the line are of another width.
        drop: Labels of spectra that are left out, unread: ``RUN:EVENT``, a label of a file, or
            ``FILE:NUMBER`` in one without labels.

    Raises:
        ValueError: Runs and files mixed, a source that cannot be used, or a label that no spectrum
            has.
    """
    from cryohalo.provenance import software_version

    provenance: dict[str, Any] = {"analysis_version": software_version(), "sources": list(sources)}
    files = [name for name in sources if Path(name).suffix in (".h5", ".hdf5")]
    if files and len(files) < len(sources):
        raise ValueError("give runs of the catalog or HDF5 files, not both")
    if files:
        spectra = _of_files(files, drop)
        return Sources(spectra, _suited(options, spectra), provenance)
    return _of_runs(sources, catalog, options, drop, provenance)


def _suited(options: Options, spectra: Spectra) -> Options:
    middle_hz = float(sorted(spectra.target_frequency_hz)[len(spectra) // 2])
    return options.suited_to(spectra.step_hz, middle_hz)


def _of_files(names: Sequence[str], drop: Sequence[str]) -> Spectra:
    from haloscope.analysis.exchange.documents import demand_met
    from haloscope.analysis.exchange.interchange import read_labels, read_spectra
    from haloscope.analysis.spectra import concatenate

    stacks, met = [], set()
    for name in names:
        own = read_labels(name)
        # Spectra without labels are called by their file and number.
        known = {label: label for label in own.labels} if own.labels else {
            f"{name}:{row}": str(row) for row in range(own.spectra)
        }  # fmt: skip
        here = [label for label in drop if label in known]
        met.update(here)
        if len(here) == len(known):
            continue
        stack = read_spectra(name, [known[label] for label in here])
        left = tuple(label for label in known if label not in here)
        stacks.append(replace(stack, labels=left))
    demand_met(drop, met)
    return concatenate(stacks)


def _of_runs(
    sources: Sequence[str],
    catalog: Path,
    options: Options,
    drop: Sequence[str],
    provenance: dict[str, Any],
) -> Sources:
    from cryohalo.catalog import Catalog
    from haloscope.analysis.exchange.documents import bins_of, spectra_from_documents

    runs = [Catalog(catalog)[name] for name in sources]
    provenance |= {f"run_{escaped(run.uid[:8])}": _origin(run) for run in runs}
    found = bins_of(_documents(runs), drop)
    if found is not None:
        options = options.suited_to(*found)
    spectra = spectra_from_documents(_documents(runs), options, drop=drop)
    return Sources(spectra, options, provenance)


def _documents(runs: Sequence[Run]) -> Iterator[tuple[str, Any]]:
    for run in runs:
        yield from run.documents()


def _origin(run: Run) -> dict[str, Any]:
    """What the results say of a run: numbers, and texts of anything else."""
    from cryohalo.blinding import seal_of

    kept = ("plan_name", "software_version", "parameters_hash", "seed", "operator")
    told = {name: run.start[name] for name in kept if name in run.start} | seal_of(run.start)
    return {k: v if isinstance(v, int | float) else escaped(v) for k, v in told.items()}
