"""A stream as netCDF, as xarray has it; arrays go through one event at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dask

from cryohalo.catalog import Run
from cryohalo.live.json_lines import plain_json

__all__ = ["write"]


def write(run: Run, path: Path, stream: str) -> int:
    """Write it.

    Returns:
        The number of events.

    Raises:
        CatalogError: The events make no table.
    """
    data: Any = run.xarray(stream)
    data.attrs["start"] = json.dumps(plain_json(run.start))
    data.attrs = {key: value for key, value in data.attrs.items() if value is not None}
    with dask.config.set(scheduler="synchronous"):
        data.to_netcdf(path, engine="h5netcdf", format="NETCDF4")
    return int(data.sizes.get("event", 0))
