"""What may stand in a start document, asked before its run opens.

The catalog refuses what it cannot keep, but by then the run has an identifier, other consumers of
the documents have seen its start, and bluesky ends it. A plan that brings such metadata therefore
fails before anything has begun, by an error that names the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bluesky import RunEngine
from bluesky.utils import Msg

from cryohalo.catalog import UnfitError, plain

__all__ = ["check_metadata", "plain_metadata"]


def plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as the catalog keeps it: paths, dates and times are texts, tuples are lists.

    Raises:
        UnfitError: Something has no such form; the message names its key.
    """
    try:
        return plain(metadata)
    except UnfitError as error:
        raise UnfitError(f"metadata: {error}") from None


def check_metadata(engine: RunEngine) -> None:
    """Let ``engine`` refuse a run whose metadata cannot be kept, before the run opens."""
    demanded = engine.md_validator
    open_run = engine._open_run  # noqa: SLF001  (bluesky offers no public way)

    def validate(metadata: dict[str, Any]) -> None:
        plain_metadata(metadata)
        demanded(metadata)

    async def open_checked_run(message: Msg) -> Any:
        # Here too: bluesky's tracing makes JSON of a plan's own metadata before it validates them.
        plain_metadata(message.kwargs)
        return await open_run(message)

    engine.md_validator = validate
    engine.md_normalizer = plain_metadata
    engine.register_command("open_run", open_checked_run)
