from collections.abc import Iterator
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from ophyd.ophydobj import Kind, OphydObject

K = TypeVar("K", bound=OphydObject)

class Component(Generic[K]):
    cls: type[K]
    attr: str | None
    suffix: str | None
    doc: str | None
    kind: Kind
    kwargs: dict[str, Any]
    def __init__(
        self,
        cls: type[K],
        suffix: str | None = None,
        *,
        kind: Kind | str = ...,
        doc: str | None = None,
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __get__(self, instance: None, owner: type) -> Component[K]: ...
    @overload
    def __get__(self, instance: Device, owner: type) -> K: ...

class ComponentWalk(NamedTuple):
    ancestors: tuple[Any, ...]
    dotted_name: str
    item: Any

class Device(OphydObject):
    SUB_ACQ_DONE: ClassVar[str]
    component_names: ClassVar[tuple[str, ...]]
    prefix: str
    stage_sigs: dict[Any, Any]
    _staged: Any
    def __init__(self, prefix: str = "", *, name: str, **kwargs: Any) -> None: ...
    @property
    def hints(self) -> dict[str, list[str]]: ...
    def _get_components_of_kind(self, kind: Kind) -> Iterator[tuple[str, Any]]: ...
    def walk_signals(self, *, include_lazy: bool = False) -> Iterator[ComponentWalk]: ...
    def walk_subdevices(self, *, include_lazy: bool = False) -> Iterator[tuple[str, Any]]: ...
    def wait_for_connection(
        self, all_signals: bool = False, timeout: float | None = 2.0
    ) -> None: ...
    def read(self) -> dict[str, Any]: ...
    def describe(self) -> dict[str, Any]: ...
    def stage(self) -> list[Any]: ...
    def unstage(self) -> list[Any]: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self, *, success: bool = False) -> None: ...
