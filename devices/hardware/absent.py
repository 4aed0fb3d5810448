"""What a laboratory does not have: a signal that reads nothing, and refuses by name."""

from __future__ import annotations

from typing import Any, NoReturn

from ophyd import Kind, OphydObject, Signal

__all__ = ["Absent", "AbsentError", "is_absent"]


class AbsentError(RuntimeError):
    """Something was asked of a PV that this laboratory does not have; names it."""


class Absent(Signal):
    """In the place of a signal whose PV there is not: never lost, never read, nothing to set.

    Args:
        pvname: Of the PV, as it would be called.
        kwargs: Passed on to ophyd.
    """

    def __init__(self, pvname: str, **kwargs: Any) -> None:
        self.pvname = pvname
        super().__init__(**kwargs)
        self.kind = Kind.omitted

    @property
    def connected(self) -> bool:
        """Yes: that it is absent is known."""
        return True

    @property
    def hints(self) -> dict[str, list[str]]:
        """None."""
        return {}

    @property
    def limits(self) -> tuple[Any, Any]:
        """Refused."""
        self._refuse()

    def read(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def get(self, **_: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def put(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def set(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def check_value(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def trigger(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def locate(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def stop(self, *, success: bool = False) -> None:
        """Nothing moves."""

    def subscribe(self, callback: Any, event_type: str | None = None, run: bool = True) -> int:
        """Refused for values."""
        if event_type in (None, self.SUB_VALUE):
            self._refuse()
        return super().subscribe(callback, event_type=event_type, run=run)

    def ask(self, *, anew: bool = False) -> None:
        """Nobody to ask."""

    def forget(self) -> None:
        """Nothing was asked."""

    def _refuse(self) -> NoReturn:
        raise AbsentError(f"{self.name}: there is no {self.pvname} in this laboratory")


def is_absent(signal: OphydObject) -> bool:
    """Whether there is no PV behind a signal."""
    return isinstance(signal, Absent)
