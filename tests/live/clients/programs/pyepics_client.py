"""pyepics reads, writes and is refused; prints what it saw as JSON."""

import json
import sys
import threading

import epics

amrr = sys.argv[1]
field = amrr + "Cycle:PumpHigh"
seen = {"before": epics.caget(field), "units": epics.PV(field).units}
seen["asked"] = 0.9 * seen["before"]
seen["put"] = epics.caput(field, seen["asked"], wait=True, timeout=20)
seen["after"] = epics.caget(field + "_RBV", use_monitor=False)

told = threading.Event()
reason = epics.PV(amrr + "IOC:Refusal_RBV")
reason.add_callback(lambda char_value=None, **_: told.set() if "PumpHigh" in char_value else None)
refused = epics.PV(field)
refused.wait_for_connection(20)
seen["refused put"] = refused.put(99.0, wait=True, timeout=20)
seen["after refusal"] = refused.get(use_monitor=False)
seen["severity"] = refused.get_timevars(timeout=20)["severity"]
told.wait(20)
seen["reason"] = reason.get(as_string=True)
print(json.dumps(seen))
