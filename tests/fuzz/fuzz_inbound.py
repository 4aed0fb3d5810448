"""Coverage-guided fuzzing of all that a Channel Access client may send; wants the extra ``fuzz``.

    python -m tests.fuzz.fuzz_inbound CORPUS -max_total_time=3600 -rss_limit_mb=1500 -timeout=20

CORPUS is a folder for the inputs that reach new code; well-behaved clients are put there first. The
first byte of an input says in pieces of which size the rest arrives. What ends it: see
`tests.fuzz.inbound`; memory beyond the limit; an input that takes longer than the time-out.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["iocs", "pvdb"]):
    from tests.fuzz import inbound

_server = inbound.Server()
PIECES = (1 << 20, 1, 7, 16, 1460)


def test_one_input(data: bytes) -> None:
    """Serve a client that sends ``data``."""
    if data:
        _server.give(data[1:], PIECES[data[0] % len(PIECES)])


def main() -> None:
    """Fuzz; the command line is libFuzzer's."""
    logging.disable(logging.WARNING)  # refusals are what we are here for
    for folder in [argument for argument in sys.argv[1:] if not argument.startswith("-")][:1]:
        corpus = Path(folder)
        corpus.mkdir(parents=True, exist_ok=True)
        for name, content in inbound.seeds().items():
            (corpus / name.replace(" ", "-")).write_bytes(b"\0" + content)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
