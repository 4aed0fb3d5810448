"""The figures' style: no offset on an axis, nothing left behind in matplotlib's settings."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from instruments import drawing


@drawing.styled
def frequencies() -> Figure:
    figure = Figure()
    axis = figure.add_subplot()
    axis.plot([1100.0001, 1100.0002, 1100.0003], [1.0, 2.0, 3.0], label="three")
    axis.legend()
    return figure


def test_a_frequency_is_read_off_its_axis() -> None:
    figure = frequencies()
    figure.draw_without_rendering()
    axis = figure.axes[0]
    assert axis.xaxis.get_offset_text().get_text() == ""
    assert any(label.get_text().startswith("1100.000") for label in axis.get_xticklabels())


def test_matplotlib_is_left_as_it_was() -> None:
    before = dict(mpl.rcParams)
    figure = frequencies()
    assert not figure.axes[0].get_legend().get_frame_on()
    assert dict(mpl.rcParams) == before


def test_a_figure_is_saved_as_a_picture_and_as_lines_and_twice_the_same(tmp_path: Path) -> None:
    figure = frequencies()
    picture, lines = drawing.save(figure, tmp_path / "one")
    _, again = drawing.save(figure, tmp_path / "two")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert lines.read_bytes().startswith(b"%PDF")
    assert lines.read_bytes() == again.read_bytes()


#: What red, green and blue look like without the cones for long waves, for middle ones
#: (F. Vienot, H. Brettel, J. D. Mollon, Color Res. Appl. 24, 243 (1999), linear approximation).
MISSING = {
    "protanope": np.array([[0.11, 0.89, 0.0], [0.11, 0.89, 0.0], [0.0, 0.0, 1.0]]),
    "deuteranope": np.array([[0.29, 0.71, 0.0], [0.29, 0.71, 0.0], [-0.02, 0.02, 1.0]]),
}


@pytest.mark.parametrize("eyes", MISSING)
def test_colours_are_told_apart_by_the_colour_blind(eyes: str) -> None:
    colours = (drawing.BLUE, drawing.RED, drawing.GREEN, drawing.ORANGE, drawing.GREY)
    for one, other in combinations(colours, 2):
        seen = MISSING[eyes] @ np.array(to_rgb(one)), MISSING[eyes] @ np.array(to_rgb(other))
        assert np.linalg.norm(seen[0] - seen[1]) > 0.1, (one, other)
