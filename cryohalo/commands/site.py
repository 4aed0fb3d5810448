"""Where a command finds the site's instruments and its catalog: what it is given, else the site's.

The site's is its ``cryohalo.toml`` and the ``CRYOHALO_`` variables. Where there is neither, nothing
of the configuration is imported: ``cryohalo runs`` answers at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryohalo.commands.options import DEFAULT_CATALOG

if TYPE_CHECKING:
    from cryohalo.configuration import Found

__all__ = ["Site", "find_instruments", "parameters_of", "place_of", "site"]

_ADDRESSES: Final = "EPICS_CA_ADDR_LIST"


@dataclass(frozen=True)
class Site:
    """What a session is opened with.

    Attributes:
        catalog: Folder of the catalog.
        amrr_prefix: The refrigerator's, None for none.
        halo_prefix: The haloscope's, None for none.
        hardware: File of the laboratory's own records, None for none.
    """

    catalog: Path
    amrr_prefix: str | None
    halo_prefix: str | None
    hardware: Path | None = None


def place_of(given: Path | str | None) -> Path | str:
    """Where runs are read: the place that is given, else the site's, a folder or an address.

    Raises:
        ConfigurationError: The site's configuration cannot be used.
    """
    found = None if given is not None else _configured()
    if given or found is None:
        return given or DEFAULT_CATALOG
    kept = found.values.catalog
    return found.values.tiled_address if kept.read == "tiled" else kept.folder


def parameters_of(instrument: str) -> Path | None:
    """The parameter file of the IOC of one of the site's instruments, None for the defaults.

    Raises:
        ConfigurationError: The site's configuration cannot be used.
    """
    found = _configured()
    one = found.values.instruments.get(instrument) if found else None
    return one.parameters if one else None


def site(
    catalog: Path | None,
    amrr_prefix: str | None,
    halo_prefix: str | None,
    hardware: Path | None = None,
) -> Site:
    """What is given, else the site's.

    Args:
        catalog: Folder of the catalog, None for the site's.
        amrr_prefix: The refrigerator's; "" for none, None for the site's.
        halo_prefix: The haloscope's, the same.
        hardware: File of the laboratory's own records, None for the site's.

    Raises:
        ConfigurationError: The site's configuration cannot be used.
    """
    found = _configured()
    prefixes = {"amrr": "AMRR:", "haloscope": "HALO:"}
    if found is not None:
        prefixes = {name: one.prefix for name, one in found.values.instruments.items()}
    chosen = {"amrr": amrr_prefix, "haloscope": halo_prefix}
    decided = {name: prefixes.get(name) if p is None else p for name, p in chosen.items()}
    folder = catalog or (found.values.catalog.folder if found else DEFAULT_CATALOG)
    own = hardware or (found.values.hardware if found else None)
    return Site(folder, decided["amrr"] or None, decided["haloscope"] or None, own)


def find_instruments() -> None:
    """Tell Channel Access where the site's instruments are, before a client of it is imported.

    Raises:
        ConfigurationError: The site's configuration cannot be used.
    """
    found = _configured()
    if found is not None:
        _tell_addresses(found)


def _configured() -> Found | None:
    """The configuration, where there is one, or ``cryohalo up`` has left its state."""
    named = any(n.startswith("CRYOHALO_") and "__" in n for n in os.environ)
    there = Path("cryohalo.toml").exists() or "CRYOHALO_CONFIG" in os.environ
    if not (named or there or Path("state/services.json").exists()):
        return None
    from cryohalo.configuration import read

    return read()


def _tell_addresses(found: Found) -> None:
    """Set what ``cryohalo env`` prints, unless the environment says where to look."""
    from cryohalo.control_room.services import clients_environment

    if _ADDRESSES in os.environ:
        return
    for name, value in clients_environment(found).items():
        if name.startswith("EPICS_"):
            os.environ.setdefault(name, value)
