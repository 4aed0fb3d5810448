"""The real control path for one room: an IOC of its own, and a session that sees its PVs alone.

Only in a process where nothing has spoken Channel Access yet: clients read where to look once, at
their first import.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cryohalo.processes.launcher import LaunchedIoc, Launcher
from cryohalo.reproduction.work import Work

if TYPE_CHECKING:
    from cryohalo.session import Session

__all__ = ["session_at"]

_PREFIXES: Final = {"amrr": "AMRR:", "haloscope": "HALO:"}


@contextmanager
def session_at(work: Work, instrument: str, *, speed: float) -> Iterator[Session]:
    """A session at an IOC that is started for it.

    Args:
        work: Its seed is the IOC's; its folder gets the catalog.
        instrument: "amrr" or "haloscope".
        speed: Simulated seconds per second; 0 for as fast as possible.

    Raises:
        IocFailedError: The IOC did not start.
        TimeoutError: Its process variables cannot be reached.
    """
    prefix = _PREFIXES[instrument]
    arguments = ("--prefix", prefix, "--seed", str(work.settings.seed), "--speed", str(speed))
    ioc = LaunchedIoc(instrument, arguments=arguments)
    with Launcher([ioc], log_folder=work.folder / "ioc") as launcher:
        os.environ.update(launcher.environment)  # before the first Channel Access import
        from cryohalo.session import Session

        amrr, halo = (prefix if instrument == name else None for name in _PREFIXES)
        about = {"operator": "cryohalo reproduce"}
        with Session.open(
            work.folder / "catalog", amrr_prefix=amrr, halo_prefix=halo, metadata=about
        ) as session:
            yield session
