"""The table as a PDF, drawn by matplotlib: no LaTeX is needed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryohalo.reproduction.papers import papers
from cryohalo.reproduction.rows import Row, by_error, rule, sentence
from cryohalo.reproduction.verdict import Verdict
from instruments.drawing import GREEN, GREY, ORANGE, RED, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_pdf"]

#: A4 across, inches.
_WIDTH, _HEIGHT, _MARGIN = 11.69, 8.27, 0.5
_LINE: Final = 0.132
_POINTS: Final = 6.5
#: Left edges of the columns, inches, and how many characters a line of each holds.
_COLUMNS: Final = (
    ("where", 0.5, 29), ("claim", 2.3, 58), ("stated", 5.75, 20), ("ours", 7.0, 30),
    ("error", 8.75, 16), ("tolerance", 9.7, 15), ("verdict", 10.55, 18),
)  # fmt: skip
_COLOURS: Final = {
    Verdict.AGREES: GREEN, Verdict.DIFFERS: RED, Verdict.UNTESTABLE: ORANGE,
    Verdict.STATED: GREY, Verdict.MISSING: RED,
}  # fmt: skip


class _Pages:
    """Sheets that fill from top to bottom."""

    def __init__(self) -> None:
        self.sheets: list[Figure] = []
        self._y = 0.0

    def room_for(self, lines: int) -> bool:
        """Whether so many lines still go on the sheet."""
        return bool(self.sheets) and self._y - lines * _LINE > _MARGIN

    def turn(self) -> None:
        """A new sheet, with the names of the columns."""
        from matplotlib.figure import Figure

        self.sheets.append(Figure(figsize=(_WIDTH, _HEIGHT)))
        self._y = _HEIGHT - _MARGIN
        for name, x, _ in _COLUMNS:
            self.write(x, name, weight="bold")
        self.down(1.5)

    def write(self, x: float, text: str, **how: Any) -> None:
        """Text at the present line, x in inches from the left."""
        self.sheets[-1].text(
            x / _WIDTH, self._y / _HEIGHT, text, va="top", fontsize=_POINTS, linespacing=1.35, **how
        )

    def down(self, lines: float) -> None:
        """So many lines further down."""
        self._y -= lines * _LINE


@styled
def write_pdf(path: Path, rows: Sequence[Row], made: str) -> None:
    """Write the table.

    Args:
        path: Of the PDF.
        rows: All of them.
        made: By what, and when.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    about = {paper.name: paper for paper in papers()}
    pages = _Pages()
    for name, group in groupby(rows, key=lambda row: row.claim.paper):
        if not pages.room_for(6):
            pages.turn()
        pages.write(_MARGIN, f"{about[name].called.capitalize()}: {about[name].citation}",
                    style="italic")  # fmt: skip
        pages.down(1.6)
        for row in group:
            _row(pages, row)
    if not pages.room_for(5):
        pages.turn()
    pages.down(1)
    summary = f"{sentence(rows)}. {rule()}"
    pages.write(_MARGIN, "\n".join(filter(None, (summary, by_error(rows), made))))
    with PdfPages(path, metadata={"CreationDate": None, "Title": "What two papers state"}) as out:
        for sheet in pages.sheets:
            out.savefig(sheet)


def _row(pages: _Pages, row: Row) -> None:
    texts = (
        row.claim.where, row.claim.says, row.paper_text, row.our_text, row.error_text,
        row.tolerance_text, row.verdict.value,
    )  # fmt: skip
    cells = [textwrap.wrap(t, width) for t, (_, _, width) in zip(texts, _COLUMNS, strict=True)]
    lines = max(map(len, cells))
    if not pages.room_for(lines + 1):
        pages.turn()
    for cell, (name, x, _) in zip(cells, _COLUMNS, strict=True):
        colour = {"color": _COLOURS[row.verdict]} if name == "verdict" else {}
        # A dollar would begin mathematics.
        pages.write(x, "\n".join(cell).replace("$", r"\$"), **colour)
    pages.down(lines + 0.45)
