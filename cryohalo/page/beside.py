"""Processes beside the server that tell lines of JSON, kept running: the search, the queue."""

from __future__ import annotations

import asyncio
import contextlib
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


#: How often a process is told that somebody looks.
LOOKED_EVERY_S: Final = 0.5


async def follow(
    module: str,
    argument: str,
    tell: Callable[[str], None],
    looked: Callable[[], bool] = lambda: False,
) -> None:
    """Tell each line of a process; start it again where it ends; until cancelled.

    Args:
        module: What it runs. It ends with its standard input.
        argument: Its only argument.
        tell: Is given JSON in one line.
        looked: Whether somebody looks, which it is told by lines on standard input.
    """
    while True:
        try:
            await _once(module, argument, tell, looked)
        except (OSError, ValueError) as error:  # ValueError: a line beyond all bounds
            log.warning("%s cannot be followed: %s", module, error)
        await asyncio.sleep(AGAIN_S)


async def _once(
    module: str, argument: str, tell: Callable[[str], None], looked: Callable[[], bool]
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, argument),
        stdin=asyncio.subprocess.PIPE,  # held open: it ends when this process does
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    looking = asyncio.ensure_future(_say_who_looks(process.stdin, looked))
    try:
        while line := await process.stdout.readline():
            json.loads(line)  # it goes into frames as it is
            tell(line.decode().strip())
        log.warning("%s ended with code %s", module, await process.wait())
    finally:
        looking.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _say_who_looks(stdin: asyncio.StreamWriter, looked: Callable[[], bool]) -> None:
    with contextlib.suppress(ConnectionError):  # it ended, which its standard output tells
        while True:
            if looked():
                stdin.write(b"\n")
                await stdin.drain()
            await asyncio.sleep(LOOKED_EVERY_S)
