"""Which services a configuration asks for, each with its command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cryohalo.configuration import Configuration, Found
from cryohalo.configuration.reading import FILE_VARIABLE
from cryohalo.history.variables import HEART
from cryohalo.processes.addresses import LOOPBACK, environment_for
from cryohalo.processes.ioc_arguments import ioc_arguments
from cryohalo.processes.launcher import LaunchedIoc

__all__ = [
    "TILED_VARIABLE",
    "Service",
    "clients_environment",
    "history_address",
    "queue_address",
    "services",
]

#: Says where Tiled is; its key is not for an environment, which every child inherits.
TILED_VARIABLE = "CRYOHALO_TILED"


@dataclass(frozen=True)
class Service:
    """A service that is no IOC: a module of ours with its arguments.

    Attributes:
        name: Short name; its ready line begins with it.
        command: What follows the Python interpreter.
        environment: Further environment variables.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def command_line(self, port: int) -> list[str]:
        """The whole command line for one port."""
        return [sys.executable, *self.command, "--port", str(port)]


def services(values: Configuration) -> Iterator[tuple[LaunchedIoc | Service, int]]:
    """What is to be started, each with its port."""
    for name, one in values.instruments.items():
        if one.serve:
            given = one.of_the_ioc() | {"state_dir": values.state_dir / name}
            arguments = tuple(ioc_arguments(given))
            yield LaunchedIoc(name, arguments=arguments, heart=one.prefix + HEART), one.port
    if values.history.use:
        yield Service("history", tuple(_history(values))), values.history.port
    if values.catalog.tiled:
        yield Service("tiled", tuple(_tiled(values))), values.catalog.tiled_port
    if values.page.use:
        yield Service("page", tuple(_page(values))), values.page.port
    if values.queue.use:
        yield Service("queue", tuple(_queue(values))), values.queue.port
    if values.queue_http.use:
        yield Service("queue_http", tuple(_queue_http(values))), values.queue_http.port


def _history(values: Configuration) -> Iterator[str]:
    yield from ("-m", "cryohalo.history", "--file", str(values.history_file))
    yield from ("--commit", str(values.history.commit_s), "--days", str(values.history.days))
    for name, one in values.instruments.items():
        yield from (f"--{name}", one.prefix)
        if one.parameters is not None:
            yield from (f"--{name}-parameters", str(one.parameters))


def _tiled(values: Configuration) -> Iterator[str]:
    yield from ("-m", "cryohalo.sharing", "--catalog", str(values.catalog.folder))
    yield from ("--state", str(values.tiled_folder), "--key", str(values.tiled_key))
    if values.catalog.tiled_address:
        yield from ("--to", values.catalog.tiled_address)


def _page(values: Configuration) -> Iterator[str]:
    prefixes = {name: one.prefix for name, one in values.instruments.items()}
    yield from ("-m", "cryohalo.cli", "page")
    yield from ("--amrr-prefix", prefixes.get("amrr", ""))
    yield from ("--halo-prefix", prefixes.get("haloscope", ""))
    for option, name in (("--amrr-parameters", "amrr"), ("--halo-parameters", "haloscope")):
        if name in prefixes and (file := values.instruments[name].parameters) is not None:
            yield from (option, str(file))
    yield from ("--catalog", str(values.catalog.folder))
    if values.queue.use:
        yield from ("--queue-port", str(values.queue.port))
    if values.page.read_only:
        yield "--read-only"
    if values.history.use:
        yield from ("--history", history_address(values))
        yield from ("--alarms", str(values.history_file))


def _queue(values: Configuration) -> Iterator[str]:
    queue = values.queue
    yield from ("-m", "cryohalo.queueing", "--folder", str(values.queue_wanted.parent))
    yield from ("--info-port", str(queue.info_port))
    where = ("--redis", queue.redis) if queue.redis else ("--redis-port", str(queue.redis_port))
    yield from where


def _queue_http(values: Configuration) -> Iterator[str]:
    yield from ("-m", "cryohalo.queueing.web", "--key-file", str(values.queue_key))
    yield from ("--manager-port", str(values.queue.port))
    yield from ("--info-port", str(values.queue.info_port))


def queue_address(values: Configuration) -> str:
    """Where the queue is over HTTP."""
    return f"http://{LOOPBACK}:{values.queue_http.port}"


def history_address(values: Configuration) -> str:
    """Where the JSON route is."""
    return f"http://{LOOPBACK}:{values.history.port}"


def clients_environment(found: Found) -> dict[str, str]:
    """What a client sets to find the instruments, and our own commands the same configuration."""
    values = found.values
    addresses = (one.address for one in values.instruments.values())
    environment = environment_for(
        addresses, values.epics.repeater_port, values.epics.max_array_bytes
    )
    if served := [one for one in values.instruments.values() if one.pva_port is not None]:
        environment["EPICS_PVA_ADDR_LIST"] = " ".join(f"{i.host}:{i.pva_port}" for i in served)
        environment["EPICS_PVA_AUTO_ADDR_LIST"] = "NO"
    if values.history.use:
        environment["PYDM_ARCHIVER_URL"] = history_address(values)
    if values.queue_http.use:
        environment["QSERVER_HTTP_SERVER_URI"] = queue_address(values)
    if values.catalog.tiled:
        environment[TILED_VARIABLE] = values.tiled_address
    if found.file is not None:
        environment[FILE_VARIABLE] = str(found.file)
    return environment
