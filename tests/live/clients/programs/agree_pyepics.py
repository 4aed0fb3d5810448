"""What pyepics and ophyd say of the named PVs; prints JSON."""

import json
import sys

import epics
from ophyd import EpicsSignalRO

KEYS = {
    "units": "units",
    "precision": "precision",
    "upper_disp_limit": "upper_disp_limit",
    "lower_disp_limit": "lower_disp_limit",
    "upper_ctrl_limit": "upper_ctrl_limit",
    "lower_ctrl_limit": "lower_ctrl_limit",
    "upper_alarm_limit": "upper_alarm_limit",
    "lower_alarm_limit": "lower_alarm_limit",
    "upper_warning_limit": "upper_warning_limit",
    "lower_warning_limit": "lower_warning_limit",
    "enum_strs": "states",
}


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


seen = {"pyepics": {}, "ophyd": {}}
for name in sys.argv[1:]:
    pv = epics.PV(name)
    pv.wait_for_connection(20)
    metadata = pv.get_ctrlvars(timeout=20)
    found = {KEYS[key]: plain(value) for key, value in metadata.items() if key in KEYS}
    if "states" in found:
        found["states"] = [
            state.decode() if isinstance(state, bytes) else state for state in found["states"]
        ]
    found["value"] = plain(pv.get(use_monitor=False, as_string="states" in found))
    found["severity"] = pv.get_timevars(timeout=20)["severity"]
    seen["pyepics"][name] = found
for name in sys.argv[1:]:
    signal = EpicsSignalRO(name, name="signal", string="states" in seen["pyepics"][name])
    signal.wait_for_connection(timeout=20)
    value = plain(signal.get(use_monitor=False))
    described = signal.describe()["signal"]
    found = {"value": value, "severity": int(signal.alarm_severity)}
    for key, name_here in (("units", "units"), ("precision", "precision")):
        if described.get(key) is not None:
            found[name_here] = described[key]
    seen["ophyd"][name] = found
print(json.dumps(seen))
