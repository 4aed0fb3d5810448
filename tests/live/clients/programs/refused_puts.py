"""What ophyd, ophyd-async and caproto's client make of a refused put; prints it as JSON."""

import asyncio
import json
import sys

from caproto import ErrorResponseReceived
from caproto.sync.client import write
from ophyd import EpicsSignal
from ophyd.status import wait
from ophyd_async.epics.core import epics_signal_rw

name, bad = sys.argv[1], 99.0
seen = {}

signal = EpicsSignal(name, name="signal", put_complete=True)
signal.wait_for_connection(timeout=20)
before = signal.get()
status = signal.set(bad)
wait(status, timeout=20)
seen["ophyd"] = {"success": status.success, "kept": signal.get(use_monitor=False) == before}
seen["ophyd"]["severity"] = int(signal.alarm_severity)


async def ophyd_async() -> dict[str, object]:
    setpoint = epics_signal_rw(float, name, name="setpoint")
    await setpoint.connect(timeout=20)
    raised = ""
    try:
        await setpoint.set(bad, timeout=20)
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
    reading = (await setpoint.read())["setpoint"]
    return {
        "raised": raised,
        "kept": reading["value"] == before,
        "severity": reading["alarm_severity"],
    }


seen["ophyd-async"] = asyncio.run(ophyd_async())
try:
    write(name, bad, notify=True, timeout=20, repeater=False)
    seen["caproto"] = ""
except ErrorResponseReceived as error:
    seen["caproto"] = str(error)
print(json.dumps(seen))
