from ophyd.device import Device
from ophyd.positioner import PositionerBase

class PVPositionerPC(Device, PositionerBase): ...  # type: ignore[misc]
