"""What aioca says of the named PVs; prints JSON."""

import asyncio
import json
import sys

from aioca import FORMAT_CTRL, FORMAT_TIME, caget, purge_channel_caches

KEYS = {
    "units": "units",
    "precision": "precision",
    "enums": "states",
    **{
        f"{side}_{kind}_limit": f"{side}_{kind}_limit"
        for side in ("upper", "lower")
        for kind in ("disp", "ctrl", "alarm", "warning")
    },
}


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


async def main(names):
    seen = {}
    for name in names:
        got = await caget(name, format=FORMAT_CTRL, timeout=20)
        found = {KEYS[key]: getattr(got, key) for key in KEYS if hasattr(got, key)}
        found["severity"] = (await caget(name, format=FORMAT_TIME, timeout=20)).severity
        found["value"] = plain(got[...]) if hasattr(got, "shape") and got.shape else plain(got)
        if isinstance(got, str):
            found["value"] = str(got)
        if "states" in found:
            found["value"] = found["states"][int(got)]
        seen[name] = found
    purge_channel_caches()
    print(json.dumps(seen, default=float))


asyncio.run(main(sys.argv[1:]))
