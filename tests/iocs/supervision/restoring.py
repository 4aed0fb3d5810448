"""IOCs that keep their state, ended without a word and begun again in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iocs.ioc import Ioc
from tests.iocs.plants import make

_alive: list[Ioc] = []


def close_all() -> None:
    """Close the files of every IOC made here: a kill leaves them to the system."""
    for ioc in _alive:
        assert ioc.store is not None
        ioc.put_log.close()
        ioc.store.journal.close()
    _alive.clear()


def restored(name: str, folder: Path, *options: str) -> Ioc:
    """An IOC that has taken over what was kept."""
    ioc = make(name, "--state-dir", str(folder), *options)
    _alive.append(ioc)
    ioc.restore()
    return ioc


async def living(name: str, folder: Path, *options: str) -> Ioc:
    """An IOC that keeps its state, with a clock that stands still."""
    ioc = restored(name, folder, *options)
    ioc.clock.paused = True
    await keep(ioc)
    await ioc.database.post()
    return ioc


async def keep(ioc: Ioc) -> None:
    """A snapshot of now, as every few seconds."""
    assert ioc.store is not None
    await ioc.store.begin()


def value(ioc: Ioc, name: str) -> Any:
    return ioc.database[name].value
