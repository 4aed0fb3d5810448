"""One style for all figures: fonts, frames, colours, ticks without offsets; and how one is saved.

A function that draws is decorated by ``styled``; what it draws then has the style, and nothing of
matplotlib's settings outside of it is changed. The colours are those of M. Okabe and K. Ito
("Color Universal Design", 2008): who is colour-blind tells them apart, and so does a grey print.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "save",
    "styled",
    "themed_svg",
]

BLUE: Final = "#0072b2"
RED: Final = "#d55e00"
GREEN: Final = "#009e73"
ORANGE: Final = "#e69f00"
SKY: Final = "#56b4e9"
PURPLE: Final = "#cc79a7"
GREY: Final = "#999999"

#: Points of a picture per inch; lines and letters are in the PDF beside it at any size.
DPI: Final = 150

_STYLE: Final[dict[Any, Any]] = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "axes.formatter.useoffset": False,  # a frequency is read off its axis, not added up
    "axes.formatter.limits": (-3, 5),
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, PURPLE, ORANGE, SKY, "#000000"]),
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "image.cmap": "cividis",
    "pdf.fonttype": 42,  # letters stay letters: a journal can edit them
}

#: Decorates a function that draws: within it the style holds.
styled = mpl.rc_context(_STYLE)


@styled
def save(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Save a figure as a picture and, beside it, as lines and letters.

    Args:
        figure: What.
        path: Of the picture, with any suffix or none.

    Returns:
        Paths of the PNG and the PDF.

    Raises:
        OSError: They cannot be written.
    """
    picture, drawing = path.with_suffix(".png"), path.with_suffix(".pdf")
    figure.savefig(picture, dpi=DPI)
    # No date: the same figure is the same file.
    figure.savefig(drawing, metadata={"CreationDate": None})
    return picture, drawing


@styled
def themed_svg(figure: Figure) -> str:
    """A figure as SVG for a page of either theme: letters and frames have the page's own colour.

    What is drawn in plain black takes the page's ``color``, white faces take its variable
    ``--paper``; lines and points keep their colours, which are seen on dark and on light.
    """
    out = io.StringIO()
    settings: dict[Any, Any] = {
        "svg.fonttype": "path",
        "svg.hashsalt": "cryohalo",
        "savefig.transparent": True,
    }
    with mpl.rc_context(settings):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # Without a colour of its own a path is black.
    text = text.replace("<svg ", '<svg fill="currentColor" ', 1)
    for black in ("#000000", "#333333"):
        text = text.replace(black, "currentColor")
    return text.replace("#ffffff", "var(--paper)")
