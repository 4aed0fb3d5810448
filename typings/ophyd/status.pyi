from collections.abc import Callable
from typing import Any

from ophyd.ophydobj import OphydObject

def adapt_old_callback_signature(callback: Callable[..., Any]) -> Callable[..., Any]: ...

class StatusBase:
    _exception: Exception | None
    def __init__(self, *, timeout: float | None = None, settle_time: float | None = 0) -> None: ...
    @property
    def timeout(self) -> float | None: ...
    @property
    def settle_time(self) -> float: ...
    @property
    def done(self) -> bool: ...
    @property
    def success(self) -> bool: ...
    def set_finished(self) -> None: ...
    def set_exception(self, exc: Exception) -> None: ...
    def exception(self, timeout: float | None = None) -> Exception | None: ...
    def wait(self, timeout: float | None = None) -> None: ...
    def add_callback(self, callback: Callable[[Any], object]) -> None: ...
    def _handle_failure(self) -> None: ...

class Status(StatusBase):
    obj: OphydObject | None
    def __init__(
        self,
        obj: OphydObject | None = None,
        timeout: float | None = None,
        settle_time: float | None = 0,
    ) -> None: ...

class DeviceStatus(StatusBase):
    device: OphydObject
    def __init__(self, device: OphydObject, **kwargs: Any) -> None: ...

class SubscriptionStatus(DeviceStatus):
    callback: Callable[..., bool]
    def __init__(
        self,
        device: OphydObject,
        callback: Callable[..., bool],
        event_type: str | None = None,
        timeout: float | None = None,
        settle_time: float | None = None,
        run: bool = True,
    ) -> None: ...
    def check_value(self, *args: Any, **kwargs: Any) -> None: ...

class MoveStatus(DeviceStatus):
    start_pos: Any
    start_ts: float
    target: Any
    _watchers: list[Callable[..., None]]
    _name: str
    _unit: str | None
    _precision: int | None
    def _notify_watchers(self, value: Any, *args: Any, **more: Any) -> None: ...
    def __init__(
        self, positioner: OphydObject, target: Any, *, start_ts: float | None = None, **kwargs: Any
    ) -> None: ...

def wait(status: StatusBase, timeout: float | None = None) -> None: ...
