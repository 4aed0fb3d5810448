"""Same seed, same puts, stepped mode: the same PVs bit by bit. Any speed: the same physics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.iocs.driving import let_pass, start, values
from tests.iocs.plants import make

STORIES: dict[str, list[tuple[str, Any, float]]] = {
    "amrr": [
        ("PumpA:Current", 1.0, 7.0),
        ("CHX:HeaterPower", 600.0, 3.35),
        ("Cycle:Run", "Run", 95.0),
        ("Cycle:FlowTime", 60.0, 130.0),
        ("Cycle:Abort", 1, 10.0),
    ],
    "haloscope": [
        ("DAQ:NumAverages", 1000, 0.5),
        ("Rod", 34.3, 20.0),
        ("JPA:Pump", "On", 0.25),
        ("VNA:Acquire", 1, 2.0),
        ("DAQ:Acquire", 1, 130.0),
        ("NoiseSource:Temp", 0.1, 300.0),
    ],
}


def stream(name: str, seed: str) -> list[dict[str, Any]]:
    """Values of all PVs after each act of the story."""

    async def story() -> list[dict[str, Any]]:
        ioc = make(name, "--seed", seed)
        ioc.clock.paused = True
        await ioc.database.post()
        seen, puts = [], []
        for pv, value, seconds in STORIES[name]:
            puts.append(start(ioc, pv, value))
            await let_pass(ioc, seconds)
            seen.append(values(ioc))
        for put in puts:
            put.cancel()
        await asyncio.gather(*puts, return_exceptions=True)
        return seen

    return asyncio.run(story())


@pytest.mark.parametrize("name", STORIES)
def test_stepped_mode_is_bit_identical(name: str) -> None:
    first, second = stream(name, "7"), stream(name, "7")
    assert first == second
    assert first[0] != first[-1]
    assert first != stream(name, "8")


@pytest.mark.parametrize("name", STORIES)
def test_every_speed_gives_the_same_numbers_at_the_same_times(name: str) -> None:
    def readings(speed: str, wall_step_s: float) -> dict[float, Any]:
        """What the machine says every 10 s of simulated time, from the same commands at time 0."""
        ioc = make(name, "--seed", "7", "--speed", speed)
        wall = [0.0]
        ioc.clock._wall = lambda: wall[0]
        ioc.clock.speed = float(speed)
        if name == "amrr":
            ioc.plant.machine.cycle.run()
        else:
            ioc.plant.machine.rod.move_to(34.4)
            ioc.plant.machine.digitizer.acquire()
        machine, seen = ioc.plant.machine, {}
        while machine.time_s < 60.0:
            wall[0] += wall_step_s
            while (step_s := ioc.clock.due_s()) > 0 and machine.time_s < 60.0:
                # At speed 0 the steps are longer: they are cut where the others are looked at.
                left_s = 10.0 * (len(seen) + 1) - machine.time_s
                machine.step(step_s if left_s > step_s * (1 - 1e-6) else left_s)
                for guard in ioc.plant.guards:
                    guard()
                if left_s < step_s * (1 + 1e-6):
                    asyncio.run(ioc.database.post())
                    seen[round(machine.time_s, 6)] = {
                        pv: value for pv, value in values(ioc).items() if not pv.startswith("Sim:")
                    }
        return seen

    real_time = readings("1", 0.05)
    assert len(real_time) >= 5
    assert real_time == readings("100", 0.05) == readings("0", 0.05)
