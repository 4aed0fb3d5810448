"""What ``cryohalo analyze`` makes of a limit: one on dark photons, a published one beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from haloscope.analysis.pipeline import Result
    from haloscope.analysis.spectra import Spectra

__all__ = ["BesideOption", "DarkPhotonOption", "make_more"]

BesideOption = Annotated[
    str | None,
    typer.Option(
        "--beside", metavar="CURVE", help="Compare: capp6, quax, or a file as AxionLimits has them."
    ),
]
DarkPhotonOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dark-photon",
        metavar="random|fixed|COS2",
        help="Dark photons, too, of this polarisation; may be given several times.",
    ),
]


def make_more(
    result: Result,
    spectra: Spectra,
    output: Path,
    title: str,
    *,
    beside: str | None,
    dark_photon: list[str],
) -> list[str]:
    """Do what is asked for; returns what to tell of it, a line each.

    Raises:
        ValueError: A curve or a polarisation that is none, or none that can be used here.
        OSError: A file cannot be read or written.
    """
    told = [_compared(result, beside)] if beside else []
    return told + [_dark(result, spectra, output, title, word) for word in dark_photon]


def _compared(result: Result, name: str) -> str:
    from haloscope.analysis.exchange.beside import compared, curve

    return f"beside {name}: {compared(result, curve(name))}"


def _dark(result: Result, spectra: Spectra, output: Path, title: str, word: str) -> str:
    import numpy as np

    from haloscope.analysis.exchange.compilations import save_dark_photons
    from haloscope.analysis.reuse.dark_photon import dark_photons, polarisation_of

    used = np.abs(spectra.magnet_field_t[result.quality.used])
    photons = dark_photons(result, polarisation_of(word, result), used.max() * spectra.field_ratio)
    path = output / f"limit_dark_photon_{word}.txt"
    save_dark_photons(path, result, photons, title)
    if not photons.excluded.any():
        return f"dark photons, {photons.polarisation.words}: nothing is excluded"
    median = float(np.median(photons.mixing[photons.excluded]))
    return f"dark photons, {photons.polarisation.words}: median mixing {median:.4g}; {path.name}"
