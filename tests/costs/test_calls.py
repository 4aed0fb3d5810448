"""Hot paths in calls of our own functions: a limit is what was measured, and a fifth of room.

The counts are the same in every run on every machine. Where one is above its limit because the work
has grown for a reason, measure anew and say so here; where it fell, take the limit down.
"""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import caproto as ca
import numpy as np
import pytest

from benchmarks.analysis_speed import stack
from benchmarks.servers.bench_ioc import Numbers
from haloscope.analysis.budget.contributions import Origin, contributions
from haloscope.analysis.budget.propagation import of_sums, propagated
from haloscope.analysis.budget.terms import TERMS
from haloscope.analysis.copies import landmarks
from haloscope.analysis.online import Online
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from iocs.records import Database
from tests.costs.counting import calls, counted
from tests.iocs.plants import make
from tests.iocs.serving.test_at_once import put, served
from tests.iocs.serving.test_walls import Client, post
from tests.live.raw_client import WRITE

ROOM = 1.2
TIME_DOUBLE = 20
#: Measured on 2026-11-28.
STILL_PASS = {"haloscope": 182, "amrr": 976}
SETTING_PUT = 325
MACHINE_STEP = {"haloscope": 22, "amrr": 16}
CALLS_OF_AN_UPDATE, CALLS_PER_CLIENT = 33, 17
#: Of the benchmark's records: a put without completion among a hundred in one packet.
CALLS_OF_A_PLAIN_PUT = 9
ONLINE_STEP = 745
ANALYSIS, ANALYSIS_PER_SPECTRUM = 4039, 21.0
#: Peak of what is allocated, over the bytes of the spectra.
ANALYSIS_MEMORY = 5.7
#: The same of a budget made of its sums, and of its total, over one number for each grand bin.
BUDGET_MEMORY, TOTAL_MEMORY = 4.2, 2.0
#: The same of looking for landmarks, over one spectrum in double precision.
LANDMARKS_MEMORY = 10.7
#: What the whole room is tried with.
SPECTRA = 60


@pytest.fixture(scope="module")
def spectra() -> Spectra:
    return stack(SPECTRA)


@pytest.mark.parametrize("name", sorted(STILL_PASS))
def test_a_pass_that_finds_nothing_and_a_step_of_the_machine(name: str) -> None:
    ioc = make(name)
    machine = ioc.plant.machine

    async def passes() -> int:
        await ioc.database.post()
        await ioc.database.post()
        with counted() as found:
            await ioc.database.post()
        return found.total()

    assert 0 < asyncio.run(passes()) <= ROOM * STILL_PASS[name]
    machine.step(machine.dt_s)  # prepares what all others use
    assert 0 < calls(lambda: machine.step(machine.dt_s)) <= ROOM * MACHINE_STEP[name]


def test_a_setting_that_is_put_has_its_own_instrument_read_alone() -> None:
    database = make("haloscope").database

    async def put() -> Any:
        await database.post()
        await database.post()
        with counted() as found:
            await database.put("VNA:Power", -41.0)
        return found

    found = asyncio.run(put())
    others = ("pvdb/parts/motor_fields", "pvdb/parts/motor_other", "pvdb/parts/supply.py:_reader")
    assert database["VNA:Power_RBV"].value == -41.0
    assert not [name for name in found if name.startswith(others)]
    assert 0 < found.total() <= ROOM * SETTING_PUT


def test_a_client_that_watches_adds_its_share_alone() -> None:
    one, twenty, forty = (asyncio.run(_given_out(clients)) for clients in (1, 20, 40))
    assert 0 < one <= ROOM * CALLS_OF_AN_UPDATE
    assert 0 < (twenty - one) / 19 <= ROOM * CALLS_PER_CLIENT
    assert forty - twenty <= 20 / 19 * (twenty - one) + 1


async def _given_out(clients: int) -> int:
    """Calls of one update that so many clients are sent."""
    first, entry = Client(), ca.ChannelDouble(value=1.0)
    everybody = [first, *(Client(first.context) for _ in range(clients - 1))]
    for number, client in enumerate(everybody):
        client.subscribe(entry, TIME_DOUBLE, number=number)
        await client.received()
    with counted() as found:
        await post(entry, 2.0)
        for client in everybody:
            await client.received()
    return found.total()


def test_a_plain_put_among_many_costs_what_is_its_own_alone() -> None:
    few, many = (asyncio.run(_put_together(puts)) for puts in (10, 100))
    assert 0 < (many - few) / 90 <= ROOM * CALLS_OF_A_PLAIN_PUT


async def _put_together(puts: int) -> int:
    """Calls of so many puts to one record that come in one packet."""
    numbers = Numbers(1)
    async with served(Database(numbers.table(), "T:").pvdb, [b"T:get\0"]) as client:
        one = put(1, 1.0, 1, WRITE)
        assert client.circuit.hear(one) == len(one)
        data = b"".join(put(1, 2.0 + number, 1, WRITE) for number in range(puts))
        with counted() as found:
            assert client.circuit.hear(data) == len(data)
        assert numbers.put == 1.0 + puts
    return found.total()


def test_a_late_step_of_the_online_analysis_costs_what_an_early_one_does(spectra: Spectra) -> None:
    online = Online()

    def add(row: int) -> Any:
        return lambda: online.add(spectra.subset(slice(row, row + 1)))

    each = [calls(add(row)) for row in range(SPECTRA)]
    # Windows overlap with fifteen others; from then on every step is like the one before.
    assert 0 < each[-1] <= each[20] + 2
    assert each[-1] <= ROOM * ONLINE_STEP


def test_an_analysis_in_calls_and_in_memory(spectra: Spectra) -> None:
    half = spectra.subset(slice(0, SPECTRA // 2))
    analyze(half)  # what is worked out once, in a process and of a stack
    analyze(spectra)
    few = calls(lambda: analyze(half))
    many = calls(lambda: analyze(spectra))
    assert 0 < many <= ROOM * ANALYSIS
    assert 0 < (many - few) / (SPECTRA - len(half)) <= ROOM * ANALYSIS_PER_SPECTRUM
    assert 0 < _peak(lambda: analyze(spectra)) <= ROOM * ANALYSIS_MEMORY * spectra.power_w.nbytes


def test_landmarks_are_looked_for_in_a_few_spectra_at_a_time(spectra: Spectra) -> None:
    peak = _peak(lambda: landmarks(spectra.power_w))
    assert 0 < peak <= ROOM * LANDMARKS_MEMORY * 8 * spectra.power_w.shape[1]


def test_a_budget_is_held_once() -> None:
    bins = 10_000
    of_all = dict.fromkeys(TERMS, Origin.MEASURED)
    sums, total = np.ones((len(of_all), bins)), np.arange(bins, dtype=np.float64)  # one unseen
    budget = of_sums(np.arange(bins, dtype=np.float64), total, sums.copy(), of_all)
    made = _peak(lambda: of_sums(budget.frequency_hz, total, sums, of_all))
    assert 0 < made <= ROOM * BUDGET_MEMORY * total.nbytes
    assert 0 < _peak(lambda: budget.total) <= ROOM * TOTAL_MEMORY * total.nbytes


def _peak(work: Callable[[], object]) -> int:
    """Most bytes that ``work`` has allocated at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_budget_of_some_bins_looks_at_the_spectra_that_touch_them(
    spectra: Spectra, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = analyze(spectra)
    rows = contributions(spectra, np.ones((SPECTRA, 3)), result.options)
    looked: list[int] = []
    stock = np.searchsorted
    monkeypatch.setattr(np, "searchsorted", lambda *given: looked.append(1) or stock(*given))
    propagated(rows, result.frequency_hz[:10])
    assert len(looked) == 1
