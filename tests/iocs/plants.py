"""Both IOCs as objects, without a socket: built once, their machines never stepped here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from iocs.access.rules import AccessRules
from iocs.command_line import parse, parser
from iocs.ioc import Ioc

NAMES = ("amrr", "haloscope")


def make(name: str, *arguments: str) -> Ioc:
    """IOC ``name`` as ``python -m iocs.NAME ARGUMENTS`` would build it."""
    module = import_module(f"iocs.{name}")
    found = parser(name, module.PREFIX)
    getattr(module, "extend", lambda _: None)(found)
    options = parse(found, arguments)
    return Ioc(
        module.build(options), options.prefix, speed=options.speed, state_dir=options.state_dir,
        access=AccessRules.read(),
    )  # fmt: skip


@cache
def shared(name: str) -> Ioc:
    """One IOC of each kind for tests that leave its machine as it is."""
    return make(name)
