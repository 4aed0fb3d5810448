"""ophyd-async's Motor moves the rod; prints what it saw as JSON."""

import asyncio
import json
import sys

from ophyd_async.epics.motor import Motor


async def main(haloscope: str) -> None:
    rod = Motor(haloscope + "Rod", name="rod")
    await rod.connect(timeout=20)
    start = await rod.user_readback.get_value()
    high = await rod.high_limit_travel.get_value()
    target = start + 0.01 * (high - start)
    await rod.set(target, timeout=60)
    position = await rod.user_readback.get_value()
    print(json.dumps({"start": start, "target": target, "position": position}))


asyncio.run(main(sys.argv[1]))
