"""``cryohalo trace``: a resonance, a gain or a loss from traces of a network analyser.

Exit code 3: the model does not describe the trace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryohalo.commands.options import EXIT_NOT_BELIEVED, between, errors, plain_console
from instruments.printable import escaped

if TYPE_CHECKING:
    from haloscope.measuring.goodness import Goodness
    from haloscope.measuring.trace_files import Trace

app = typer.Typer()
console = plain_console()


class Kind(StrEnum):
    """What a trace is taken for."""

    reflection = "reflection"
    transmission = "transmission"
    gain = "gain"
    attenuation = "attenuation"


@dataclass(frozen=True)
class Found:
    """What a trace says.

    Attributes:
        values: By the names that descriptions of spectra use: value and standard error.
        goodness: Of the fit; None where nothing is fitted.
    """

    values: Mapping[str, tuple[float, float]]
    goodness: Goodness | None = None


@app.command()
def trace(
    file: Annotated[Path, typer.Argument(help="Touchstone (.s1p, .s2p, .ts) or CSV.")],
    kind: Annotated[
        Kind | None,
        typer.Option("--as", help="By default a reflection of S11 and S22, else a transmission."),
    ] = None,
    which: Annotated[str, typer.Option("--s", metavar="11|21|12|22", help="S-parameter.")] = "",
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", help="Gain: the same without pump. Attenuation: with the switch open."
        ),
    ] = None,
    isolation: Annotated[
        float | None,
        typer.Option(help="Of the circulator, dB.", callback=between(0.1, 200)),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit a trace: resonance, loaded Q and beta; peak gain and bandwidth; loss of a line.

    Exit code 3: the model does not describe the trace.
    """
    from haloscope.measuring.trace_files import read_trace

    try:
        own = read_trace(file, which)
        other = None if reference is None else read_trace(reference, which)
    except ImportError as error:
        raise ValueError(str(error)) from error
    taken = kind or (Kind.reflection if own.name in ("S11", "S22") else Kind.transmission)
    try:
        found = _FITS[taken](own, other, isolation)
    except ValueError as error:
        raise ValueError(f"{file}, {own.name} as {taken.value}: {error}") from error
    _tell(found, as_json=as_json)
    if found.goodness is not None and not found.goodness.good:
        errors.print(
            f"cryohalo: NOT TO BE BELIEVED: {escaped(found.goodness, 300)}", style="bold red"
        )
        raise typer.Exit(EXIT_NOT_BELIEVED)


def _tell(found: Found, *, as_json: bool) -> None:
    if as_json:
        rows = {name: {"value": v, "error": e} for name, (v, e) in found.values.items()}
        good = None if found.goodness is None else found.goodness.good
        typer.echo(json.dumps({"values": rows, "good": good}, indent=2))
        return
    width = max(map(len, found.values)) + 2
    for name, (value, error) in found.values.items():
        console.print(f"  {name:<{width}}{value:.10g} +- {error:.3g}")
    if found.goodness is not None:
        console.print(f"  {'fit':<{width}}{escaped(found.goodness, 300)}")


def _reflection(own: Trace, other: Trace | None, isolation: float | None) -> Found:
    import numpy as np

    from haloscope.measuring.reflection import fit_reflection

    _demand_no_reference(other)
    if not np.iscomplexobj(own.s):
        raise ValueError("it has no phases, by which the side of the coupling is told")
    fit = fit_reflection(own.frequency_hz, own.s, isolation_db=isolation)
    return Found(
        {
            "cavity_frequency_hz": (fit.frequency_hz, fit.frequency_hz_error),
            "loaded_q": (fit.loaded_q, fit.loaded_q_error),
            "beta": (fit.beta, fit.beta_error),
            "beta_systematic": (fit.beta_systematic, 0.0),
            "leak": (fit.leak, fit.leak_error),
        },
        fit.goodness,
    )


def _transmission(own: Trace, other: Trace | None, isolation: float | None) -> Found:
    from haloscope.measuring.transmission import fit_transmission

    _demand_no_reference(other)
    fit = fit_transmission(own.frequency_hz, own.s)
    return Found(
        {
            "cavity_frequency_hz": (fit.frequency_hz, fit.frequency_hz_error),
            "loaded_q": (fit.loaded_q, fit.loaded_q_error),
            "peak": (fit.peak, fit.peak_error),
            "leak": (fit.leak, fit.leak_error),
        },
        fit.goodness,
    )


def _gain(own: Trace, other: Trace | None, isolation: float | None) -> Found:
    import numpy as np

    from haloscope.measuring.gain import fit_gain_profile

    ratio = np.abs(own.over(_needed(other, "without the pump"))) ** 2
    fit = fit_gain_profile(own.frequency_hz, ratio)
    return Found(
        {
            "jpa_resonance_hz": (fit.resonance_hz, fit.resonance_hz_error),
            "jpa_bandwidth_hz": (fit.bandwidth_hz, fit.bandwidth_hz_error),
            "jpa_gain_peak_db": (fit.peak_gain_db, fit.peak_gain_db_error),
        },
        fit.goodness,
    )


def _attenuation(own: Trace, other: Trace | None, isolation: float | None) -> Found:
    from haloscope.measuring.calibration import line_attenuation

    floating = _needed(other, "with the switch open")
    own.over(floating)  # At the same frequencies.
    fit = line_attenuation(own.s, floating.s, isolation_db=isolation)
    return Found({"line_attenuation_db": (fit.attenuation_db, fit.attenuation_db_error)})


def _needed(other: Trace | None, what: str) -> Trace:
    if other is None:
        raise ValueError(f"needed --reference FILE: the same {what}")
    return other


def _demand_no_reference(other: Trace | None) -> None:
    if other is not None:
        raise ValueError("takes no --reference; gain and attenuation do")


_FITS: dict[Kind, Callable[[Trace, Trace | None, float | None], Found]] = {
    Kind.reflection: _reflection,
    Kind.transmission: _transmission,
    Kind.gain: _gain,
    Kind.attenuation: _attenuation,
}
