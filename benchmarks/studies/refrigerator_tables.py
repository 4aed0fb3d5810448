"""The tables of docs/explanation/amrr.md that hold periodic states of the refrigerator at 600 uW.

Each row is the default machine with one thing changed, in its periodic state (``amrr.periodic``)::

    python -m benchmarks.studies.refrigerator_tables [dimensions|loads|convergence|ramps|history]

Some two seconds a row, minutes for the finest. Without a name all tables are printed, in Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, Final

import numpy as np

from amrr.circuit import rows
from amrr.parameters import STRONG_CYCLE, RefrigeratorParameters
from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator

DEFAULT: Final = RefrigeratorParameters()
LOAD_W: Final = 600e-6
#: The default is the one that the parameters hold; lengths in m, volumes in m3, and so on.
DIMENSIONS: Final[Mapping[str, tuple[float, ...]]] = {
    "regenerator.header_height_m": (0.1e-3, 0.5e-3, 1e-3, 2e-3),
    "cold_line.length_m": (0.05, 0.15, 0.3, 1.0),
    "exchangers.cold_tube_length_m": (0.2, 0.6, 1.2, 3.0),
    "exchangers.hot_volume_m3": (0.5e-6, 1.5e-6, 5e-6),
    "regenerator.fluid_conductivity_w_per_m_k": (0.01, 0.03, 0.1),
    "concentration": (0.08, 0.10, 0.12),
    "regenerator.length_m": (70e-3, 80.6e-3, 90e-3),
    "regenerator.dispersion_per_grain": (0.25, 0.5, 1.0),
    "exchangers.cold_contact_w_per_k": (0.02, 0.17, 0.5),
    "slip_diffusivity_m2_per_s": (0.0, 1e-8, 1e-7, 1e-6),
    "pump.bed_length_m": (0.09, 0.1, 0.105, 0.11),
}


def changed(part: Any, values: Mapping[str, Any]) -> Any:
    """Parameters with those of these dotted names replaced."""
    for name, value in values.items():
        first, _, rest = name.partition(".")
        inner = getattr(part, first)
        new = changed(inner, {rest: value}) if rest and is_dataclass(inner) else value
        part = replace(part, **{first: new})
    return part


def settled(values: Mapping[str, Any], load_w: float = LOAD_W) -> SimulatedRefrigerator:
    """A machine in its periodic state, noiseless, at the start of a cycle."""
    machine = SimulatedRefrigerator(changed(DEFAULT, values))
    machine.chx_heater.power_setpoint_w = load_w
    machine.cycle.run()
    settle(machine, tolerance_k=5e-5)
    machine.set_quiet(True)
    return machine


def over_a_cycle(machine: SimulatedRefrigerator) -> dict[str, float]:
    """Means and extremes of the next cycle, K: plate, stages, cold ends of the beds."""
    steps = round(machine.cycle.period_s / machine.dt_s / 900)
    places = {"plate": machine.places.cold_exchanger.start, **machine.places.detectors}
    seen: dict[str, list[float]] = {name: [] for name in (*places, "end")}
    end = machine.places.bed["A"].start
    for _ in range(900):
        machine.advance(steps)
        nodes = machine.state()["nodes"]
        for name, lump in places.items():
            seen[name].append(float(nodes[rows.WALL, lump]))
        seen["end"].append(float(nodes[rows.TEMPERATURE, end]))
    found = {name: float(np.mean(values)) for name, values in seen.items()}
    swing = max(seen["plate"]) - min(seen["plate"])
    return found | {"swing": swing, "coldest": min(seen["end"])}


def line(label: str, values: Mapping[str, Any], load_w: float = LOAD_W) -> str:
    """One row: mean of the plate, its swing, the coldest that a bed's cold end gets."""
    try:
        found = over_a_cycle(settled(values, load_w))
    except RuntimeError as error:
        return f"| {label} | {error} |"
    return (
        f"| {label} | {found['plate']:.4f} K | {1e3 * found['swing']:.1f} mK "
        f"| {found['coldest']:.4f} K |"
    )


def dimensions() -> Iterator[str]:
    """Each dimension varied alone."""
    for name, values in DIMENSIONS.items():
        for value in values:
            yield line(f"{name} = {value:g}", {name: value, **_stages(name, value)})


def _stages(name: str, value: float) -> dict[str, float]:
    """The detectors' stages stay in the middle of a line of another length."""
    if name != "cold_line.length_m":
        return {}
    return {f"detector{k}.distance_m": 0.5 * value for k in (1, 2, 3, 4)}


def loads() -> Iterator[str]:
    """Where 600 uW go in."""
    for plate, first, second in (
        (600, 0, 0), (300, 150, 150), (200, 200, 200), (0, 300, 300), (0, 600, 0),
    ):  # fmt: skip
        stages = {"detector1.load_w": 1e-6 * first, "detector2.load_w": 1e-6 * second}
        found = over_a_cycle(settled(stages, 1e-6 * plate))
        means = " | ".join(f"{found[n]:.4f} K" for n in ("plate", "Detector1", "Detector2"))
        yield f"| {plate}, {first}, {second} uW | {means} |"


def convergence() -> Iterator[str]:
    """Finer lumps and steps."""
    for nodes in (40, 80, 160):
        yield line(f"{nodes} lumps along a bed", {"regenerator.nodes": nodes})
    yield line("half the step", {"dt_s": 0.05})
    twice = {"cold_line.nodes": 6, "hot_line.nodes": 6, "exchangers.cold_nodes": 8}
    yield line("twice the lumps of lines and cold exchanger", twice)
    finest = {**twice, "regenerator.nodes": 160, "dt_s": 0.0125}
    yield line("160 lumps along a bed, an eighth of the step, twice the other lumps", finest)


def ramps() -> Iterator[str]:
    """Waveforms and fields."""
    for label, square in (("B^2 linear in time", True), ("B linear in time", False)):
        for power_uw, cycle in ((600, DEFAULT.cycle), (1000, STRONG_CYCLE)):
            values = {"cycle": replace(cycle, square_ramp=square)}
            yield line(f"{label}, {power_uw} uW", values, 1e-6 * power_uw)
    as_named = {"cycle.pump_low_t": 0.6, "cycle.pump_high_t": 1.3}
    yield line("pump magnets 0.6 to 1.3 T", as_named)


def history() -> Iterator[str]:
    """600 uW after another load, and by plain cycling."""
    for before_uw in (100, 2000):
        machine = settled({}, 1e-6 * before_uw)
        machine.chx_heater.power_setpoint_w = LOAD_W
        settle(machine, tolerance_k=5e-5)
        yield f"| after {before_uw} uW | {over_a_cycle(machine)['plate']:.4f} K |"


TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "dimensions": dimensions, "loads": loads, "convergence": convergence, "ramps": ramps,
    "history": history,
}  # fmt: skip


if __name__ == "__main__":
    for table in sys.argv[1:] or TABLES:
        print(f"\n{table}", flush=True)
        for text in TABLES[table]():
            print(text, flush=True)
