"""A motor's modes over Channel Access, by fields as an operator's screen puts them; prints JSON."""

import json
import sys
import threading

import epics

motor = sys.argv[1]
near = float(sys.argv[2])


def field(name):
    pv = epics.PV(f"{motor}.{name}", auto_monitor=False)
    assert pv.wait_for_connection(20), pv.pvname
    return pv


fields = {
    name: field(name)
    for name in ("VAL", "RBV", "RVAL", "RRBV", "MRES", "OFF", "DIR", "SPMG", "HOMF", "DMOV", "LVIO")
}


def get(*names):
    found = [fields[name].get(use_monitor=False, timeout=20) for name in names]
    return found if len(found) > 1 else found[0]


def put(name, value):
    assert fields[name].put(value, wait=True, timeout=120) == 1, f"{name} = {value}"


def begin(name, value):
    """Put with completion; returns what is set when that has come."""
    completed = threading.Event()
    fields[name].put(value, use_complete=True, callback=lambda **_: completed.set())
    return completed


seen = {}
put("VAL", near)

put("SPMG", "Stop")
home = begin("HOMF", 1)
seen["HOMF at Stop"] = [home.wait(1.0), *get("RBV", "HOMF", "DMOV")]
put("SPMG", "Go")
seen["HOMF at Go"] = [home.wait(120), *get("HOMF", "DMOV")]
seen["home"] = get("RBV")

put("VAL", near)
put("DIR", "Neg")
seen["DIR Neg"] = get("VAL", "RBV", "OFF")
put("DIR", "Pos")
seen["DIR Pos"] = get("VAL", "RBV", "OFF")

put("SPMG", "Move")
put("VAL", near + 0.1)
seen["SPMG after Move"] = [fields["SPMG"].get(as_string=True, use_monitor=False), get("RBV")]

put("SPMG", "Pause")
move = begin("VAL", near)
seen["VAL at Pause"] = [move.wait(1.0), *get("VAL", "RBV", "DMOV")]
put("SPMG", "Go")
seen["VAL at Go"] = [move.wait(120), *get("VAL", "RBV", "DMOV")]

steps = get("RVAL") + 100
put("RVAL", steps)
seen["RVAL"] = [*get("RVAL", "RRBV"), get("VAL") - near, get("MRES"), fields["RVAL"].type]
print(json.dumps(seen))
