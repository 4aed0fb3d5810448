"""Processes beside the server that tell lines of JSON, kept running: the search, the queue."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from typing import Final

__all__ = ["follow"]

log = logging.getLogger("cryohalo.page")

#: Bytes of a line, more than one ever has.
LONGEST_LINE: Final = 1 << 19
#: How long after its end it is started again.
AGAIN_S: Final = 5.0


async def follow(module: str, argument: str, tell: Callable[[str], None]) -> None:
    """Tell each line of a process; start it again where it ends; until cancelled.

    Args:
        module: What it runs.
        argument: Its only argument.
        tell: Is given JSON in one line.
    """
    while True:
        try:
            await _once(module, argument, tell)
        except (OSError, ValueError) as error:  # ValueError: a line beyond all bounds
            log.warning("%s cannot be followed: %s", module, error)
        await asyncio.sleep(AGAIN_S)


async def _once(module: str, argument: str, tell: Callable[[str], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, argument),
        stdin=asyncio.subprocess.PIPE,  # held open: it ends when this process does
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            json.loads(line)  # it goes into frames as it is
            tell(line.decode().strip())
        log.warning("%s ended with code %s", module, await process.wait())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
