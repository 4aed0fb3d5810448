"""The one error of a catalog."""

from __future__ import annotations


class CatalogError(RuntimeError):
    """The catalog cannot be read or written; the message names the file and the cause."""
