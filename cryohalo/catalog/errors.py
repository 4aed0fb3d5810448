"""What the catalog raises."""

from cryohalo.errors import CatalogError

__all__ = ["CatalogError"]
