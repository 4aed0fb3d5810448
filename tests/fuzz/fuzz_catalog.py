"""Coverage-guided fuzzing of the catalog's reader; wants the extra ``fuzz``.

    python -m tests.fuzz.fuzz_catalog CORPUS -max_total_time=3600 -rss_limit_mb=1500 -timeout=20

CORPUS is a folder for the inputs that reach new code; the good run and every hostile file of the
tests are put there first. Any exception but `CatalogError`, memory beyond the limit and an input
that takes longer than the time-out end it, and the input is written down.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cryohalo.catalog", "instruments", "msgpack"]):
    from tests.fuzz.catalog_input import Reader, seeds


def main() -> None:
    """Fuzz until told to stop."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
        if corpus:
            corpus[0].mkdir(parents=True, exist_ok=True)
            for name, content in seeds(Path(folder)).items():
                (corpus[0] / name).write_bytes(content)
        logging.disable()  # a bad file is told each time
        reader = Reader(Path(folder))

        def one_input(data: bytes) -> None:
            reader.read(data)

        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
