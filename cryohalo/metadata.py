"""What may stand in a start document, asked before its run opens.

The catalog refuses what it cannot keep, but by then the run has an identifier, other consumers of
the documents have seen its start, and bluesky ends it. So it is where event-model's schema has
something against the start: bluesky has opened the run by then, and cannot close it. A plan that
brings such metadata therefore fails before anything has begun, by an error that names the key.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from bluesky import RunEngine
from bluesky.utils import Msg
from event_model import DocumentNames, schema_validators
from jsonschema import ValidationError

from cryohalo.catalog import UnfitError, plain
from cryohalo.catalog.order import DocumentOrder, OrderError

__all__ = ["check_metadata", "plain_metadata"]

#: What the RunEngine gives to each start document.
_GIVEN: Final = {"uid": "a run", "time": 0.0}


def plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as the catalog keeps it: paths, dates and times are texts, tuples are lists.

    Raises:
        UnfitError: Something has no such form; the message names its key.
    """
    try:
        return plain(metadata)
    except UnfitError as error:
        raise UnfitError(f"metadata: {error}") from None


def demand_start(metadata: Mapping[str, Any]) -> None:
    """Hold metadata against all that is demanded of a start document.

    Raises:
        UnfitError: They make none; the message names the key.
    """
    document = plain_metadata(metadata)
    for key in _GIVEN.keys() & document.keys():
        raise UnfitError(f"metadata: {key} is given to each run by the RunEngine")
    document |= _GIVEN
    try:
        DocumentOrder().check("start", document)
        schema_validators[DocumentNames.start].validate(document)
    except OrderError as error:
        raise UnfitError(f"metadata: {error}") from None
    except ValidationError as error:
        place = ".".join(map(str, error.absolute_path))
        why = f"{place}: {error.message:.200}" if place else f"{error.message:.200}"
        raise UnfitError(f"metadata: {why}") from None
    _demand_copies(metadata)


def _demand_copies(metadata: Mapping[str, Any]) -> None:
    """Bluesky copies metadata before it takes their plain form; some things have no copy."""
    for key, value in metadata.items():
        try:
            copy.deepcopy(value)
        except Exception as error:  # anybody's object is asked for its copy
            raise UnfitError(f"metadata: {key} cannot be copied: {error}") from None


def next_scan_id(metadata: Mapping[str, Any]) -> int:
    """The number after the last.

    Raises:
        UnfitError: The last is no whole number.
    """
    last = metadata.get("scan_id", 0)
    if not isinstance(last, int):
        raise UnfitError(f"metadata: scan_id is {last!r:.60}, not a whole number")
    return last + 1


def check_metadata(engine: RunEngine) -> None:
    """Let ``engine`` refuse a run whose metadata cannot be kept, before the run opens."""
    demanded = engine.md_validator
    open_run = engine._open_run  # noqa: SLF001  (bluesky offers no public way)

    def validate(metadata: dict[str, Any]) -> None:
        plain_metadata(metadata)
        demanded(metadata)
        demand_start(metadata)

    async def open_checked_run(message: Msg) -> Any:
        # Here too: bluesky's tracing makes JSON of a plan's own metadata before it validates them.
        plain_metadata(message.kwargs)
        return await open_run(message)

    engine.scan_id_source = next_scan_id
    engine.md_validator = validate
    engine.md_normalizer = plain_metadata
    engine.register_command("open_run", open_checked_run)
