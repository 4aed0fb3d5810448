"""A PV Access client reads, writes, is refused and monitors; prints JSON."""

import json
import sys
import threading

from p4p.client.thread import Context, RemoteError

prefix, port = sys.argv[1], sys.argv[2]
context = Context(
    "pva",
    conf={
        "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": port,
    },
    useenv=False,
    nt=False,
)
reading = context.get(prefix + "Fridge:MXC_RBV", timeout=20)
target = context.get(prefix + "VNA:Center", timeout=20)
seen = {
    "value": reading.value,
    "units": reading.display.units,
    "high": reading.valueAlarm.highWarningLimit,
    "severity": reading.alarm.severity,
    "description": reading.display.description,
    "control": [target.control.limitLow, target.control.limitHigh],
    "choices": list(context.get(prefix + "Switch", timeout=20).value.choices),
    "points": len(context.get(prefix + "DAQ:Spectrum_RBV", timeout=20).value),
}
changed = threading.Event()


def on_change(value):
    if value.value == 1101.5:
        changed.set()


subscription = context.monitor(prefix + "VNA:Center_RBV", on_change)
context.put(prefix + "VNA:Center", {"value": 1101.5}, timeout=20)
seen["monitored"] = changed.wait(20)
context.put(prefix + "Antenna", {"value": 4.99}, timeout=60)
seen["moved to"] = context.get(prefix + "Antenna.RBV", timeout=20).value
for name, value in (("VNA:Center", 99.0), ("VNA:Center_RBV", 1.0)):
    try:
        context.put(prefix + name, {"value": value}, timeout=20)
        seen[name] = "accepted"
    except RemoteError as error:
        seen[name] = str(error)
subscription.close()
context.close()
print(json.dumps(seen))
