"""Which services a configuration asks for, each with its command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryohalo.configuration import Configuration, Found, Instrument
from cryohalo.configuration.reading import FILE_VARIABLE
from cryohalo.processes.addresses import environment_for
from cryohalo.processes.launcher import LaunchedIoc

__all__ = ["Service", "clients_environment", "services"]


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
            arguments = tuple(_arguments(name, one, values.state_dir))
            yield LaunchedIoc(name, arguments=arguments), one.port


def _arguments(name: str, one: Instrument, state_dir: Path) -> Iterator[str]:
    blind: Path | None = getattr(one, "blind", None)
    origin = ("--seed", str(one.seed)) if blind is None else ("--blind", str(blind))
    yield from ("--prefix", one.prefix, "--speed", str(one.speed), *origin)
    yield from ("--state-dir", str(state_dir / name))
    optional: dict[str, Any] = {
        "--parameters": one.parameters,
        "--access": one.access,
        "--pva": one.pva_port,
        "--inject": getattr(one, "inject", None),
    }
    for option, value in optional.items():
        if value is not None:
            yield from (option, str(value))


def clients_environment(found: Found) -> dict[str, str]:
    """What a client sets to find the instruments, and our own commands the same configuration."""
    values = found.values
    addresses = (one.address for one in values.instruments.values())
    environment = environment_for(
        addresses, values.epics.repeater_port, values.epics.max_array_bytes
    )
    if found.file is not None:
        environment[FILE_VARIABLE] = str(found.file)
    return environment
