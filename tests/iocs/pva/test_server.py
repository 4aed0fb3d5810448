"""PV Access beside the records, in process: who may read and write, and what ends well."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from caproto import AccessRights
from p4p import Value
from p4p.client.thread import Context, RemoteError
from p4p.nt import NTURI, NTScalar

from cryohalo.processes.addresses import FIRST_PORT, free_ports
from iocs.access.os_users import own_user
from iocs.access.rules import AccessRules
from iocs.documents.pages import build
from iocs.pva.server import PvaServer, _Puts
from iocs.records import Database, Put
from pvdb.records import choice, readback, setpoint

SITE = """
HAG(console) {localhost}
UAG(nobody) {"no such user"}
ASG(DEFAULT) { RULE(1, READ) {HAG(console)} RULE(1, WRITE) {HAG(console)} }
ASG(SIMULATION) { RULE(1, READ) RULE(1, WRITE) {UAG(nobody)} }
ASG(TRUTH) { RULE(1, READ) {UAG(nobody)} }
"""


class Bench:
    """A few records over PV Access, and a client."""

    def __init__(self, rules: Any) -> None:
        self.value = 1.0
        self.state = 1
        self.done = True
        self.puts: list[Put] = []
        table = [
            setpoint(
                "A", lambda: self.value, self._set, "Setpoint",
                control=(-9.0, 9.0), done=lambda: self.done,
            ),
            choice("S", lambda: self.state, self._choose, "State", ("Off", "On")),
            setpoint("Sim:B", lambda: 0.0, self._set, "B", control=(0, 9), group="SIMULATION"),
            readback("Truth_RBV", lambda: 42.0, "Truth", group="TRUTH"),
        ]  # fmt: skip
        self.database = Database(table, "T:", access=rules, on_puts=self.puts.extend)

    def _set(self, value: float) -> None:
        self.value = value

    def _choose(self, index: int) -> None:
        self.state = index


@asynccontextmanager
async def served(database: Database) -> AsyncIterator[tuple[PvaServer, Context]]:
    (port,) = free_ports(1, FIRST_PORT + 19_000)
    await database.post()
    server = PvaServer(database, ["127.0.0.1"], port)
    await server.start()
    conf = {
        "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_BROADCAST_PORT": str(port),
    }
    client = await asyncio.to_thread(Context, "pva", conf=conf, useenv=False, nt=False)
    try:
        yield server, client
    finally:
        await asyncio.to_thread(client.close)
        server.stop()


def ask(client: Context, *words: Any, **options: Any) -> Any:
    return asyncio.to_thread(client.get, *words, timeout=20, **options)


def put(client: Context, name: str, value: Any) -> Any:
    return asyncio.to_thread(client.put, name, value, timeout=20)


def listed(server: PvaServer) -> set[str]:
    assert set(server._provider.keys()) == server._names
    return server._names


def test_what_not_everybody_here_may_read_is_not_there(run: Callable[..., Any]) -> None:
    async def story() -> None:
        async with served(Bench(AccessRules.parse(SITE)).database) as (server, client):
            assert (await ask(client, "T:A")).value == 1.0
            assert listed(server) == {"T:A", "T:S", "T:Sim:B"}
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(client.get, "T:Truth_RBV", timeout=0.5)

    run(story())


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_nothing_is_there_of_an_ioc_that_nobody_may_read(
    name: str, run: Callable[..., Any]
) -> None:
    ioc = build(name)
    table = ioc.database.records
    rules = AccessRules.parse("ASG(DEFAULT) { RULE(1, NONE) }")

    async def story() -> None:
        async with served(Database(table, "T:", access=rules)) as (server, _):
            assert listed(server) == set()

    run(story())


def test_the_rights_to_put_are_those_of_channel_access(run: Callable[..., Any]) -> None:
    bench = Bench(AccessRules.parse(SITE))

    async def story() -> None:
        async with served(bench.database) as (_, client):
            await put(client, "T:A", {"value": 2.0})
            with pytest.raises(RemoteError, match="Sim:B is not writable for"):
                await put(client, "T:Sim:B", {"value": 2.0})
        assert bench.database["A"].check_access("127.0.0.1", own_user()) == 3

    run(story())
    assert [(one.name, bool(one.refused)) for one in bench.puts] == [("A", False), ("Sim:B", True)]


class NastyPut:
    """A put of a client that calls itself something that would forge a line."""

    def __init__(self, account: str) -> None:
        self._account = account
        self.answered = threading.Event()
        self.error: str | None = None

    def value(self) -> Any:
        return Value(NTScalar.buildType("d"), {"value": 3.0})

    def peer(self) -> str:
        return "192.0.2.1:4242"

    def account(self) -> str:
        return self._account

    def done(self, error: str | None = None) -> None:
        self.error = error
        self.answered.set()


def test_an_accounts_name_is_escaped_and_bounded(run: Callable[..., Any]) -> None:
    bench = Bench(None)

    async def story() -> None:
        async with served(bench.database) as (server, _):
            handler = _Puts(server, bench.database["A"])
            nasty = NastyPut("eve\nERROR forged\x1b[2J")
            handler.put(None, nasty)
            await asyncio.to_thread(nasty.answered.wait, 20)
            assert nasty.error is None
            with pytest.raises(ValueError, match="a name of 600 bytes"):
                handler.put(None, NastyPut("u" * 600))

    run(story())
    assert [one.client for one in bench.puts] == [r"eve\nERROR forged\x1b[2J@192.0.2.1"]


def test_procedure_calls_are_refused(run: Callable[..., Any]) -> None:
    async def story() -> None:
        async with served(Bench(None).database) as (_, client):
            question = NTURI([]).wrap("T:A")
            with pytest.raises(RemoteError, match="Not supported"):
                await asyncio.to_thread(client.rpc, "T:A", question, timeout=20)

    run(story())


def test_a_put_without_a_value_puts_nothing(run: Callable[..., Any]) -> None:
    bench = Bench(None)

    async def story() -> None:
        async with served(bench.database) as (_, client):
            with pytest.raises(RemoteError, match="A: the put holds no value"):
                await put(client, "T:A", {"display.description": "mine"})
            with pytest.raises(RemoteError, match="S: the put holds no value"):
                await put(client, "T:S", {})

    run(story())
    assert (bench.value, bench.state, bench.puts) == (1.0, 1, [])


def test_a_put_that_the_end_of_the_ioc_cuts_short_is_no_success(run: Callable[..., Any]) -> None:
    bench = Bench(None)
    bench.done = False
    begun = threading.Event()
    bench.database.on_wake = begun.set

    async def story() -> None:
        async with served(bench.database) as (server, client):
            answer = asyncio.create_task(put(client, "T:A", {"value": 3.0}))
            await asyncio.to_thread(begun.wait, 20)
            server.stop()
            with pytest.raises(RemoteError, match="the IOC is ending"):
                await answer

    run(story())
    assert bench.value == 3.0


def test_the_stream_ends_with_the_right_to_read(run: Callable[..., Any]) -> None:
    class Changeable:
        granted = AccessRights.READ

        def rights(self, *_: object) -> AccessRights:
            return self.granted

    rules = Changeable()
    bench = Bench(rules)

    async def story() -> list[Any]:
        seen: list[Any] = []
        changed = threading.Event()

        def note(value: Any) -> None:
            seen.append(value if isinstance(value, Exception) else value.value)
            changed.set()

        async with served(bench.database) as (server, client):
            monitor = client.monitor("T:A", note, notify_disconnect=True)
            await asyncio.to_thread(changed.wait, 20)
            while seen[-1] != 1.0:
                changed.clear()
                await asyncio.to_thread(changed.wait, 20)
            changed.clear()
            rules.granted, bench.value = AccessRights.NO_ACCESS, 7.0
            await bench.database.post()
            await asyncio.to_thread(changed.wait, 20)
            assert listed(server) == {"T:S", "T:Sim:B", "T:Truth_RBV"}
            await asyncio.to_thread(monitor.close)
        return seen

    seen = run(story())
    assert type(seen[-1]).__name__ == "Disconnected"
    assert 7.0 not in seen
