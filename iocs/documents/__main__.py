"""Write what is generated from the tables.

    python -m iocs.documents            # writes what docs/reference and docs/screens hold of it

The test suite fails when the files in ``docs/`` no longer are what the tables say.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from iocs.documents.pages import documents
from iocs.serving.arguments import OneLineParser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all files; returns the exit code."""
    OneLineParser(prog="python -m iocs.documents", description=__doc__).parse_args(arguments)
    folder = Path(__file__).parents[2] / "docs"
    for name, text in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
