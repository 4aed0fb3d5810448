"""One reading of a process variable at a known address, for whoever only looks in.

caproto's synchronous client starts no thread and no repeater, and reads its environment at each
call: libca would read it once, and fix it for the whole process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

__all__ = ["time_stamp"]

TIMEOUT_S: Final = 2.0


def time_stamp(name: str, host: str, port: int, timeout_s: float = TIMEOUT_S) -> float:
    """When a process variable was processed last, seconds of the epoch.

    Raises:
        OSError: It cannot be read.
    """
    import caproto
    from caproto.sync.client import read

    where = {
        "EPICS_CA_ADDR_LIST": f"{host}:{port}",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_NAME_SERVERS": "",
    }
    with _environment(where):
        try:
            response = read(name, data_type="time", timeout=timeout_s, repeater=False)
        except (caproto.CaprotoError, TimeoutError) as error:
            raise OSError(0, str(error)) from None
    return float(response.metadata.stamp.as_datetime().timestamp())


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
