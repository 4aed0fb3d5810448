from collections.abc import Callable
from enum import IntFlag
from logging import LoggerAdapter
from typing import Any

class Kind(IntFlag):
    omitted = 0
    normal = 1
    config = 2
    hinted = 5

class OphydObject:
    name: str

    log: LoggerAdapter[Any]
    control_layer_log: LoggerAdapter[Any]
    _args_cache: dict[str, tuple[tuple[Any, ...], dict[str, Any]] | None]
    _callbacks: dict[str, dict[int, Callable[..., Any]]]
    def __init__(
        self,
        *,
        name: str | None = None,
        attr_name: str = "",
        parent: OphydObject | None = None,
        labels: set[str] | None = None,
        kind: Kind | str | None = None,
    ) -> None: ...
    @property
    def kind(self) -> Kind: ...
    @kind.setter
    def kind(self, kind: Kind | str) -> None: ...
    @property
    def attr_name(self) -> str: ...
    @property
    def dotted_name(self) -> str: ...
    @property
    def connected(self) -> bool: ...
    # Of which class its owner is, a part does not know.
    @property
    def parent(self) -> Any: ...
    @property
    def root(self) -> Any: ...
    def check_value(self, value: Any, /) -> None: ...
    def destroy(self) -> None: ...
    def subscribe(
        self, callback: Callable[..., Any], event_type: str | None = None, run: bool = True
    ) -> int: ...
    def unsubscribe(self, cid: int) -> None: ...
    def clear_sub(self, cb: Callable[..., Any], event_type: str | None = None) -> None: ...
    def _run_subs(self, *args: Any, sub_type: str, **kwargs: Any) -> None: ...
