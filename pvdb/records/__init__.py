"""What a process variable is: records as data, the factories that write them, their alarms.

Nothing here knows a library of Channel Access, a socket or a clock on the wall.
"""

from pvdb.records.description import AlarmLimits, OnBusy, Range, Record, State, Value, Wire
from pvdb.records.factories import (
    acquire,
    choice,
    command,
    counter,
    group,
    published,
    readback,
    secret_text,
    setpoint,
    state,
    text,
    waveform,
    while_still,
    whole_setpoint,
)
from pvdb.records.severity import Severity, Status

__all__ = [
    "AlarmLimits",
    "OnBusy",
    "Range",
    "Record",
    "Severity",
    "State",
    "Status",
    "Value",
    "Wire",
    "acquire",
    "choice",
    "command",
    "counter",
    "group",
    "published",
    "readback",
    "secret_text",
    "setpoint",
    "state",
    "text",
    "waveform",
    "while_still",
    "whole_setpoint",
]
