"""ophyd's EpicsMotor moves the rod; prints what it saw as JSON."""

import json
import sys

from ophyd import EpicsMotor
from ophyd.utils.errors import LimitError

rod = EpicsMotor(sys.argv[1] + "Rod", name="rod")
rod.wait_for_connection(timeout=20)
low, high = rod.limits
start = rod.position
target = start + 0.01 * (high - start)
rod.move(target, wait=True, timeout=60)
seen = {"start": start, "target": target, "position": rod.position, "limits": [low, high]}
seen["egu"] = rod.egu
try:
    rod.move(high + 1.0, wait=True, timeout=60)
    seen["beyond"] = "moved"
except LimitError as error:
    seen["beyond"] = type(error).__name__
print(json.dumps(seen))
