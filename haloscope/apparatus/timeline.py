"""Simulated time, and quantities that are exact functions of it.

Nothing here is integrated step by step. A relaxing quantity remembers when it was last disturbed
and evaluates its exponential from there; a wandering quantity is a sum of sinusoids with phases
from the seed. What is read at a time therefore does not depend on how the time was reached, bit for
bit. Time is counted in whole nanoseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from instruments.kept import Number, Row, Spec
from instruments.random import generator

NS_PER_S: Final[int] = 1_000_000_000
#: Latest time that a saved state may have: 127 years, and what it adds up to still fits 64 bits.
LATEST_NS: Final[int] = 4_000_000_000_000_000_000


def to_ns(time_s: float) -> int:
    """Whole nanoseconds nearest to ``time_s`` seconds."""
    return round(time_s * NS_PER_S)


@dataclass
class Timeline:
    """The one clock of a machine; its parts hold a reference and never advance it."""

    now_ns: int = 0

    @property
    def now_s(self) -> float:
        """Simulated time in seconds."""
        return self.now_ns / NS_PER_S


@dataclass
class Relaxation:
    """A quantity on its way to a target with one time constant, exact at any later time."""

    value: float
    target: float
    time_constant_s: float
    since_ns: int = 0

    def at(self, now_ns: int) -> float:
        """Value at ``now_ns``."""
        if self.value == self.target:  # most are, and all are asked after every step
            return self.target
        elapsed_s = (now_ns - self.since_ns) / NS_PER_S
        return self.target + (self.value - self.target) * math.exp(
            -elapsed_s / self.time_constant_s
        )

    def aim(self, now_ns: int, target: float) -> None:
        """Change the target; without effect when it is the same already."""
        if target != self.target:
            self.value, self.since_ns, self.target = self.at(now_ns), now_ns, target

    def time_to_reach_s(self, now_ns: int, within: float) -> float:
        """Seconds from ``now_ns`` until ``within`` of the target; 0 if it is there."""
        distance = abs(self.at(now_ns) - self.target)
        return self.time_constant_s * math.log(distance / within) if distance > within else 0.0

    def state(self) -> list[float]:
        """Plain values for saving."""
        return [self.value, self.target, self.time_constant_s, self.since_ns]

    def allowed(self, now_ns: int, value: Number) -> Spec:
        """What a saved state may hold; value and target are ``value``."""
        constant = Number(self.time_constant_s, self.time_constant_s, "s")
        since = Number(0, now_ns, "ns", whole=True)
        return Row({"value": value, "target": value, "time constant": constant, "since_ns": since})

    def restore(self, state: list[Any]) -> None:
        """Take over saved values, which ``allowed`` has checked."""
        self.value, self.target, self.time_constant_s = map(float, state[:3])
        self.since_ns = int(state[3])


class Wander:
    """A slow random function of time: twelve sinusoids, log-spaced periods, phases from the seed.

    Args:
        seed: The machine's seed.
        purpose: What wanders; different purposes are independent.
        rms: Root mean square of the function.
        shortest_s: Shortest period in s.
        longest_s: Longest period in s.

    Attributes:
        largest: What its magnitude never exceeds.
    """

    def __init__(
        self,
        seed: int,
        purpose: str,
        rms: float,
        *,
        shortest_s: float = 3.6e3,
        longest_s: float = 4e5,
    ) -> None:
        random = generator(seed, f"wander.{purpose}")
        periods = np.geomspace(shortest_s, longest_s, 12) * random.uniform(0.9, 1.1, 12)
        self._rate = 2 * np.pi / periods
        self._phase = random.uniform(0, 2 * np.pi, 12)
        self._amplitude = rms * math.sqrt(2 / 12)
        self.largest = 12 * self._amplitude

    def at(self, time: float) -> float:
        """Value at a time in s (or at whatever the periods are in)."""
        return float(self._amplitude * np.sin(self._rate * time + self._phase).sum())
