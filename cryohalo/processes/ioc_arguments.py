"""What an IOC is started with: its options by their names, from whoever starts it.

``cryohalo iocs``, and ``cryohalo up`` by the configuration, give the same values by the same names,
which are those of the options of ``python -m iocs.haloscope``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["ioc_arguments", "shipped_file"]


def ioc_arguments(given: Mapping[str, Any]) -> Iterator[str]:
    """The command line of an IOC.

    Args:
        given: Options by name, ``inject_band`` for ``--inject-band``. None and False: not given;
            True: an option without a value; a tuple: one with several. With ``blind`` the key file
            has the seed.
    """
    blind = given.get("blind") is not None
    for name, value in given.items():
        if value is None or value is False or (name == "seed" and blind):
            continue
        yield f"--{name.replace('_', '-')}"
        if isinstance(value, tuple):
            yield from map(str, value)
        elif value is not True:
            yield str(value)


def shipped_file(name: str) -> Path | None:
    """The parameter file of a haloscope that comes with the package, e.g. ``haystac``."""
    path = Path(str(files("haloscope"))) / "data" / f"{name}.toml"
    return path if name.isidentifier() and path.is_file() else None
