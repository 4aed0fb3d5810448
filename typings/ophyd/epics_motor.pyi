from enum import Enum

from ophyd.device import Component, Device
from ophyd.positioner import PositionerBase
from ophyd.signal import EpicsSignal, EpicsSignalRO
from ophyd.status import StatusBase

class HomeEnum(str, Enum):
    forward = "forward"
    reverse = "reverse"

class EpicsMotor(Device, PositionerBase):  # type: ignore[misc]
    user_readback: Component[EpicsSignalRO]
    user_setpoint: Component[EpicsSignal]
    user_offset: Component[EpicsSignal]
    user_offset_dir: Component[EpicsSignal]
    offset_freeze_switch: Component[EpicsSignal]
    set_use_switch: Component[EpicsSignal]
    velocity: Component[EpicsSignal]
    acceleration: Component[EpicsSignal]
    motor_egu: Component[EpicsSignal]
    motor_is_moving: Component[EpicsSignalRO]
    motor_done_move: Component[EpicsSignalRO]
    high_limit_switch: Component[EpicsSignalRO]
    low_limit_switch: Component[EpicsSignalRO]
    high_limit_travel: Component[EpicsSignal]
    low_limit_travel: Component[EpicsSignal]
    direction_of_travel: Component[EpicsSignal]
    motor_stop: Component[EpicsSignal]
    home_forward: Component[EpicsSignal]
    home_reverse: Component[EpicsSignal]
    def home(
        self, direction: HomeEnum | str, wait: bool = True, timeout: float | None = None
    ) -> StatusBase: ...
    def set_current_position(self, pos: float) -> None: ...
