"""One page with everything: rows by subject, figures inside, filters, both themes, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from cryohalo.reproduction.kept import Result
from cryohalo.reproduction.papers import Paper, papers
from cryohalo.reproduction.rooms import ROOMS
from cryohalo.reproduction.rows import Row, count, rule
from cryohalo.reproduction.strip import strip_of
from cryohalo.reproduction.work import FIGURES

__all__ = ["page_text"]


@dataclass(frozen=True)
class _Section:
    """One paper on the page."""

    paper: Paper
    rows: Sequence[Row]


def page_text(
    folder: Path, rows: Sequence[Row], results: Mapping[str, Result], about: Mapping[str, Any]
) -> str:
    """The page as text.

    Args:
        folder: Where the figures are.
        rows: All of them.
        results: By room.
        about: Provenance.
    """
    environment = Environment(
        loader=PackageLoader("cryohalo.reproduction"), autoescape=select_autoescape(["html"]),
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    sections = [_Section(p, [row for row in rows if row.claim.paper == p.name]) for p in papers()]
    drawn = {one.name: one for result in results.values() for one in result.drawn}
    text = environment.get_template("page.html").render(
        sections=sections,
        rows=rows,
        strips={row.claim.name: strip_of(row) for row in rows},
        counts={verdict.value: number for verdict, number in count(rows).items()},
        slugs={verdict.value: verdict.name.lower() for verdict in count(rows)},
        pictures=drawn,
        rooms={room.name: room for room in ROOMS},
        rule=rule(),
        about=about,
    )
    # Drawings are our own files, and no text for a template to escape.
    for name in drawn:
        svg = (folder / FIGURES / f"{name}.svg").read_text("utf-8")
        text = text.replace(f"<!-- figure:{name} -->", svg)
    return text
