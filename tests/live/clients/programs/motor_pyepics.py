"""pyepics' Motor: a whole move, a stop mid-way, a target beyond the limits; prints JSON."""

import json
import sys
import threading

import epics

rod = epics.Motor(sys.argv[1] + "Rod", timeout=20)
start = rod.PV("RBV").get(use_monitor=False)
seen = {"start": start, "target": start + 0.5}
seen["result"] = rod.move(seen["target"], wait=True, timeout=60)
seen["position at done"] = rod.PV("RBV").get(use_monitor=False)
seen["success"] = rod.PV("DMOV").get(use_monitor=False) == 1

under_way, stopped = threading.Event(), threading.Event()
rod.PV("RBV").add_callback(
    lambda value=None, **_: under_way.set() if value < seen["target"] - 0.1 else None
)
rod.move(start - 5.0, wait=False)
under_way.wait(60)
rod.PV("DMOV").add_callback(lambda value=None, **_: stopped.set() if value == 1 else None)
rod.stop()
stopped.wait(60)
seen["stopped at"] = rod.PV("RBV").get(use_monitor=False)
seen["setpoint after stop"] = rod.PV("VAL").get(use_monitor=False)
seen["done after stop"] = True
seen["beyond"] = "accepted" if rod.move(99.0, wait=True, timeout=60) == 0 else "refused"
seen["moved by a refused put"] = rod.PV("RBV").get(use_monitor=False) - seen["stopped at"]
print(json.dumps(seen))
