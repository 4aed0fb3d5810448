"""What a step of a scan asks of the haloscope's IOC and is sent, in packets: no load changes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from plans.haloscope.scan import scan
from tests.costs import counting_ioc

STEPS, WARM_UP = 10, 4
#: Of a step, with a tenth of room for what a plan learns to ask. Measured on 2026-11-28: 18.6 and
#: 28.3, the same in every run.
MOST_PUTS, MOST_GETS = 20.5, 31.0
#: With a quarter: what leaves together depends on when it comes. Measured: 35.4 to 36.2, also with
#: every core taken by something else.
MOST_SENDS = 45.0
#: A spectrum is 800 000 of them. Measured: 811 400.
MOST_BYTES = 825_000.0


@pytest.fixture
def counts_file(tmp_path: Path) -> Path:
    return tmp_path / "counts"


@pytest.fixture
def counting(pool: Any, prefix: str, counts_file: Path) -> Iterator[Any]:
    """The haloscope over an IOC that counts into ``counts_file``."""
    from devices.haloscope import Haloscope

    running = pool.start(
        LaunchedIoc(
            "haloscope",
            (counting_ioc.__file__,),
            ("--prefix", prefix, "--speed", "0", "--seed", "1"),
            {counting_ioc.FILE: str(counts_file)},
        )
    )
    wait_served([f"{prefix}Rod"], running.port)
    device = Haloscope(prefix, name="haloscope")
    device.connect(20.0)
    yield device
    device.destroy()
    pool.end(running)


def test_a_step_asks_no_more_and_is_sent_no_more(
    engine: RunEngine, counting: Any, counts_file: Path
) -> None:
    frequencies = [1100.0 + 0.01 * number for number in range(WARM_UP + STEPS)]
    engine(scan(counting, frequencies[:WARM_UP], averages=100))
    before = counting_ioc.read(counts_file)
    engine(scan(counting, frequencies[WARM_UP:], averages=100))
    after = counting_ioc.read(counts_file)
    step = {name: (after[name] - before[name]) / STEPS for name in counting_ioc.COUNTS}
    assert 1.0 < step["puts"] <= MOST_PUTS
    assert 1.0 < step["gets"] <= MOST_GETS
    assert step["requests"] <= MOST_PUTS + MOST_GETS
    assert 1.0 < step["sends"] <= MOST_SENDS
    assert 800_000.0 < step["bytes"] <= MOST_BYTES
