"""What ``cryohalo analyze`` and its kin are given: runs of the catalog, or files of spectra."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.catalog import Run, RunCatalog
    from haloscope.analysis.options import Options
    from haloscope.analysis.settings import Settings
    from haloscope.analysis.spectra import Spectra
    from haloscope.description import Description

__all__ = ["Sources", "read_sources"]

_JPA_DB: Final = 1.0  # Less is the gain of no parametric amplifier.
_DESCRIPTION: Final = ".toml"
_OF_FILES: Final = (".h5", ".hdf5", _DESCRIPTION)
log = logging.getLogger("cryohalo.commands")


@dataclass(frozen=True)
class Sources:
    """Spectra, how to analyse them and where they came from.

    Attributes:
        spectra: All of them in one stack; each has a label.
        options: With bins merged as the width of the line asks for.
        provenance: Of the results.
        field_off: Spectra with the field off, where there are any.
    """

    spectra: Spectra
    options: Options
    provenance: dict[str, Any]
    field_off: Spectra | None = None


def read_sources(
    sources: Sequence[str],
    catalog: Path | str,
    settings: Settings,
    drop: Sequence[str] = (),
    field_off: Sequence[str] = (),
    apparatus: str | None = None,
) -> Sources:
    """Read runs of the catalog, or interchange files.

    Args:
        sources: Uids of runs or their beginnings, names of campaigns, or names of files: HDF5
            (.h5, .hdf5) or descriptions of tables (.toml).
        catalog: Folder of the catalog, or address of a Tiled that has the runs.
        settings: What is chosen; what is not, merges above all, is suited to the apparatus.
        drop: Labels of spectra that are left out, unread: ``RUN:EVENT``, a label of a file, or
            ``FILE:NUMBER`` in one without labels.
        field_off: Runs or files with the field off. Those among ``sources``, and those of the
            catalog that name one of them or are of their campaign, need not be named.
        apparatus: A shipped one, or a parameter file, for runs and files that state none.

    Raises:
        ValueError: Runs and files mixed, a source that cannot be used, or a label that no spectrum
            has.
    """
    from cryohalo.provenance import software_version
    from haloscope.analysis.settings import Settings

    provenance: dict[str, Any] = {"analysis_version": software_version(), "sources": list(sources)}
    named = [*sources, *field_off]
    files = [name for name in named if Path(name).suffix in _OF_FILES]
    if files and len(files) < len(named):
        raise ValueError("give runs of the catalog, or HDF5 files and descriptions, not both")
    if files:
        spectra, own = _of_files(list(sources), drop)
        settings = own.then(settings)
        off = _of_files(list(field_off), ())[0] if field_off else None
        provenance |= {"field_off": list(field_off)} if field_off else {}
        description, provenance["apparatus"] = _for_files(apparatus, own)
        provenance["apparatus_name"] = description.name if apparatus else ""
        if apparatus is None and not _behind_a_jpa(spectra):
            # CAPP-12TB's model is that of a JPA, and nobody said that it should be used.
            settings = Settings({"baseline": "auto"}).then(settings)
        options = _suited(settings, spectra, description)
        return Sources(spectra, options, provenance, off)
    return _of_runs(sources, catalog, settings, drop, provenance, field_off, apparatus)


def _for_files(apparatus: str | None, own: Settings) -> tuple[Description, str]:
    """Whose settings files are analysed with, and in words; ``own`` are those that they bring."""
    if apparatus is None:
        from haloscope.analysis.apparatus import capp12tb

        name = capp12tb().name
        if own.values:
            return capp12tb(), f"settings of the files; what they leave open is {name}'s, assumed"
        return capp12tb(), f"settings of {name}, assumed: files state no apparatus"
    named = described_by(apparatus)
    return named, f"settings of {named.name}, as named"


def _behind_a_jpa(spectra: Spectra) -> bool:
    import numpy as np

    return bool(np.median(spectra.jpa_gain_peak_db) > _JPA_DB)


def _for_runs(runs: Sequence[Run], apparatus: str | None) -> tuple[Description, str]:
    """What the runs state of their apparatus, or the user does, and in words.

    Raises:
        ValueError: They state others, or one is named and a run states another.
    """
    from haloscope.analysis.apparatus import capp12tb, described

    stated = [found for run in runs if (found := described(run.start)) is not None]
    if apparatus is None:
        if stated:
            return stated[0], f"{stated[0].name}, as the runs state"
        return capp12tb(), f"{capp12tb().name}, assumed: the runs state none"
    named = described_by(apparatus)
    for found in stated:
        if found.hash() != named.hash():
            raise ValueError(
                f"--apparatus {apparatus}: the run states its own, {found.name} ({found.hash()[:8]}"
                f", not {named.hash()[:8]}): --apparatus is for runs that state none"
            )
    return named, f"{named.name}, as named"


def described_by(name: str) -> Description:
    """The description of a shipped apparatus, or of a parameter file.

    Raises:
        OSError: There is no such file.
        ValueError: No such name, or mistakes in the file; names it.
    """
    from haloscope.description import describe
    from haloscope.parameters import HaloscopeParameters

    if Path(name).suffix != _DESCRIPTION:
        return describe(HaloscopeParameters.shipped(name))
    try:
        return describe(HaloscopeParameters.from_toml(name))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _suited(settings: Settings, spectra: Spectra, description: Description) -> Options:
    middle_hz = float(sorted(spectra.target_frequency_hz)[len(spectra) // 2])
    return _at(settings, spectra.step_hz, middle_hz, description)


def _at(
    settings: Settings, step_hz: float, frequency_hz: float, description: Description
) -> Options:
    from haloscope.analysis.options import Options

    base = settings.over(Options.of(description, frequency_hz, step_hz))
    return base.suited_to(step_hz, frequency_hz, description=description, chosen=settings.merges)


def _of_files(names: Sequence[str], drop: Sequence[str]) -> tuple[Spectra, Settings]:
    """Spectra of files, and how their owners say to analyse them; the first that says so holds."""
    from haloscope.analysis.exchange.documents import demand_met
    from haloscope.analysis.settings import Settings
    from haloscope.analysis.spectra import concatenate

    stacks, met, settings = [], set[str](), Settings()
    for name in names:
        stack, own, here = _of_file(name, drop)
        met |= here
        settings = own.then(settings)
        if stack is not None:
            stacks.append(stack)
    demand_met(drop, met)
    return concatenate(stacks), settings


def _of_file(name: str, drop: Sequence[str]) -> tuple[Spectra | None, Settings, set[str]]:
    """Spectra of a file without those that are left out, settings, and what was left out."""
    from haloscope.analysis.exchange.interchange import read_labels, read_spectra
    from haloscope.analysis.exchange.tables import read_described
    from haloscope.analysis.settings import Settings

    if Path(name).suffix == _DESCRIPTION:
        described = read_described(name)
        own = described.spectra
        here = set(own.labels) & set(drop)
        left = own.subset([label not in here for label in own.labels])
        return left if len(left) else None, described.settings, here
    held = read_labels(name)
    # Spectra without labels are called by their file and number.
    known = {label: label for label in held.labels} if held.labels else {
        f"{name}:{row}": str(row) for row in range(held.spectra)
    }  # fmt: skip
    here = {label for label in drop if label in known}
    if len(here) == len(known):
        return None, Settings(), here
    stack = read_spectra(name, [known[label] for label in here])
    labels = tuple(label for label in known if label not in here)
    return replace(stack, labels=labels), Settings(), here


def _of_runs(
    sources: Sequence[str],
    catalog: Path | str,
    settings: Settings,
    drop: Sequence[str],
    provenance: dict[str, Any],
    field_off: Sequence[str],
    apparatus: str | None,
) -> Sources:
    from cryohalo.catalog import open_catalog
    from haloscope.analysis.exchange.documents import bins_of, spectra_from_documents

    there = open_catalog(catalog)
    named_runs = {run.uid: run for name in sources for run in _runs_named(there, name)}
    runs = list(named_runs.values())
    provenance |= {f"run_{escaped(run.uid[:8])}": _origin(run) for run in runs}
    found = bins_of(_documents(runs), drop)
    if found is None:
        raise ValueError("documents: no scan event with a spectrum among them")
    description, provenance["apparatus"] = _for_runs(runs, apparatus)
    provenance["apparatus_name"] = description.name
    options = _at(settings, *found, description)
    own = None if apparatus is None else description
    spectra = spectra_from_documents(_documents(runs, own), options, drop=drop)
    off, named = _without_field(runs, there, field_off, options, own)
    if off is None:
        return Sources(spectra, options, provenance)
    provenance |= {"field_off": named}
    return Sources(spectra, options, provenance, off)


def _runs_named(catalog: RunCatalog, name: str) -> list[Run]:
    """The run whose uid begins so, or those of the search of the campaign of that name, in order.

    Raises:
        CatalogError: There is neither, or both.
    """
    from cryohalo.catalog import CatalogError
    from haloscope.analysis.exchange.keys import SEARCHES

    def is_of_a_search(run: Run) -> bool:
        return run.start.get("plan_name") in SEARCHES

    of_campaign = [run for run in catalog.of_campaign(name) if is_of_a_search(run)] if name else []
    try:
        run = catalog[name]
    except CatalogError as error:
        if of_campaign:
            return of_campaign
        raise CatalogError(f"{error}, and no campaign has that name") from error
    if of_campaign:
        raise CatalogError(
            f"{escaped(name)!r} is a campaign, and run {escaped(run.uid)}: give the runs by uid"
        )
    return [run]


def _without_field(
    runs: Sequence[Run],
    catalog: RunCatalog,
    field_off: Sequence[str],
    options: Options,
    apparatus: Description | None,
) -> tuple[Spectra | None, list[str]]:
    """Spectra with the field off for these runs, and the uids of the runs that hold them.

    Those are among the runs, named by the user, or found in the catalog. Found ones that cannot be
    read, or do not go with the others, are told and left out.
    """
    from cryohalo.catalog import CatalogError, Filter
    from haloscope.analysis.exchange.documents import spectra_from_documents
    from haloscope.analysis.spectra import concatenate

    known = {run.uid: run for run in runs if _is_off(run)}
    known |= {run.uid: run for run in (catalog[name] for name in field_off)}
    kept = (catalog[entry.uid] for entry in catalog.entries(Filter(plan="field_off")))
    found = {run.uid: run for run in kept if _is_for(run, runs)}
    off: Spectra | None = None
    used = []
    for uid, run in (known | found).items():
        try:
            # A run that the user names may be a scan with the magnet off, which nothing labels.
            documents = _documents([run], apparatus)
            own = spectra_from_documents(documents, options, field_off=_is_off(run))
            off = own if off is None else concatenate([off, own])
        except (CatalogError, ValueError) as error:
            if uid in known:
                raise
            log.warning("field off, run %s: not used: %s", escaped(uid, 40), escaped(error))
            continue
        used.append(escaped(uid))
    return off, used


def _is_off(run: Run) -> bool:
    from haloscope.analysis.exchange.keys import FIELD_OFF

    return bool(run.start.get("purpose") == FIELD_OFF)


def _is_for(run: Run, runs: Sequence[Run]) -> bool:
    """Whether a run has spectra with the field off for any of the others."""
    if not _is_off(run):
        return False
    campaigns = {str(other.start["campaign"]) for other in runs if "campaign" in other.start}
    uids = {other.uid for other in runs}
    return str(run.start.get("campaign")) in campaigns or bool(uids & _texts(run, "field_off_of"))


def _texts(run: Run, name: str) -> set[str]:
    found = run.start.get(name)
    return {str(item) for item in found} if isinstance(found, list | tuple) else set()


def _documents(
    runs: Sequence[Run], apparatus: Description | None = None
) -> Iterator[tuple[str, Any]]:
    """Documents of runs; those that state no apparatus are taken to be of the one given."""
    from haloscope.analysis.apparatus import described, recorded

    for run in runs:
        for name, document in run.documents():
            if name == "start" and apparatus is not None and described(document) is None:
                document = {**document, "apparatus": recorded(apparatus)}
            yield name, document


def _origin(run: Run) -> dict[str, Any]:
    """What the results say of a run: numbers, and texts of anything else."""
    from cryohalo.blinding import seal_of

    kept = ("plan_name", "software_version", "parameters_hash", "seed", "operator")
    told = {name: run.start[name] for name in kept if name in run.start} | seal_of(run.start)
    return {k: v if isinstance(v, int | float) else escaped(v) for k, v in told.items()}
