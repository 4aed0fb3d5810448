from enum import IntEnum

class AlarmSeverity(IntEnum):
    NO_ALARM = 0

class AlarmStatus(IntEnum):
    NO_ALARM = 0
