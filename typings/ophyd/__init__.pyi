"""What of ophyd the rooms use, with types: ophyd itself has none.

A component of a device is seen as its own class, so a plan that reads `haloscope.rod` has an
`Axis`. Values of PVs are `Any`: their type is the IOC's matter.
"""

from typing import Any

from ophyd.areadetector.base import EpicsSignalWithRBV as EpicsSignalWithRBV
from ophyd.device import Component as Component
from ophyd.device import Device as Device
from ophyd.epics_motor import EpicsMotor as EpicsMotor
from ophyd.ophydobj import Kind as Kind
from ophyd.ophydobj import OphydObject as OphydObject
from ophyd.positioner import PositionerBase as PositionerBase
from ophyd.pv_positioner import PVPositionerPC as PVPositionerPC
from ophyd.signal import EpicsSignal as EpicsSignal
from ophyd.signal import EpicsSignalRO as EpicsSignalRO
from ophyd.signal import Signal as Signal

def get_cl() -> Any: ...
def set_cl(control_layer: str | None = None) -> None: ...
