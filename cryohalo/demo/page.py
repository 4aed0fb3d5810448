"""One HTML page with its figures beside it: sections of text, numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, select_autoescape

from cryohalo.provenance import provenance, software_version
from instruments.drawing import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Section:
    """A chapter of the page.

    Attributes:
        title: Its heading.
        text: One paragraph.
        rows: Names and values of its table, values with their units.
        figures: Pictures with their captions.
    """

    title: str
    text: str
    rows: Sequence[tuple[str, str]] = ()
    figures: list[dict[str, str]] = field(default_factory=list)


PAGE, FIGURES = "index.html", "figures"
#: Of the page: it marks a page as ours.
TITLE = "cryohalo demonstration"


class Page:
    """A report folder: ``index.html`` and its figures.

    Args:
        folder: Made if absent; files of the same names are replaced.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sections: list[Section] = []
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)

    def add(self, section: Section) -> Section:
        """Append a section and hand it back."""
        self.sections.append(section)
        return section

    def figure(self, section: Section, name: str, figure: Figure, caption: str) -> None:
        """Save a figure as ``figures/<name>.png`` and ``.pdf``, and show it in a section."""
        save(figure, self.folder / FIGURES / name)
        section.figures.append({"file": f"{FIGURES}/{name}.png", "caption": caption})

    def write(self, *, seed: int, extra: Sequence[tuple[str, str]] = ()) -> Path:
        """Write the page.

        Returns:
            The path of ``index.html``.
        """
        environment = Environment(
            loader=PackageLoader("cryohalo.demo"), autoescape=select_autoescape(["html"])
        )
        html = environment.get_template("demo.html").render(
            sections=self.sections,
            title=TITLE,
            seed=seed,
            software_version=software_version(),
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            provenance=[*_flat(provenance()), *extra],
        )
        path = self.folder / PAGE
        path.write_text(html, encoding="utf-8")
        return path


def _flat(metadata: dict) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in metadata.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        rows.append((name.replace("_", " "), str(text)))
    return rows
