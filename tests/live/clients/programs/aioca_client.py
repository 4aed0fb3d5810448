"""aioca reads, writes, monitors and is refused; prints what it saw as JSON."""

import asyncio
import json
import sys

from aioca import CANothing, caget, camonitor, caput, purge_channel_caches


async def main(amrr: str) -> None:
    field = amrr + "Cycle:RegenHotEnd"
    changed: asyncio.Queue[float] = asyncio.Queue()
    monitor = camonitor(field + "_RBV", changed.put)
    seen = {"first": float(await asyncio.wait_for(changed.get(), 20))}
    seen["asked"] = 0.9 * seen["first"]
    await caput(field, seen["asked"], wait=True, timeout=20)
    seen["monitored"] = float(await asyncio.wait_for(changed.get(), 20))
    seen["after"] = float(await caget(field))
    try:
        await caput(field, 99.0, wait=True, timeout=20)
        seen["refused"] = ""
    except CANothing as error:
        seen["refused"] = str(error)
    monitor.close()
    purge_channel_caches()
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1]))
