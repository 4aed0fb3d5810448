"""All settings of an instrument as one thing to set.

To set up an analyzer takes half a dozen settings. As messages of their own each costs a status and
a turn of the RunEngine; together they cost one, and their puts travel with each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeGuard

from ophyd import Device, OphydObject
from ophyd.status import Status

from devices.hardware.absent import is_absent
from devices.signals.reading import WRITE_TIMEOUT_S
from devices.signals.settable import Remembering, Setting
from devices.signals.values import UnknownNameError, check_names
from devices.waiting.status import call_off, completion

__all__ = ["Settings", "name_within", "set_together"]


class Settings(Device):
    """The settings of its parent: ``abs_set(haloscope.settings, {"vna_path": "Weak", ...})``.

    It reads them all, under its own name: ``haloscope_settings_vna_path``.
    """

    @cached_property
    def signals(self) -> dict[str, Setting]:
        """The settings by the names they have in events, without the instrument's."""
        found = (walk.item for walk in self.parent.walk_signals())
        return {name_within(self.parent, signal): signal for signal in found if _is_setting(signal)}

    def forget(self) -> None:
        """Look for the settings anew: some have gone."""
        self.__dict__.pop("signals", None)

    @property
    def hints(self) -> dict[str, list[str]]:
        """All of them: what is set together is read together."""
        return {"fields": [f"{self.name}_{name}" for name in self.signals]}

    def read(self) -> dict[str, Any]:
        """Read all settings."""
        return {
            f"{self.name}_{name}": signal.read()[signal.name]
            for name, signal in self.signals.items()
        }

    def describe(self) -> dict[str, Any]:
        """Describe what ``read`` reads."""
        return {
            f"{self.name}_{name}": signal.describe()[signal.name]
            for name, signal in self.signals.items()
        }

    def locate(self) -> dict[str, dict[str, Any]]:
        """All settings by name, as bluesky's ``Location``."""
        where = {name: signal.locate() for name, signal in self.signals.items()}
        return {
            part: {name: one[part] for name, one in where.items()}
            for part in ("setpoint", "readback")
        }

    def check_value(self, values: Mapping[str, Any]) -> None:
        """Refuse unknown names and values beyond a limit, before anything is put.

        Raises:
            UnknownNameError: No such setting.
            InvalidValueError: A value that its PV cannot take.
        """
        self._check_names(values)
        for name, value in values.items():
            self.signals[name].check_value(value)

    def _check_names(self, values: Mapping[str, Any]) -> None:
        """Refuse what is no setting; by its PV's name where that is absent."""
        try:
            check_names(self.parent.name, values, self.signals, "setting ")
        except UnknownNameError:
            for walk in self.parent.walk_signals():
                if is_absent(walk.item) and name_within(self.parent, walk.item) in values:
                    walk.item.check_value(None)
            raise

    def set(self, values: Mapping[str, Any]) -> Status:
        """Put those that do not hold their value already; the status ends with the last of them.

        It fails, and says which, when one is refused.
        """
        self._check_names(values)
        return set_together(self, {self.signals[name]: value for name, value in values.items()})

    def stop(self, *, success: bool = False) -> None:
        """End what is under way well, if a RunEngine calls it off; puts cannot be taken back."""
        if success:
            call_off(self)


def _is_setting(part: object) -> TypeGuard[Setting]:
    """Whether a part is a setting, or in process what stands for one."""
    return isinstance(part, Remembering)


def name_within(instrument: OphydObject, part: OphydObject) -> str:
    """Name of a part of an instrument without the instrument's: ``vna_path``."""
    return str(part.name).removeprefix(f"{instrument.name}_")


def set_together(device: OphydObject, values: Mapping[Setting, Any]) -> Status:
    """Put settings that do not hold their value already, in one packet.

    Args:
        device: Whose action this is.
        values: By setting.

    Raises:
        InvalidValueError: A value that its PV cannot take; nothing was put.
    """
    changed = [(signal, value) for signal, value in values.items() if not _held(signal, value)]

    def catch_up() -> None:
        for signal, value in changed:
            signal.catch_up(value)

    return completion(device, changed, WRITE_TIMEOUT_S, catch_up)


def _held(signal: Setting, value: Any) -> bool:
    """Whether a setting holds a value already; one that it does not hold is checked.

    What it holds has been checked when it was put: that was a value of the same type.
    """
    known = type(value) is type(signal.wanted)
    if not known:
        signal.check_value(value)
    held = signal.holds(value)
    if known and not held:
        signal.check_value(value)
    return held
