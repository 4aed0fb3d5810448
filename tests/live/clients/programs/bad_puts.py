"""Puts what must be refused to each PV named on standard input; prints what was accepted as JSON.

Each line of standard input: name, kind (number, whole, state or text), low, high.
"""

import asyncio
import json
import math
import sys

from aioca import DBR_DOUBLE, DBR_ENUM, DBR_STRING, CANothing, caget, caput, purge_channel_caches


def bad(kind, low, high):
    """Values with the type they are sent as."""
    if kind == "state":
        return [(int(high) + 1, DBR_ENUM), ("No such state", DBR_STRING), (math.nan, DBR_DOUBLE)]
    if kind == "text":
        return [(3.0, DBR_DOUBLE)]
    values = [(math.nan, DBR_DOUBLE), (math.inf, DBR_DOUBLE), ("wrong", DBR_STRING)]
    if low < high:
        values += [(high + 1.0, DBR_DOUBLE), (low - 1.0, DBR_DOUBLE)]
    return [*values, (2.5, DBR_DOUBLE)] if kind == "whole" else values


async def main(lines):
    wrong, tried = [], 0
    for line in lines:
        name, kind, low, high = line.split()
        before = str(await caget(name, datatype=DBR_STRING, timeout=20))
        for value, datatype in bad(kind, float(low), float(high)):
            tried += 1
            try:
                await caput(name, value, datatype=datatype, wait=True, timeout=20)
                wrong.append([name, str(value), "accepted"])
            except CANothing:
                pass
            after = str(await caget(name, datatype=DBR_STRING, timeout=20))
            if after != before:
                wrong.append([name, str(value), f"{before} became {after}"])
    purge_channel_caches()
    print(json.dumps({"wrong": wrong, "tried": tried}))


asyncio.run(main(sys.stdin.read().splitlines()))
