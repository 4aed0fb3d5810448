"""Runs as files of other kinds, written event by event in bounded memory.

CSV needs nothing, HDF5 the extra ``analysis``, Parquet and netCDF the extra ``export``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from cryohalo.catalog import CatalogError, Run
from instruments.printable import escaped
from instruments.whole_files import replacing

__all__ = ["FORMS", "export_run"]

#: Ends of files' names and the kind that they tell.
FORMS: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".nxs": "hdf5",
    ".nc": "netcdf",
}
_WRITERS: Final[Mapping[str, str]] = {
    "csv": "cryohalo.exporting.as_csv",
    "parquet": "cryohalo.exporting.as_parquet",
    "hdf5": "cryohalo.exporting.as_nexus",
    "netcdf": "cryohalo.exporting.as_netcdf",
}

Write = Callable[[Run, Path, str], int]


def export_run(
    run: Run, output: Path, form: str, *, stream: str = "primary", replace: bool = False
) -> int:
    """Write a run to a file; the file is there when it is whole, and not before.

    Args:
        run: The run.
        output: The file.
        form: ``csv``, ``parquet``, ``hdf5`` or ``netcdf``.
        stream: Whose events; ``hdf5`` has all streams.
        replace: Replace a file that is there.

    Returns:
        The number of events written.

    Raises:
        CatalogError: The run cannot be read, has no such stream, or its events make no table.
        FileExistsError: The file is there.
        OSError: It cannot be written.
        ModuleNotFoundError: The extra ``export`` is not installed.
    """
    if output.exists() and not replace:
        raise FileExistsError(f"{escaped(output)} is there already: --force replaces it")
    if form != "hdf5":
        demand_stream(run, stream)
    write: Write = import_module(_WRITERS[form]).write
    with replacing(output) as part:
        return write(run, part, stream)


def demand_stream(run: Run, stream: str) -> None:
    """Refuse a stream that a run has not.

    Raises:
        CatalogError: It names those that there are.
    """
    streams = run.streams()
    if stream not in streams:
        there = ", ".join(escaped(name, 60) for name in streams) or "none"
        raise CatalogError(
            f"run {escaped(run.uid, 60)} has no stream {escaped(stream, 60)}; it has {there}"
        )
