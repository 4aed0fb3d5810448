"""``cryohalo flows``: lines of cold flows in a time stream, along their Doppler track."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryohalo.commands.options import CatalogOption, between, plain_console
from cryohalo.commands.runs import run_named
from instruments.printable import escaped

if TYPE_CHECKING:
    from haloscope.analysis.reuse.flows import Flows
    from haloscope.analysis.reuse.streams import Stream

app = typer.Typer()
console = plain_console()


@app.command()
def flows(
    source: Annotated[
        str,
        typer.Argument(
            help="Time stream, HDF5 (docs/how_to/reuse.md), or run of plan high_resolution: "
            "its uid or the beginning of that."
        ),
    ],
    bin_hz: Annotated[
        float, typer.Option("--bin", help="Resolution, Hz.", callback=between(1e-4, 1e3))
    ] = 0.1,
    fastest: Annotated[
        float | None,
        typer.Option(help="km/s relative to the laboratory.", callback=between(1, 20_000)),
    ] = None,
    false_alarm: Annotated[
        float, typer.Option(help="That noise gives any.", callback=between(1e-9, 0.49))
    ] = 0.01,
    confidence: Annotated[
        float | None, typer.Option(help="Of the limits.", callback=between(0.5, 0.999))
    ] = None,
    catalog: CatalogOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for cold flows in a time stream: lines below a hertz, drifting as the Earth turns."""
    from haloscope.analysis.reuse.flows import FASTEST_M_PER_S, find_flows

    found = find_flows(
        _stream(source, catalog),
        bin_hz,
        fastest_m_per_s=FASTEST_M_PER_S if fastest is None else fastest * 1e3,
        false_alarm=false_alarm,
        confidence=confidence,
    )
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=2))
        return
    drifts = found.drifts_hz_per_s
    console.print(
        f"  {found.bins} bins of {found.bin_hz:.6g} Hz, {found.records} records, {len(drifts)} "
        f"drifts to {drifts[-1]:.3g} Hz/s; threshold {found.threshold:.4g} times the noise"
    )
    for one in found.flows or (found.highest,):
        console.print(
            f"  {'flow' if found.flows else 'highest, none of a flow'}: "
            f"{one.frequency_hz * 1e-6:.9f} MHz, drift {one.drift_hz_per_s:+.3g} Hz/s, "
            f"{one.power:.3f} times the noise: k_B T_n times {one.bandwidth_hz:.4g} Hz; p "
            f"{one.local_p:.2g} local, {one.global_p:.2g} global"
        )
    console.print(
        f"  found with {found.confidence:.6g}: a line of k_B T_n times {found.limit_hz:.4g} Hz in "
        f"this stream, a flow of {found.limit_mean_hz:.4g} Hz on average"
    )


def _stream(source: str, catalog: Path | str | None) -> Stream:
    """Of a file, if it is one by its ending or is there; else of a run of the catalog."""
    from haloscope.analysis.exchange.streams import stream_in_events
    from haloscope.analysis.reuse.streams import read_stream

    if Path(source).suffix in (".h5", ".hdf5") or Path(source).is_file():
        return read_stream(Path(source))
    run = run_named(catalog, source)
    return stream_in_events(run.events(), f"run {escaped(run.uid, 60)}")


def _plain(found: Flows) -> dict[str, Any]:
    values = asdict(found)
    values["drifts_hz_per_s"] = found.drifts_hz_per_s.tolist()
    return values
