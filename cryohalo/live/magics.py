"""``%mov``, ``%ct`` and ``%wa`` at the session's prompt.

bluesky's own (``bluesky.magics``) start a second RunEngine when they are imported, switch the
progress of the session's off after each move, and say of a reading that is recorded that it is not.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from cryohalo.live.display import guarded
from cryohalo.live.numbers import format_of
from instruments.printable import escaped

__all__ = ["SessionMagics", "positioners"]


@magics_class
class SessionMagics(Magics):
    """Short forms for the prompt; each takes names of the session."""

    #: What ``%limit on`` gathers, and its subscription.
    _limit: Any = None
    _following: int | None = None

    @property
    def _names(self) -> dict[str, Any]:
        return self.shell.user_ns if self.shell is not None else {}

    def _named(self, text: str) -> Any:
        """What is called so at the prompt: a name, parts of it after dots; a number."""
        try:
            return float(text)
        except ValueError:
            pass
        first, *parts = text.split(".")
        try:
            found = self._names[first]
            for part in parts:
                found = getattr(found, part)
        except (KeyError, AttributeError):
            raise UsageError(f"there is no {escaped(text, 80)}") from None
        return found

    @line_magic
    def mov(self, line: str) -> None:
        """``%mov haloscope.rod 34.2``: move, and wait; several pairs go together."""
        words = shlex.split(line)
        if not words or len(words) % 2:
            raise UsageError("%mov DEVICE VALUE [DEVICE VALUE ...]")
        pairs: list[Any] = []
        for name, value in zip(words[::2], words[1::2], strict=True):
            pairs += [self._named(name), _value(value)]
        self._names["RE"](bps.mv(*pairs))

    @line_magic
    def ct(self, line: str) -> None:
        """``%ct haloscope.fridge``: read devices once, in a run of its own, and show them."""
        words = shlex.split(line)
        if not words:
            raise UsageError("%ct DEVICE [DEVICE ...]")
        devices = [self._named(word) for word in words]
        seen: dict[str, Any] = {}
        keys: dict[str, Any] = {}

        def note(name: str, document: dict[str, Any]) -> None:
            if name == "descriptor":
                keys.update(document["data_keys"])
            elif name == "event":
                seen.update(document["data"])

        self._names["RE"](bp.count(devices), note)
        for name, value in seen.items():
            key = keys.get(name, {})
            shape = getattr(value, "shape", ())
            form = format_of(value, key.get("units") or "", key.get("precision"))
            told = f"{'x'.join(map(str, shape))} values" if shape else form.told(value)
            print(f"{escaped(name, 60):<44}  {told}")

    @line_magic
    def limit(self, line: str) -> None:
        """Grand spectrum and limit, as charts in the terminal or in a window.

        ``%limit on`` follows the scans from now on and draws every half minute, ``%limit off`` ends
        that; ``%limit`` draws what is known now, ``%limit RUN`` that of a recorded run; ``%limit
        window``, or ``%limit window RUN``, opens a figure.
        """
        from cryohalo.live.limit import DRAWN_EVERY_S, LiveLimit, of_documents

        words = shlex.split(line)
        session = self._names["session"]
        if words == ["on"]:
            self._stop_following(session)
            self._limit = LiveLimit(print)
            self._following = session.run_engine.subscribe(guarded(self._limit))
            print(f"spectra are analysed as they come; drawn every {DRAWN_EVERY_S:g} s")
            return
        if words == ["off"]:
            self._stop_following(session)
            return
        window = words[:1] == ["window"]
        named = words[1:] if window else words
        if len(named) > 1:
            raise UsageError("%limit [on | off | [window] [RUN]]")
        if named:
            shown = of_documents(
                session.catalog[-1 if named[0] == "last" else named[0]].documents()
            )
        elif self._limit is not None:
            shown = self._limit
        else:
            raise UsageError("%limit on, and then a scan; or %limit RUN")
        if window:
            shown.figure().show()
            return
        print("\n".join(shown.lines()))

    def _stop_following(self, session: Any) -> None:
        if self._following is not None:
            session.run_engine.unsubscribe(self._following)
            self._following = None

    @line_magic
    def wa(self, line: str) -> None:
        """``%wa``: where all is that can be moved; ``%wa haloscope``: of one device."""
        words = shlex.split(line) or [
            name for name in ("refrigerator", "haloscope") if name in self._names
        ]
        for word in words:
            for mover in positioners(self._named(word)):
                print(_where(mover))


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def positioners(device: Any) -> Iterator[Any]:
    """A device, if it can be moved, and those of its parts that can."""
    from ophyd import Device, PositionerBase

    if isinstance(device, PositionerBase):
        yield device
        return
    if isinstance(device, Device):
        for name in device.component_names:
            yield from positioners(getattr(device, name))


def _where(mover: Any) -> str:
    try:
        if mover.position is None:
            return f"{mover.name:<44}  not known"
        form = format_of(mover.position, mover.egu or "", getattr(mover, "precision", None))
        limits = getattr(mover, "limits", None)
        within = ""
        if limits and limits[0] < limits[1]:
            within = f"  ({form(limits[0])} to {form(limits[1])})"
        return f"{mover.name:<44}  {form.told(mover.position)}{within}"
    except Exception as error:  # one that cannot be read hides no other
        return f"{mover.name:<44}  ? {escaped(error, 200)}"
