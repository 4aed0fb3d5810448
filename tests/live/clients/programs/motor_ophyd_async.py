"""ophyd-async's Motor: a whole move, a stop mid-way, a target beyond the limits; prints JSON."""

import asyncio
import json
import sys

from ophyd_async.core import observe_value
from ophyd_async.epics.motor import Motor, MotorLimitsError


async def main(prefix: str) -> None:
    rod = Motor(prefix + "Rod", name="rod")
    await rod.connect(timeout=20)
    start = await rod.user_readback.get_value()
    seen = {"start": start, "target": start + 0.5}
    status = rod.set(seen["target"], timeout=60)
    seen["done before the end"] = status.done
    await status
    seen["position at done"] = await rod.user_readback.get_value()
    seen["success"] = status.success

    status = rod.set(start - 5.0, timeout=60)
    async for position in observe_value(rod.user_readback):
        if position < seen["target"] - 0.1:
            break
    await rod.stop()
    try:
        await status
    except Exception as error:
        seen["stopped move"] = type(error).__name__
    seen["stopped at"] = await rod.user_readback.get_value()
    seen["setpoint after stop"] = await rod.user_setpoint.get_value()
    seen["done after stop"] = status.done

    try:
        await rod.set(await rod.high_limit_travel.get_value() + 1.0)
        seen["beyond"] = "accepted"
    except MotorLimitsError as error:
        seen["beyond"] = type(error).__name__
    seen["moved by a refused put"] = await rod.user_readback.get_value() - seen["stopped at"]
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1]))
