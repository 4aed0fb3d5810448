"""The process that follows the search (``cryohalo.page.search``), kept running by the server."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["follow"]

log = logging.getLogger("cryohalo.page")

#: Bytes of a line, more than one ever has.
LONGEST_LINE: Final = 1 << 19
#: How long after its end it is started again.
AGAIN_S: Final = 5.0


async def follow(catalog: Path, tell: Callable[[str], None]) -> None:
    """Tell each line of the process; start it again where it ends; until cancelled.

    Args:
        catalog: Folder whose newest search is followed.
        tell: Is given JSON in one line.
    """
    while True:
        try:
            await _once(catalog, tell)
        except (OSError, ValueError) as error:  # ValueError: a line beyond all bounds
            log.warning("the search cannot be followed: %s", error)
        await asyncio.sleep(AGAIN_S)


async def _once(catalog: Path, tell: Callable[[str], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cryohalo.page.search", str(catalog)),
        stdin=asyncio.subprocess.PIPE,  # held open: it ends when this process does
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            json.loads(line)  # it goes into frames as it is
            tell(line.decode().strip())
        log.warning("what follows the search ended with code %s", await process.wait())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
