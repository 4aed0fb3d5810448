"""A PV found by searches over TCP alone, read, put and monitored; arguments: library, name."""

import asyncio
import sys
import threading


def pyepics(name):
    import epics

    assert epics.caput(name, 3.25, wait=True, timeout=20) == 1
    told = threading.Event()
    pv = epics.PV(name, callback=lambda value=None, **_: told.set() if value == 4.5 else None)
    assert pv.get(timeout=20) == 3.25
    assert epics.caput(name, 4.5, wait=True, timeout=20) == 1
    assert told.wait(20)


async def aioca(name):
    import aioca

    changed = asyncio.Queue()
    monitor = aioca.camonitor(name, changed.put)
    await asyncio.wait_for(changed.get(), 20)
    await aioca.caput(name, 5.75, wait=True, timeout=20)
    assert float(await asyncio.wait_for(changed.get(), 20)) == 5.75
    monitor.close()
    aioca.purge_channel_caches()


library, name = sys.argv[1:]
pyepics(name) if library == "pyepics" else asyncio.run(aioca(name))
print("served")
