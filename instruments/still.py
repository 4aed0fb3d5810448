"""Whether things are as they were: asked once, in place of reading all that they say.

An instrument says some dozens of things, and between two looks at it mostly none has changed. What
it says follows from its attributes, and time where something is under way. So who looks compares
the attributes, object by object, which costs less than one or two readings.

What holds for every attribute of a thing that is asked here: it is replaced, never changed in
place. A number, a text, a frozen record can be nothing else; of a dictionary or an array see to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import is_
from typing import Any

from numpy.typing import NDArray

__all__ = ["Contents", "Mark", "Same", "Still"]

#: The same object as long as nothing has changed; None where that is not known, or while something
#: changes by itself.
Mark = object | None


class Still:
    """Call it for a mark of some things as they are now: the same one until any has changed.

    Two things that are equal are not the same here, so that a mark is rather given up in vain than
    kept wrongly, and an undefined number (NaN) is as good as any.

    Args:
        things: Objects with attributes. Without any, and without parts, nothing ever changes.
        parts: Marks of what else they depend on; where one of them gives None, so does the whole.
    """

    def __init__(self, *things: object, parts: Sequence[Callable[[], Mark]] = ()) -> None:
        self._attributes = [vars(thing) for thing in things]
        self._parts = tuple(parts)
        self._last: list[object] = []

    def __call__(self) -> Mark:
        """The mark."""
        now: list[object] = list(chain.from_iterable(map(dict.values, self._attributes)))
        for part in self._parts:
            mark = part()
            if mark is None:
                return None
            now.append(mark)
        # The last ones are kept, so no other object can have come to stand where one of them was.
        if len(now) != len(self._last) or not all(map(is_, now, self._last)):
            self._last = now
        return self._last


class Contents:
    """Call it for a mark of what an array holds, which may be changed in place.

    Args:
        array: Of numbers; a few, for they are copied.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._last = b""

    def __call__(self) -> Mark:
        """The mark."""
        now = self._array.tobytes()
        if now != self._last:
            self._last = now
        return self._last


class Same:
    """Call it for a mark of the object that a function gives: the same one until it gives another.

    Its number (``id``) would not do: the next object may come to stand where an earlier one was.

    Args:
        give: Gives the object, which is kept until another is seen.
    """

    def __init__(self, give: Callable[[], object]) -> None:
        self._give = give
        self._last: object = None
        self._mark = object()

    def __call__(self) -> Mark:
        """The mark."""
        now = self._give()
        if now is not self._last:
            self._last, self._mark = now, object()
        return self._mark
