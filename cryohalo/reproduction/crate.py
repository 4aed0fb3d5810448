"""The results as an RO-Crate 1.2: ``ro-crate-metadata.json`` beside them, written by us.

The specification asks for one JSON-LD document with the file itself, the folder, its files, and the
action that made them; a library for it would bring a web client and a templating of its own.
https://w3id.org/ro/crate/1.2
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryohalo.reproduction.kept import Result
from cryohalo.reproduction.papers import papers
from cryohalo.reproduction.work import FIGURES

__all__ = ["METADATA", "write_crate"]

METADATA: Final = "ro-crate-metadata.json"
_SPECIFICATION: Final = "https://w3id.org/ro/crate/1.2"
_LICENSE: Final = "https://spdx.org/licenses/BSD-3-Clause"
_SOFTWARE: Final = "#cryohalo"
_ACTION: Final = "#reproduce"
_DESCRIBED: Final = {
    "index.html": "Page: every claim with the paper's number, ours, and the verdict",
    "claims.csv": "The table, one line a claim",
    "claims.json": "The table with provenance",
    "claims.tex": "The table in LaTeX",
    "claims.md": "The table in Markdown",
    "claims.pdf": "The table, printed",
}


def write_crate(
    folder: Path, files: Sequence[str], results: Mapping[str, Result], about: Mapping[str, Any]
) -> Path:
    """Describe what is in the folder.

    Args:
        folder: Of the reproduction.
        files: Names of the tables and pages that were written there.
        results: By room; their files and figures are in the folder.
        about: Provenance: versions, settings, machine, times.
    """
    kind = "quick" if about["settings"]["quick"] else "full"
    parts = [*files]
    for result in results.values():
        parts.append(f"results/{kind}/{result.room}.json")
        parts += [f"{FIGURES}/{d.name}.{s}" for d in result.drawn for s in ("svg", "pdf", "png")]
    parts = [part for part in dict.fromkeys(parts) if (folder / part).is_file()]
    captions = {d.name: d.caption for result in results.values() for d in result.drawn}
    graph = [
        _descriptor(), _root(parts, about), *(_file(folder, part, captions) for part in parts),
        _license(), *_software(about), *_papers(), _action(parts, results, about),
    ]  # fmt: skip
    content = {"@context": f"{_SPECIFICATION}/context", "@graph": graph}
    path = folder / METADATA
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def _descriptor() -> dict[str, Any]:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _SPECIFICATION},
        "about": {"@id": "./"},
    }


def _root(parts: Sequence[str], about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": "What two papers state, computed again by cryohalo",
        "description": "Every claim of the refrigerator's paper and of the axion search's letter "
        "with its number, the number that the models or the simulated control path give, its "
        "error, the tolerance and the verdict.",
        "datePublished": about["written"],
        "license": {"@id": _LICENSE},
        "hasPart": [{"@id": part} for part in parts],
        "mentions": [{"@id": _ACTION}],
        "citation": [{"@id": paper.url} for paper in papers()],
    }


def _file(folder: Path, part: str, captions: Mapping[str, str]) -> dict[str, Any]:
    path = Path(part)
    kind = mimetypes.guess_type(part)[0] or "text/plain"
    if path.suffix == ".md":
        kind = "text/markdown"
    described = _DESCRIBED.get(part) or captions.get(path.stem) or f"Findings of {path.stem}"
    return {
        "@id": part,
        "@type": "File",
        "name": path.name,
        "description": described,
        "encodingFormat": kind,
        "contentSize": str((folder / part).stat().st_size),
    }


def _license() -> dict[str, Any]:
    return {"@id": _LICENSE, "@type": "CreativeWork", "name": "BSD 3-Clause License"}


def _software(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    versions: Mapping[str, str] = about["package_versions"]
    packages = [
        {
            "@id": f"https://pypi.org/project/{name}/{version}/",
            "@type": "SoftwareApplication",
            "name": name,
            "version": version,
        }
        for name, version in versions.items()
    ]
    own = {
        "@id": _SOFTWARE,
        "@type": "SoftwareApplication",
        "name": "cryohalo",
        "version": about["software_version"],
        "softwareRequirements": [{"@id": one["@id"]} for one in packages],
    }
    return [own, *packages]


def _papers() -> list[dict[str, Any]]:
    return [
        {"@id": paper.url, "@type": "ScholarlyArticle", "name": paper.citation}
        for paper in papers()
    ]


def _action(
    parts: Sequence[str], results: Mapping[str, Result], about: Mapping[str, Any]
) -> dict[str, Any]:
    """What was run, when, with what, and what came of it."""
    began = [result.began for result in results.values() if result.began]
    settings = about["settings"]
    failed = [result.room for result in results.values() if result.error]
    told = " ".join(
        ["cryohalo reproduce", f"--seed {settings['seed']}", "--quick" if settings["quick"] else ""]
    ).strip()
    return {
        "@id": _ACTION,
        "@type": "CreateAction",
        "name": told,
        "description": f"On {about['machine']}, Python {about['python_version']}; "
        f"{sum(result.seconds for result in results.values()):.0f} s of all rooms together.",
        "startTime": min(began, default=about["written"], key=datetime.fromisoformat),
        "endTime": about["written"],
        "instrument": {"@id": _SOFTWARE},
        "object": [{"@id": paper.url} for paper in papers()],
        "result": [{"@id": part} for part in parts],
        "actionStatus": {
            "@id": f"http://schema.org/{'Failed' if failed else 'Completed'}ActionStatus"
        },
        **({"error": f"failed: {', '.join(failed)}"} if failed else {}),
    }
