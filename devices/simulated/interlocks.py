"""The haloscope's interlocks in process: the reasons, acts and latches that its IOC has.

An interlock acts when its reason appears, and again only after the reason has gone. A latched one
goes on telling its reason until it is reset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devices.simulated.bench import DO, Channel
from haloscope.experiment import Haloscope as Machine
from instruments.errors import Refused

__all__ = ["Interlocks"]

#: The noise source's heater is cut above, K (assumed: twice what the heater alone can cause).
WARM_MXC_K = 0.06


@dataclass(frozen=True)
class _Interlock:
    reason: Callable[[], str]
    act: Callable[[], None]
    latched: bool = False


class Interlocks:
    """Quench, warm mixing chamber, oscillating amplifier; `check` is called after every step.

    Args:
        machine: the haloscope.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._present: set[str] = set()
        self._told: dict[str, str] = {}
        self._table = {
            "quench": _Interlock(self._quenched, self._make_safe),
            "warm": _Interlock(self._warm, self._cut_heater, latched=True),
            "jpa": _Interlock(self._oscillating, self._pump_off, latched=True),
        }

    def check(self) -> None:
        """Act on the reasons that have appeared; forget those that have gone."""
        for name, interlock in self._table.items():
            reason = interlock.reason()
            if not reason:
                self._present.discard(name)
                if not interlock.latched:
                    self._told.pop(name, None)
                continue
            self._told[name] = reason
            if name not in self._present:
                self._present.add(name)
                interlock.act()

    def reset(self, *names: str) -> None:
        """Forget latched reasons that have gone; all without names."""
        for name in names or tuple(self._table):
            if not self._table[name].reason():
                self._present.discard(name)
                self._told.pop(name, None)

    def reason_of(self, name: str) -> str:
        """Why one interlock is active or latched, "" if it is neither."""
        return self._told.get(name, "")

    def reason(self) -> str:
        """All reasons in words, "" while all is well."""
        return "; ".join(self._told.values())

    def may_heat(self) -> None:
        """Refuse to heat the noise source while quenched or warm.

        Raises:
            Refused: with the reason.
        """
        if reason := self._quenched() or self._warm():
            raise Refused(f"NoiseSource: {reason}")

    def may_pump(self) -> None:
        """Refuse to switch the pump on while quenched; it acknowledges what had switched it off.

        Raises:
            Refused: with the reason.
        """
        if reason := self._quenched():
            raise Refused(f"JPA: {reason}")
        self.reset("jpa")

    def channels(self) -> dict[str, Channel]:
        """`Interlock:Active_RBV`, `Reason_RBV.VAL$` and `Reset`."""

        def reset(name: str) -> None:
            if name == "Do":
                self.reset()

        return {
            "Interlock:Active_RBV": Channel(lambda: int(bool(self._told)), enum=("No", "Yes")),
            "Interlock:Reason_RBV.VAL$": Channel(self.reason),
            "Interlock:Reset": Channel(lambda: 0, reset, enum=DO),
        }

    # Reasons, and what is done about them ---------------------------------------------------------

    def _quenched(self) -> str:
        return "magnet quenched: pump and noise source off" if self._machine.magnet.quenched else ""

    def _warm(self) -> str:
        reading_k = self._machine.fridge.reading_k("MXC")
        if not reading_k > WARM_MXC_K:
            return ""
        return f"mixing chamber at {1e3 * reading_k:.0f} mK: noise source heater cut"

    def _oscillating(self) -> str:
        fault = self._machine.jpa.fault if self._machine.jpa.pump_on else ""
        return f"pump switched off: {fault}" if fault else ""

    def _make_safe(self) -> None:
        self._pump_off()
        self._cut_heater()

    def _cut_heater(self) -> None:
        self._machine.noise_source.setpoint_k = self._machine.parameters.noise_source.lowest_k

    def _pump_off(self) -> None:
        self._machine.jpa.pump_on = False
