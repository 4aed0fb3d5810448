"""A client that sees an IOC killed during an acquisition and started again; prints JSON.

Reads a line from standard input before each act of its own, so that the test decides the order.
"""

import json
import sys
import threading

import epics

prefix = sys.argv[1]


def pv(name):
    found = epics.PV(prefix + name, auto_monitor=True)
    assert found.wait_for_connection(20), name
    return found


averages, acquire, counter, centre = map(
    pv, ("DAQ:NumAverages", "DAQ:Acquire", "DAQ:Counter_RBV", "VNA:Center")
)
progress = pv("DAQ:Progress_RBV")
lost, back, under_way, finished = (threading.Event() for _ in range(4))
acquire.connection_callbacks.append(lambda conn=None, **_: (back if conn else lost).set())
progress.add_callback(lambda value=0.0, **_: under_way.set() if value > 5.0 else None)

assert averages.put(12000, wait=True, timeout=20) == 1
assert centre.put(1099.5, wait=True, timeout=20) == 1
acquire.put(1, wait=False, use_complete=True)
under_way.wait(60)
print(json.dumps({"progress": progress.value}), flush=True)

sys.stdin.readline()  # the IOC has been killed
lost.wait(60)
print(json.dumps({"lost": lost.is_set()}), flush=True)

sys.stdin.readline()  # it has been started again
back.wait(60)
acquire.add_callback(lambda value=1, **_: finished.set() if value == 0 else None)
seen = {
    "averages": averages.get(use_monitor=False, timeout=20),
    "centre": centre.get(use_monitor=False, timeout=20),
    "acquiring": acquire.get(use_monitor=False, timeout=20),
    "progress": progress.get(use_monitor=False, timeout=20),
}
acquire.run_callbacks()
seen["finished"] = finished.wait(60)
seen["counter"] = counter.get(use_monitor=False, timeout=20)
print(json.dumps(seen), flush=True)
