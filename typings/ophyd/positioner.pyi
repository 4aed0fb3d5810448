from typing import Any, ClassVar

from ophyd.ophydobj import OphydObject
from ophyd.status import StatusBase

class PositionerBase(OphydObject):
    SUB_START: ClassVar[str]
    SUB_DONE: ClassVar[str]
    SUB_READBACK: ClassVar[str]
    settle_time: float
    _position: float | None
    @property
    def egu(self) -> str: ...
    @property
    def limits(self) -> tuple[float, float]: ...
    @property
    def position(self) -> float | None: ...
    @property
    def moving(self) -> bool: ...
    @property
    def hints(self) -> dict[str, list[str]]: ...
    def set(
        self,
        new_position: Any,
        *,
        timeout: float | None = None,
        moved_cb: Any = None,
        wait: bool = False,
    ) -> StatusBase: ...
    def move(
        self, position: Any, wait: bool = True, timeout: float | None = None, moved_cb: Any = None
    ) -> StatusBase: ...
    def stop(self, *, success: bool = False) -> None: ...
    def _set_position(self, value: float, **kwargs: Any) -> None: ...
