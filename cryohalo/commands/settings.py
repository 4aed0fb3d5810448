"""The options of ``cryohalo analyze`` and its kin that say how to analyse.

What is not given is the apparatus' own: see ``haloscope.analysis.settings``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cryohalo.commands.options import between

if TYPE_CHECKING:
    from haloscope.analysis.settings import Settings

__all__ = ["with_settings"]

_FLAGS: Final = ("modulated", "strict")
_MOST_BINS: Final = 1_000_000


class BaselineChoice(StrEnum):
    """Baseline models of the analysis."""

    auto = "auto"
    letter = "letter"
    pade = "pade"
    savgol = "savgol"


def _bins(text: str | None) -> str | int | None:
    """A whole number of bins, or auto."""
    if text is None or text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}: a whole number of bins, or auto") from None
    if number != int(number) if abs(number) < _MOST_BINS else True:
        raise typer.BadParameter(
            f"{text}: bins are merged by a whole number, 1 to {_MOST_BINS}, or auto"
        )
    return int(between(1, _MOST_BINS)(number))


def _degree(value: int | None) -> int | None:
    """A degree that the analysis takes, where one is given: ``--help`` does not load it."""
    if value is None:
        return None
    from haloscope.analysis.quality.ladder import DEGREES, HIGHEST_DEGREE

    return int(between(DEGREES[0], HIGHEST_DEGREE)(value))


def _number(low: float, high: float, words: str, *names: str) -> Any:
    return Annotated[float | None, typer.Option(*names, help=words, callback=between(low, high))]


def _count(words: str, *names: str) -> Any:
    return Annotated[str | None, typer.Option(*names, help=words, metavar="N|auto", callback=_bins)]


#: Each option: the setting it chooses, and what typer makes of it.
_OPTIONS: Final[dict[str, Any]] = {
    "options_file": Annotated[
        Path | None,
        typer.Option(
            "--options", metavar="FILE", help="Settings in TOML; see docs/explanation/analysis.md."
        ),
    ],
    "baseline": Annotated[
        BaselineChoice | None,
        typer.Option(help="Baseline model; auto: the simplest that describes the data."),
    ],
    "pade_degree": Annotated[
        int | None,
        typer.Option("--degree", help="Of the Pade model.", callback=_degree),
    ],
    "window_khz": _number(1e-3, 1e9, "kHz about each target.", "--window"),
    "fine_merge": _count("Digitizer bins merged before the baseline.", "--fine-merge"),
    "coarse_merge": _count("Of these, merged after the combination.", "--coarse-merge"),
    "line_bins": _count("Of these, co-added with the line's weights.", "--line-bins"),
    "confidence": _number(0.5, 0.999999, "Of the limit.", "--confidence"),
    "target_snr": _number(1e-3, 1e3, "Standard deviations of what is to be found.", "--snr"),
    "noise_systematic": _number(
        0, 0.999, "Relative error of T_n where no two methods tell.", "--noise-systematic"
    ),
    "density_fraction": _number(
        1e-6, 10, "Share of the local density that the axions are.", "--density-fraction"
    ),
    "modulated": Annotated[
        bool,
        typer.Option("--modulated", help="Follow the line's shape through the year, by dates."),
    ],
    "strict": Annotated[
        bool, typer.Option("--strict", help="Fail if a spectrum fails or the result is doubtful.")
    ],
    "keep": Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="LABEL", help="Use this spectrum in spite of its verdict."),
    ],
}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, which reach it together as its argument ``settings``."""
    # Its type is of the analysis, which ``--help`` does not load.
    command.__annotations__.pop("settings")
    own = inspect.signature(command, eval_str=True)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    added = [
        inspect.Parameter(name, kind, default=False if name in _FLAGS else None, annotation=hint)
        for name, hint in _OPTIONS.items()
    ]

    @wraps(command)
    def wrapped(**given: Any) -> None:
        taken = {name: given.pop(name) for name in _OPTIONS}
        command(**given, settings=_settings(taken))

    kept = [one for name, one in own.parameters.items() if name != "settings"]
    wrapped.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in (*kept, *added)}
    return wrapped


def _settings(given: dict[str, Any]) -> Settings:
    """What a command line chooses, over what its file does."""
    from haloscope.analysis.settings import Settings

    path, window, keep = given.pop("options_file"), given.pop("window_khz"), given.pop("keep")
    demands: dict[str, Any] = {"kept": tuple(keep)} if keep else {}
    demands |= {"bad_spectra": "refuse"} if given.pop("strict") else {}
    chosen = {name: value for name, value in given.items() if not (value is None or value is False)}
    if "baseline" in chosen:
        chosen["baseline"] = str(chosen["baseline"].value)
    if window is not None:
        chosen["window_hz"] = window * 1e3
    if demands:
        chosen["demands"] = demands
    settings = Settings(chosen)
    return settings if path is None else Settings.from_toml(path).then(settings)
