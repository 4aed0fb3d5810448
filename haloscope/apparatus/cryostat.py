"""Dilution refrigerator, its stages and the heated noise source.

Cooling power of a dilution refrigerator goes as T^2 (Pobell, "Matter and Methods at Low
Temperatures", ch. 7); the letter gives 1 mW at 90 mK. A load Q raises the mixing chamber to T^2 =
T_0^2 + Q / a. The same law serves the weak metallic links of rod and noise source. T^2 of mixing
chamber and rod relaxes with one time constant each; so does the temperature of the noise source,
which its controller drives. It can be held below a mixing chamber that a quench has warmed: that
the load would follow is not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from haloscope.apparatus.timeline import NS_PER_S, Relaxation, Timeline
from haloscope.parameters import HaloscopeParameters
from instruments.kept import Group, Number, Spec, check
from instruments.random import generator
from instruments.ranges import commanded
from instruments.still import Mark, Still

#: Relative scatter of one thermometer reading, and how often a thermometer is read. Assumed: a
#: resistance bridge.
_READING_SCATTER: Final[float] = 0.002
_READING_INTERVAL_NS: Final[int] = NS_PER_S
#: Readings drawn at a time: a generator costs more than the numbers.
_READINGS_DRAWN: Final[int] = 256

#: Square of a temperature in a saved state, K2: up to a magnet's quench and far beyond.
_SQUARED: Final = Number(1e-12, 1e6, "K2")

#: What has a thermometer.
STAGES: Final = ("MXC", "Still", "FourK", "Cavity", "Rod", "JPA", "NoiseSource")
_NUMBER: Final = {stage: number for number, stage in enumerate(STAGES)}


class HeatedSource:
    """Heated 50 ohm load; its controller holds a setpoint in K.

    Args:
        parameters: The haloscope.
        timeline: The machine's clock.
        changed: Called when the setpoint changes.
    """

    def __init__(
        self,
        parameters: HaloscopeParameters,
        timeline: Timeline,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.parameters, self._timeline = parameters.noise_source, timeline
        self._changed = changed
        lowest = self.parameters.lowest_k
        self._relaxation = Relaxation(lowest, lowest, self.parameters.time_constant_s)
        self._bath_k = parameters.cryostat.base_temperature_k
        self._still = Still(timeline, self, self._relaxation)

    @property
    def setpoint_k(self) -> float:
        """Temperature wanted, within the parameters' lowest and highest (25 to 400 mK)."""
        return self._relaxation.target

    @setpoint_k.setter
    def setpoint_k(self, value: float) -> None:
        p = self.parameters
        target = commanded("noise source temperature", value, p.lowest_k, p.highest_k, "K")
        self._relaxation.aim(self._timeline.now_ns, target)
        self._changed()

    @property
    def temperature_k(self) -> float:
        """True temperature now."""
        return self._relaxation.at(self._timeline.now_ns)

    @property
    def holding_power_w(self) -> float:
        """Heater power that holds the setpoint."""
        p = self.parameters
        return p.link_w_per_k2 * max(self.setpoint_k**2 - self._bath_k**2, 0.0)

    @property
    def heater_w(self) -> float:
        """Heater power now: what the link carries off, and what warms the load."""
        p, t = self.parameters, self.temperature_k
        capacity_j_per_k = 2 * p.link_w_per_k2 * t * p.time_constant_s
        warming = capacity_j_per_k * (self.setpoint_k - t) / p.time_constant_s
        return max(p.link_w_per_k2 * (t**2 - self._bath_k**2) + warming, 0.0)

    @property
    def settled(self) -> bool:
        """True when the temperature is at the setpoint."""
        return self.time_to_settle_s <= 0

    @property
    def time_to_settle_s(self) -> float:
        """Seconds until settled; 0 if it is."""
        within = self.parameters.settled_within_k
        return self._relaxation.time_to_reach_s(self._timeline.now_ns, within)

    def still(self) -> Mark:
        """The same mark until a reading or the setpoint can be another."""
        return self._still()

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        return {"relaxation": self._relaxation.state()}

    def allowed(self, now_ns: int) -> Spec:
        """What a saved state may hold at a time."""
        p = self.parameters
        held = Number(p.lowest_k, p.highest_k, "K")
        return Group({"relaxation": self._relaxation.allowed(now_ns, held)})

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values; raises ``Refused`` if one of them cannot be."""
        check(self.allowed(self._timeline.now_ns), state, "noise_source")
        self._relaxation.restore(state["relaxation"])


class Cryostat:
    """Stage temperatures under the loads that the machine reports.

    Args:
        parameters: The haloscope.
        timeline: The machine's clock.
        noise_source: Its heater loads the mixing chamber, and it has a thermometer.
        seed: The machine's seed, for the scatter of readings.
    """

    def __init__(
        self,
        parameters: HaloscopeParameters,
        timeline: Timeline,
        noise_source: HeatedSource,
        seed: int,
    ) -> None:
        self.parameters, self._timeline, self._seed = parameters, timeline, seed
        self.noise_source = noise_source
        c, rod = parameters.cryostat, parameters.rod
        base2, rod2 = c.base_temperature_k**2, rod.base_temperature_k**2
        self._cooling_w_per_k2 = c.cooling_power_w / c.cooling_power_at_k**2
        self._rod_link_w_per_k2 = rod.base_load_w / (rod2 - base2)
        self._mixing2 = Relaxation(base2, base2, c.time_constant_s)
        self._rod2 = Relaxation(rod2, rod2, rod.time_constant_s)
        self._drawn_block, self._drawn = -1, [[0.0]]
        on_their_way = (self._mixing2, self._rod2)
        self._still = Still(timeline, self, *on_their_way, parts=(noise_source.still,))
        self._true_k: dict[str, Callable[[int], float]] = {
            "MXC": self.mixing_chamber_k,
            "Still": lambda _: c.still_k,
            "FourK": lambda _: c.four_kelvin_k,
            "Cavity": self.mixing_chamber_k,
            "Rod": self.rod_k,
            "JPA": self.mixing_chamber_k,
            "NoiseSource": lambda _: noise_source.temperature_k,
        }

    def load(self, rod_w: float, antenna_w: float, quench_w: float) -> None:
        """Take over heat loads, in W, from now on: drives of rod and antenna, a quench."""
        now, c = self._timeline.now_ns, self.parameters.cryostat
        total = rod_w + antenna_w + quench_w + self.noise_source.holding_power_w
        mixing2 = c.base_temperature_k**2 + total / self._cooling_w_per_k2
        self._mixing2.aim(now, mixing2)
        base_w = self.parameters.rod.base_load_w
        self._rod2.aim(now, mixing2 + (base_w + rod_w) / self._rod_link_w_per_k2)

    @property
    def warming(self) -> bool:
        """Whether the mixing chamber is on its way up, by more than its reading scatters."""
        now = self._mixing2.at(self._timeline.now_ns)
        return self._mixing2.target > now * (1 + 2 * _READING_SCATTER)

    def mixing_chamber_k(self, now_ns: int) -> float:
        """True temperature of mixing chamber, cavity barrel and JPA."""
        return math.sqrt(self._mixing2.at(now_ns))

    def rod_k(self, now_ns: int) -> float:
        """True temperature of the tuning rod."""
        return math.sqrt(self._rod2.at(now_ns))

    @property
    def temperatures_k(self) -> dict[str, float]:
        """Thermometer readings by stage."""
        return {stage: self.reading_k(stage) for stage in STAGES}

    def reading_k(self, stage: str) -> float:
        """Reading of one thermometer, with its own scatter, refreshed every second.

        Args:
            stage: One of ``STAGES``.
        """
        now_ns = self._timeline.now_ns
        scatter = self._scatter(now_ns // _READING_INTERVAL_NS)[_NUMBER[stage]]
        return self._true_k[stage](now_ns) * (1 + _READING_SCATTER * scatter)

    def still(self) -> Mark:
        """The same mark until a reading can be another: they follow from time and loads."""
        return self._still()

    def _scatter(self, slot: int) -> list[float]:
        """Standard normal numbers of one reading, a function of seed and slot alone."""
        block, index = divmod(slot, _READINGS_DRAWN)
        if block != self._drawn_block:
            random = generator(self._seed, "thermometers", block)
            self._drawn = random.standard_normal((_READINGS_DRAWN, len(STAGES))).tolist()
            self._drawn_block = block
        return self._drawn[index]

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        return {"mixing2": self._mixing2.state(), "rod2": self._rod2.state()}

    def allowed(self, now_ns: int) -> Spec:
        """What a saved state may hold at a time."""
        return Group(
            {
                "mixing2": self._mixing2.allowed(now_ns, _SQUARED),
                "rod2": self._rod2.allowed(now_ns, _SQUARED),
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values; raises ``Refused`` if one of them cannot be."""
        check(self.allowed(self._timeline.now_ns), state, "fridge")
        self._mixing2.restore(state["mixing2"])
        self._rod2.restore(state["rod2"])
