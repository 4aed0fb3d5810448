"""The table as files: CSV, JSON, LaTeX."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from cryohalo.reproduction.papers import papers
from cryohalo.reproduction.rows import Row, by_error, rule, sentence
from cryohalo.reproduction.verdict import Verdict

__all__ = ["csv_text", "json_text", "latex_text", "markdown_text"]

_LATEX: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "µ": r"$\mu$", "±": r"$\pm$", "σ": r"$\sigma$", "³": r"$^3$", "<": r"$<$", ">": r"$>$",
}  # fmt: skip
_COLOURS: Final = {
    Verdict.AGREES: "agrees", Verdict.DIFFERS: "differs", Verdict.UNTESTABLE: "untestable",
    Verdict.STATED: "stated", Verdict.MISSING: "differs",
}  # fmt: skip
_HEAD: Final = r"""\documentclass[10pt]{article}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\usepackage[T1]{fontenc}
\usepackage{longtable,booktabs,xcolor,array}
\definecolor{agrees}{HTML}{006B4E}
\definecolor{differs}{HTML}{B34700}
\definecolor{untestable}{HTML}{7A5C00}
\definecolor{stated}{HTML}{666666}
\begin{document}\footnotesize
"""


def csv_text(rows: Sequence[Row]) -> str:
    """One line a claim, numbers in the claim's unit."""
    out = io.StringIO()
    recorded = [row.recorded() for row in rows]
    writer = csv.DictWriter(out, list(recorded[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(recorded)
    return out.getvalue()


def json_text(rows: Sequence[Row], provenance: Mapping[str, Any]) -> str:
    """All rows, what they come to, and where they come from."""
    about = {paper.name: {"citation": paper.citation, "url": paper.url} for paper in papers()}
    content = {
        "summary": sentence(rows), "rule": rule(), "papers": about, "provenance": provenance,
        "rows": [row.recorded() for row in rows],
    }  # fmt: skip
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def latex_text(rows: Sequence[Row], made: str) -> str:
    """A document of its own with one long table a paper; pdflatex and lualatex take it."""
    parts = [_HEAD]
    about = {paper.name: paper for paper in papers()}
    for name, group in groupby(rows, key=lambda row: row.claim.paper):
        parts.append(f"\\section*{{{_tex(about[name].called.capitalize())}}}\n")
        parts.append(f"{_tex(about[name].citation)}\n\n")
        parts.append(_longtable(list(group)))
    said = " ".join(filter(None, (f"{sentence(rows)}.", rule(), by_error(rows), made)))
    parts.append(f"\n{_tex(said)}\n\\end{{document}}\n")
    return "".join(parts)


def _longtable(rows: Sequence[Row]) -> str:
    columns = r"p{36mm}p{70mm}p{30mm}p{42mm}p{26mm}p{22mm}p{20mm}"
    head = "where & claim & stated & ours & error & tolerance & verdict"
    lines = [
        f"\\begin{{longtable}}{{{columns}}}", f"\\toprule {head} \\\\ \\midrule \\endhead",
    ]  # fmt: skip
    for row in rows:
        verdict = f"\\textcolor{{{_COLOURS[row.verdict]}}}{{{row.verdict.value}}}"
        cells = [row.claim.where, row.claim.says, row.paper_text, row.our_text, row.error_text]
        cells = [_tex(cell) for cell in (*cells, row.tolerance_text)]
        lines.append(" & ".join([*cells, verdict]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{longtable}", ""])


def _tex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def markdown_text(rows: Sequence[Row]) -> str:
    """The tables in Markdown, for a page of the documentation."""
    about, parts = {paper.name: paper for paper in papers()}, []
    for name, group in groupby(rows, key=lambda row: row.claim.paper):
        parts += [f"\n### {about[name].called.capitalize()}\n\n", f"{about[name].citation}\n\n"]
        parts.append("| where | claim | stated | ours | tolerance | how | verdict | alone |\n")
        parts.append("|---|---|---|---|---|---|---|---|\n")
        for row in group:
            ours = f"{row.our_text} {row.error_text}".strip()
            cells = [row.claim.where, row.claim.says, row.paper_text, ours, row.tolerance_text]
            alone = f"`{row.claim.name}`" if row.claim.computed else ""
            strong = f"**{row.verdict.value}**" if row.verdict is Verdict.DIFFERS else ""
            cells += [row.role_text, strong or row.verdict.value, alone]
            parts.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n")
    return "".join(parts)
