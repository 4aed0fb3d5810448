"""From a machine and its table to a running IOC: clock, simulation, health, state, server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from instruments.errors import ENDING
from iocs.access.rules import AccessFileError, AccessRules
from iocs.command_line import parse, parser
from iocs.parameters import ParameterFileError
from iocs.records import Database, Put
from iocs.serving import Server, options_from, serve
from iocs.serving.arguments import EXIT_USAGE
from iocs.serving.listening.ports import PortTakenError, require_free
from iocs.serving.server import EXIT_PORT_TAKEN
from iocs.supervision.health import Health
from iocs.supervision.journal import Journal
from iocs.supervision.put_log import PutLog
from iocs.supervision.saving import Saving
from iocs.supervision.sealed_state import SealedState, require_none
from iocs.supervision.simulation import Chore, Simulation
from iocs.supervision.state_folder import take
from iocs.supervision.state_store import OtherMachineError, StateStore
from iocs.words.escaping import EscapingFormatter, escaped
from iocs.words.saying import say
from pvdb.parts.clock import SimClock
from pvdb.parts.clock_records import clock_records
from pvdb.plant import Plant
from pvdb.records import Record

if TYPE_CHECKING:
    from iocs.pva.server import PvaServer

log = logging.getLogger("cryohalo.iocs")

#: Characters of the one line that says why the IOC cannot start.
MOST_OF_AN_ERROR = 1000


class Ioc:
    """All parts of one IOC; ``serve`` runs it.

    Args:
        plant: The machine and its records.
        prefix: Begins every name.
        speed: Of the clock.
        state_dir: Where state is kept, None for nowhere.
        access: Access rules.
        pva_port: Also serve PV Access there.
        durable: Whether an acknowledged put survives a power cut, not only the end of the process.

    Raises:
        OtherEnvelopeError: The state is that of another blind run.
    """

    def __init__(
        self,
        plant: Plant,
        prefix: str,
        *,
        speed: float = 1.0,
        state_dir: Path | None = None,
        access: AccessRules | None = None,
        pva_port: int | None = None,
        durable: bool = True,
    ) -> None:
        self.pva_port = pva_port
        self._pva: PvaServer | None = None
        self.plant = plant
        machine = plant.machine
        self.clock = SimClock(machine, speed)
        self.health = Health(software_version(), plant.parameters_hash, lambda: self.refusal)
        self.saving = Saving()
        self.put_log = PutLog(state_dir, lambda: machine.time_s, saving=self.saving)
        own = self._own_records()
        journal = None
        if state_dir is not None:
            journal = Journal(
                state_dir,
                lambda: machine.time_s,
                self.saving,
                passing=[record.name for record in own],
                durable=durable,
            )
        table = [_in_its_role(record) for record in (*plant.records, *own)]
        self.database = Database(table, prefix, access=access, on_puts=self._heard, journal=journal)
        self.health.record_count = len(self.database.channels)
        self.simulation = Simulation(machine, self.clock, self.database, plant.guards)
        self.store = None if journal is None else self._make_store(journal)
        self._sealed = _claimed(state_dir, plant, self.saving)
        self.health.saving_error = lambda: self.saving.error
        self.health.error = self._trouble
        self._driving: asyncio.Task[None] | None = None

    def _own_records(self) -> list[Record]:
        """What belongs to this process, not to the machine."""
        clock = clock_records(self.clock, self.plant.seed, lambda: self.simulation.error)
        return [*clock, *self.health.records()]

    def _make_store(self, journal: Journal) -> StateStore:
        plant = self.plant
        return StateStore(
            journal.folder,
            plant.machine,
            self.database,
            journal,
            self.saving,
            identity=plant.identity(),
            guards=plant.guards,
        )

    def _heard(self, puts: Sequence[Put]) -> None:
        """Puts were done or refused."""
        for put in puts:
            self.plant.heard(put.name, put.client, put.refused)
        if self._sealed is not None:
            self._sealed.keep_opening()
        self.put_log(puts)

    def _trouble(self) -> str:
        found = (self.simulation.trouble, self.database.put_log_error)
        return "; ".join(error for error in found if error)

    @property
    def refusal(self) -> str:
        """The last refused put in words."""
        return self.database.refusal

    def restore(self) -> None:
        """Physical state and setpoints of the last life, if they were kept."""
        if self.store is not None:
            self.store.restore()

    def warm_up(self) -> None:
        """Let what is compiled be compiled before a client waits for it; the state is untouched."""
        self.plant.warm_up()

    async def start(self, server: Server | None = None) -> None:
        """Post everything once, then drive the machine."""
        if server is not None:
            self.health.served = server.statistics
            self.health.restart = lambda: server.restart("asked to by IOC:SYSRESET")
        self.simulation.chores.append(Chore("health", self.health.tick))
        if self.store is not None:
            await self.store.begin()
            self.simulation.chores.append(Chore("saving", self.store.tick))
        if self._sealed is not None:
            self._sealed.keep()
            self.simulation.chores.append(Chore("envelope", self._sealed.keep))
        self.health.tick()
        await self.database.post()
        if self.pva_port is not None and server is not None:
            self._pva = _pva_server(self.database, server.options.interfaces, self.pva_port)
            await self._pva.start()
        # Until now nobody drove the machine, and its time may be that of a snapshot.
        self.clock.begin_now()
        self._driving = asyncio.create_task(self.simulation.run(), name="simulation")
        self._driving.add_done_callback(lambda task: _ended(task, server))

    async def stop(self, _: Server | None = None) -> None:
        """Stop the physics and keep the state; every put from now on is refused."""
        self.database.end(ENDING)
        if self._driving is not None:
            self._driving.cancel()
            await asyncio.wait({self._driving})
        if self._pva is not None:
            self._pva.stop()
        if self.store is not None:
            await self.store.close()
        if self._sealed is not None:
            self._sealed.keep()
        self.put_log.close()


def _claimed(folder: Path | None, plant: Plant, saving: Saving) -> SealedState | None:
    """Keeper of a blind run's seal; raises ``OtherEnvelopeError`` for another run's folder."""
    if folder is None:
        return None
    if plant.seal is None or not plant.blind:
        require_none(folder)
        return None
    kept = SealedState(folder, plant.seal, saving)
    kept.claim()
    return kept


def _in_its_role(record: Record) -> Record:
    """What is put to the simulation itself is not an operator's, whichever part describes it."""
    if record.writable and record.name.startswith("Sim:"):
        return replace(record, group="SIMULATION")
    return record


def _pva_server(database: Database, interfaces: Sequence[str], port: int) -> PvaServer:
    from iocs.pva.server import PvaServer  # 0.3 s: only when asked for

    return PvaServer(database, interfaces, port)


def _ended(task: asyncio.Task[None], server: Server | None) -> None:
    """The simulation loop must not end by itself; if it does, so does the server."""
    if task.cancelled():
        return
    log.critical("the simulation loop failed", exc_info=task.exception())
    if server is not None:
        server.fail("the simulation loop failed")


def software_version() -> str:
    """Version of this package as installed."""
    try:
        return version("cryohalo")
    except PackageNotFoundError:
        return "unknown"


Build = Callable[[argparse.Namespace], Plant]


def main(
    name: str,
    prefix: str,
    build: Build,
    arguments: Sequence[str] | None = None,
    extend: Callable[[argparse.ArgumentParser], None] = lambda _: None,
) -> int:
    """Run IOC ``name``.

    Args:
        name: ``"amrr"`` or ``"haloscope"``.
        prefix: Default prefix.
        build: Makes the plant from the options.
        arguments: Command line; by default the process's own.
        extend: Adds options of this IOC's own.

    Returns:
        The exit code.
    """
    found = parser(name, prefix)
    extend(found)
    options = parse(found, arguments)
    _log_to_stderr(options.log_level)
    logging.raiseExceptions = False  # a log on a full disk must not print a traceback for each line
    try:
        lock = _take_folder(options)
        if options.pva is not None and not options.list_pvs:
            # Else p4p takes another one. UDP is shared with the clients on this host.
            require_free(options.interfaces, options.pva, [socket.SOCK_STREAM])
        plant = build(options)
        ioc = _assembled(plant, options)
    except PortTakenError as error:
        say(f"{name}: --pva: {error}", sys.stderr)
        return EXIT_PORT_TAKEN
    except (ParameterFileError, AccessFileError, ValueError, OSError) as error:
        say(f"{name}: {escaped(error, MOST_OF_AN_ERROR)}", sys.stderr)
        return EXIT_USAGE
    except (ArithmeticError, MemoryError) as error:  # parameters that are each allowed
        why = f"{type(error).__name__}: {escaped(error, MOST_OF_AN_ERROR)}"
        say(f"{name}: no machine can be made of these parameters: {why}", sys.stderr)
        return EXIT_USAGE
    if options.list_pvs:
        say("\n".join(ioc.database.pvdb), sys.stdout)
        return os.EX_OK
    ioc.warm_up()
    try:
        ioc.restore()
    except OtherMachineError as error:
        say(f"{name}: {error}", sys.stderr)
        return EXIT_USAGE
    _say_array_bytes(name, plant.array_bytes)
    server = options_from(options, name)
    try:
        return serve(ioc.database.pvdb, server, startup=ioc.start, shutdown=ioc.stop)
    finally:
        if lock is not None:
            os.close(lock)


def _take_folder(options: argparse.Namespace) -> int | None:
    return None if options.list_pvs or options.state_dir is None else take(options.state_dir)


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(EscapingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def _assembled(plant: Plant, options: argparse.Namespace) -> Ioc:
    if options.list_pvs:
        return Ioc(plant, options.prefix)
    rules = AccessRules.read(options.access) if options.access else AccessRules.read()
    ioc = Ioc(
        plant,
        options.prefix,
        speed=options.speed,
        state_dir=options.state_dir,
        access=rules,
        pva_port=options.pva,
        durable=options.puts_survive == "power-cut",
    )
    for group in rules.without_rules(record.group for record in ioc.database.records):
        log.warning("access security: no rules for %s, those of DEFAULT hold for it", group)
    return ioc


def _say_array_bytes(name: str, array_bytes: int) -> None:
    """On standard error: the first line on standard output is the one that says it is ready."""
    if array_bytes > 16_000:
        say(f"{name}: clients need EPICS_CA_MAX_ARRAY_BYTES={array_bytes} or more", sys.stderr)
