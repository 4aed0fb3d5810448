"""Errors that the command line knows before anything else is imported."""

__all__ = ["CatalogError"]


class CatalogError(RuntimeError):
    """The catalog cannot be read or written; the message names the file and the cause."""
