"""Reads the PVs named on standard input; prints JSON: type, number of elements, value of each."""

import asyncio
import json
import sys

from aioca import caget, purge_channel_caches


def plain(value):
    if hasattr(value, "shape") and value.shape:
        return value[...].tolist()
    return str(value) if isinstance(value, str) else float(value)


async def main(names):
    got = await caget(names, timeout=60, throw=False)
    seen = {
        name: [value.datatype, value.element_count, plain(value)] if value.ok else None
        for name, value in zip(names, got, strict=True)
    }
    purge_channel_caches()
    print(json.dumps(seen))


asyncio.run(main(sys.stdin.read().split()))
