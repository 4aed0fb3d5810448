from typing import Any

from ophyd.signal import EpicsSignal

class EpicsSignalWithRBV(EpicsSignal):
    def __init__(self, prefix: str, **kwargs: Any) -> None: ...
