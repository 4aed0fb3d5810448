"""ophyd's EpicsMotor: a whole move, a stop mid-way, a target beyond the limits; prints JSON."""

import json
import sys
import threading

from ophyd import EpicsMotor, EpicsSignalRO
from ophyd.utils.errors import LimitError

prefix = sys.argv[1]
rod = EpicsMotor(prefix + "Rod", name="rod")
readback = EpicsSignalRO(prefix + "Rod.RBV", name="readback")
rod.wait_for_connection(timeout=20)
readback.wait_for_connection(timeout=20)
start = rod.position
seen = {"start": start}

seen["target"] = start + 0.5
status = rod.set(seen["target"], timeout=60)
at_done = {}
status.add_callback(lambda _: at_done.setdefault("moving", rod.motor_done_move.get() == 0))
seen["done before the end"] = status.done
status.wait(60)
seen["position at done"] = readback.get(use_monitor=False)
seen["success"] = status.success

under_way = threading.Event()
rod.user_readback.subscribe(
    lambda value, **_: under_way.set() if value < seen["target"] - 0.1 else None, run=False
)
status = rod.set(start - 5.0, timeout=60)
under_way.wait(60)
stopped = threading.Event()
rod.motor_done_move.subscribe(lambda value, **_: stopped.set() if value == 1 else None, run=False)
rod.stop()
stopped.wait(60)
seen["stopped at"] = readback.get(use_monitor=False)
seen["setpoint after stop"] = rod.user_setpoint.get(use_monitor=False)
seen["done after stop"] = status.done

before = readback.get(use_monitor=False)
try:
    rod.set(rod.limits[1] + 1.0)
    seen["beyond"] = "accepted"
except LimitError as error:
    seen["beyond"] = type(error).__name__
rod.user_setpoint.put(rod.limits[1] + 1.0, wait=False, force=True)
moved = rod.set(before, timeout=60)
moved.wait(60)
seen["moved by a refused put"] = readback.get(use_monitor=False) - before
print(json.dumps(seen))
