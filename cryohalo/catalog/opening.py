"""One way to the runs, whether a folder or a Tiled server has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from cryohalo.catalog.entries import Entry, Filter
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.folder import Catalog, Listing
from cryohalo.catalog.run import Run
from cryohalo.places import is_address
from instruments.printable import escaped

__all__ = ["KEY_VARIABLE", "RunCatalog", "open_catalog"]

#: Tiled's own variable for the API key.
KEY_VARIABLE: Final = "TILED_API_KEY"


class RunCatalog(Protocol):
    """What a catalog is asked, wherever its runs are; ``Catalog`` says what each means."""

    def entries(self, which: Filter = ..., note: Callable[[int, int], None] = ...) -> list[Entry]:
        """What is known of the runs asked for, oldest first."""

    def look(
        self, which: Filter = ..., note: Callable[[int, int], None] = ...
    ) -> tuple[list[Entry], list[str]]:
        """``entries``, and one line for each thing that is no run."""

    def listing(self) -> Listing:
        """All runs and all that is refused."""

    def __iter__(self) -> Iterator[Run]:
        """The runs, oldest first."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, key: int | str) -> Run:
        """A run by position or by the beginning of its uid."""

    def named(self, plan_name: str) -> list[Run]:
        """The runs of one plan, oldest first."""

    def of_campaign(self, name: str) -> list[Run]:
        """The runs of one campaign, oldest first."""


def open_catalog(place: Path | str, key: str | None = None) -> RunCatalog:
    """The catalog of a folder, or of the Tiled server at ``http://HOST:PORT``.

    A run has the same table, to the last bit, wherever it is read.

    Args:
        place: Folder or address.
        key: API key of the server; otherwise that of ``TILED_API_KEY``, or the site's where it is
            the site's server.

    Raises:
        CatalogError: The server does not answer, or nothing has been shared there; or the extra
            ``tiled`` is not installed.
    """
    if not is_address(place):
        return Catalog(place)
    try:
        from cryohalo.sharing.catalog import SharedCatalog

        return SharedCatalog(str(place), _key_of(str(place)) if key is None else key)
    except ModuleNotFoundError as error:
        raise CatalogError(
            f"{escaped(place)}: {error.name} is not installed: pip install 'cryohalo[tiled]'"
        ) from error


def _key_of(address: str) -> str:
    if given := os.environ.get(KEY_VARIABLE):
        return given
    from cryohalo.configuration import read
    from cryohalo.sharing.key import key_in

    values = read().values
    own = values.tiled_address.rstrip("/") == address.rstrip("/")
    return key_in(values.tiled_key) if own and values.tiled_key.exists() else ""
