"""One style for all figures: fonts, frames, colours, ticks without offsets; and how one is saved.

A function that draws is decorated by ``styled``; what it draws then has the style, and nothing of
matplotlib's settings outside of it is changed. The colours are those of M. Okabe and K. Ito
("Color Universal Design", 2008): who is colour-blind tells them apart, and so does a grey print.
"""

from __future__ import annotations

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
