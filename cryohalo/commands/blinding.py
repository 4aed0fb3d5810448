"""``cryohalo blind``: hide an axion so that nobody knows, open the envelope, verify it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryohalo.commands.options import (
    WRITABLE,
    CatalogOption,
    between,
    given_prefix,
    plain_console,
)
from instruments.printable import escaped

app = typer.Typer(
    no_args_is_help=True,
    help="Blind injections: seal, unseal, verify (docs/how_to/blinding.md).",
)
console = plain_console()

KeyArgument = Annotated[Path, typer.Argument(help="The key file, which only one person holds.")]
MOST_MHZ = 1e6
MOST_OF_AN_ENVELOPE = 10_000
#: 1/GeV: ten times what helioscopes exclude.
MOST_COUPLING = 1e-9


@app.command()
def seal(
    key_file: KeyArgument,
    band: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Hide it between these frequencies, MHz; else in the band of the search.",
            metavar="LOW HIGH",
        ),
    ] = None,
    apparatus: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Whose band of search it is.")
    ] = "capp12tb",
    coupling: Annotated[
        tuple[float, float],
        typer.Option(help="Of a coupling between these, 1/GeV.", metavar="LOW HIGH"),
    ] = (6e-16, 1.5e-15),
    empty: Annotated[
        float,
        typer.Option(help="Probability that nothing is hidden.", callback=between(0.0, 1.0)),
    ] = 0.0,
) -> None:
    """Draw what is hidden, write it to a new key file that only its owner may read; print the hash.

    Nothing of what was drawn is printed. The IOC is started with --blind KEY_FILE.
    """
    from haloscope.apparatus.blinding import BlindKey
    from haloscope.parameters.reviewing import named

    if band is None:
        operation = named(apparatus).operation
        band = operation.band_low_hz * 1e-6, operation.band_high_hz * 1e-6
    for name, values, most in (("band", band, MOST_MHZ), ("coupling", coupling, MOST_COUPLING)):
        if not 0 < values[0] <= values[1] <= most:
            shown = " to ".join(f"{value:g}" for value in values)
            raise typer.BadParameter(f"{shown}: an interval above 0, up to {most:g}",
                                     param_hint=f"--{name}")  # fmt: skip
    low, high = band
    key = BlindKey.drawn((low * 1e6, high * 1e6), coupling, empty)
    key.write(key_file)
    console.print(f"key file  {escaped(key_file.resolve())}")
    console.print(f"hash      {key.hash}")


@app.command()
def unseal(
    key_file: KeyArgument,
    catalog: Annotated[
        Path | None,
        typer.Option(help="Folder of the catalog; the site's unless told.", **WRITABLE),
    ] = None,
    halo_prefix: Annotated[
        str | None,
        typer.Option(
            help="Haloscope's prefix; the site's unless told, or HALO:", callback=given_prefix
        ),
    ] = None,
) -> None:
    """Open the envelope of the running IOC, for good, and record its contents in the catalog."""
    from cryohalo.commands.site import find_instruments, site

    find_instruments()  # before Channel Access is imported: it reads the environment once
    from cryohalo.session import Session
    from haloscope.apparatus.blinding import BlindKey
    from plans.haloscope.unsealing import unseal as plan

    key = BlindKey.read(key_file)
    where = site(catalog, "", halo_prefix)
    with Session.open(where.catalog, halo_prefix=where.halo_prefix, suspenders=False) as session:
        published = session.haloscope.seal.envelope_hash.get()
        if published != key.hash:
            raise ValueError(f"{key_file} is of the envelope {key.hash}, the IOC's is {published}")
        (run,) = session.run(plan(session.haloscope, key.unseal_key))
    console.print(f"opened    {escaped(run.start['unsealed_at'])}, recorded in {run.uid[:8]}")
    console.print(f"contents  {escaped(run.start['envelope'], MOST_OF_AN_ENVELOPE)}")


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="A run of the search: uid or its beginning.")],
    catalog: CatalogOption = None,
) -> None:
    """Hold what was opened against the hash that the run recorded when it began.

    Exit code 0: they fit. 1: the run has no seal, or the catalog no contents of that hash.
    """
    from cryohalo.blinding import opened, told
    from cryohalo.catalog import open_catalog
    from cryohalo.commands.site import place_of

    runs = open_catalog(place_of(catalog))
    start = runs[run].start
    published = start.get("envelope_hash")
    if not isinstance(published, str) or not published:
        raise ValueError(f"run {escaped(run)} was recorded without a sealed envelope")
    if start.get("unsealed"):
        raise ValueError(f"run {escaped(run)} began when the envelope was open: it is not blind")
    if not start.get("blind"):
        console.print("not blind: what was hidden follows from the seed, which is on record")
    found = opened(runs, published)
    if found is None:
        raise ValueError(f"still sealed: no run of this catalog opens {escaped(published)}")
    console.print(f"hash      {published}, recorded when the run began")
    console.print(f"opened    {told(found)}")
    console.print(f"contents  {escaped(found.text, MOST_OF_AN_ENVELOPE)}")
    console.print("the contents have this hash")
