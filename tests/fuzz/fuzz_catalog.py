"""Coverage-guided fuzzing of the catalog's reader; wants the extra ``fuzz``.

    python -m tests.fuzz.fuzz_catalog CORPUS -max_total_time=3600 -rss_limit_mb=1500 -timeout=10

CORPUS is a folder for the inputs that reach new code; the good run and every hostile file of the
tests are put there first. Any exception but `CatalogError`, memory beyond the limit and an input
that takes longer than the time-out end it, and the input is written down.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cryohalo.catalog", "instruments", "msgpack"]):
    from cryohalo.catalog import Catalog, CatalogError, DocumentWriter, Run
    from cryohalo.catalog.codec import decode, encode

from tests.session import hostile
from tests.session.test_catalog_damage import documents

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm"))
_FILE = _FOLDER / "bad.msgpack"
_GOOD = "good"


def test_one_input(data: bytes) -> None:
    """Read ``data`` as the file of a run, beside a good one, in every way there is."""
    _FILE.write_bytes(data)
    listing = Catalog(_FOLDER).listing()
    uids = [run.uid for run in listing.runs]
    if _GOOD not in uids or len(uids) + len(listing.refused) != 2:
        raise AssertionError(f"listed {uids}, refused {listing.refused}")
    run = Run(_FILE)
    try:
        for name, document in run.documents():
            _kept(name, document)
        _asked(run)
    except CatalogError as error:
        if not str(error).isprintable():
            raise AssertionError(f"not of one line: {error!r}") from error


def _kept(name: str, document: dict) -> None:
    """What has been read can be written, and is read again as it was."""
    try:
        data = encode(name, document)
    except ValueError:  # keys that are numbers are read, and not written
        return
    again = encode(*decode(data))
    if again != data:
        raise AssertionError(f"{name}: {data!r} comes back as {again!r}")


def _asked(run: Run) -> None:
    run.stop  # noqa: B018
    fields = {key for event in run.events() for key in event["data"]}
    for field in sorted(fields)[:5]:
        run.table(field)


def _seed(corpus: Path) -> None:
    """The first inputs: a good run, and what the tests have against it."""
    corpus.mkdir(parents=True, exist_ok=True)
    writer = DocumentWriter(_FOLDER)
    for name, document in documents():
        writer(name, document)
    (written,) = _FOLDER.glob("*.msgpack")
    inputs = {"good": written.read_bytes()}
    written.unlink()
    inputs |= {kind: content for kind, (content, _) in hostile.NO_START.items()}
    inputs |= {kind: hostile.packed(*found) for kind, (found, _) in hostile.LATER.items()}
    inputs["short"] = hostile.packed(*hostile.GOOD)
    for kind, content in inputs.items():
        (corpus / kind.replace("/", "-")).write_bytes(content)


def main() -> None:
    """Fuzz until told to stop."""
    corpus = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if corpus:
        _seed(Path(corpus[0]))
    writer = DocumentWriter(_FOLDER)
    writer("start", {"uid": _GOOD, "time": 1.0})
    writer.close()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
