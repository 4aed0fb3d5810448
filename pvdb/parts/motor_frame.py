"""User and dial coordinates of a motor, and its soft limits.

user = ``DIR`` * dial + ``OFF``. The limits are kept in dial coordinates: a change of ``OFF`` or
``DIR`` moves the user limits with the readings. Both dial limits zero: there are none, as in the
motor record; the limit switches remain.
"""

from __future__ import annotations

from math import inf

from instruments.ranges import landed, outside


class Frame:
    """``OFF``, ``DIR``, ``DLLM`` and ``DHLM``.

    Args:
        low: ``DLLM``.
        high: ``DHLM``.
        units: For messages.
    """

    def __init__(self, low: float, high: float, units: str) -> None:
        self.low = low
        self.high = high
        self.units = units
        self.offset = 0.0
        self.reversed = False

    @property
    def sign(self) -> float:
        """+1, or -1 where user and dial directions are opposite."""
        return -1.0 if self.reversed else 1.0

    def user(self, dial: float) -> float:
        """User position of a dial position."""
        return self.sign * dial + self.offset

    def dial(self, user: float) -> float:
        """Dial position of a user position."""
        return self.sign * (user - self.offset)

    @property
    def limited(self) -> bool:
        """Whether there are soft limits."""
        return not self.low == self.high == 0.0

    def user_limits(self) -> tuple[float, float]:
        """``LLM``, ``HLM``."""
        ends = self.user(self.low), self.user(self.high)
        return (ends[1], ends[0]) if self.reversed else ends

    def jog_limits(self, second: float) -> tuple[float, float]:
        """Where jogs end (dial): one second of travel before a limit, as in the record.

        Args:
            second: That travel. With the low limit above the high one, all is beyond the limits.
        """
        if self.low > self.high:
            return inf, -inf
        return self.low + second, self.high - second

    def name(self, user: float, dial: float) -> None:
        """Choose the offset by which ``dial`` is called ``user``."""
        self.offset = user - self.sign * dial

    def violation(self, dial: float, before: float | None = None) -> str:
        """Why a target violates the limits, "" if it does not.

        Args:
            dial: The target.
            before: The target before this one. From outside, a step towards the limits is allowed,
                though it does not reach them.
        """
        if not self.limited:
            return ""
        low, high, unit = self.low, self.high, self.units
        if low > high:
            return f"its low limit {low:g} {unit} is above its high limit {high:g} {unit} (dial)"
        if low <= landed(dial, low, high) <= high:
            return ""
        if before is not None and (high < dial < before or before < dial < low):
            return ""
        return outside("position", self.user(dial), *self.user_limits(), unit)
