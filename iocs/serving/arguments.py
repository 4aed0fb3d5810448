"""Where to listen, checked before anything is started; mistakes reported in one line.

As those of ``instruments.options``, the functions raise ``argparse.ArgumentTypeError``;
``OneLineParser`` ends the process with that one line and code 2.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from instruments.foreign_files import reason
from instruments.options import refused, whole
from instruments.printable import escaped

__all__ = ["OneLineParser", "beacon_address", "check_interfaces", "interface", "port_number"]

EXIT_USAGE: Final = 2
MAX_PORT: Final = 65_535
ANY: Final = "0.0.0.0"


class OneLineParser(argparse.ArgumentParser):
    """Tells a mistake in one line; argparse puts all options before it."""

    def error(self, message: str) -> NoReturn:
        """End the process with code 2."""
        self.exit(EXIT_USAGE, f"{self.prog}: error: {escaped(message)}; --help tells more\n")


#: A port that a server can be found on: 0, any free one, is none.
port_number = whole(1, MAX_PORT)


def interface(text: str) -> str:
    """An IPv4 address of this host, ``0.0.0.0`` for all of them; a host's name gives its address.

    Raises:
        argparse.ArgumentTypeError: No host has this name, or the address is not one of this host.
    """
    address = _resolved(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise refused(text, f"no address of this host ({reason(error)})") from None
    return address


def check_interfaces(addresses: Sequence[str]) -> str:
    """Why these cannot be listened on together, "" if they can."""
    for address in addresses:
        if addresses.count(address) > 1:
            return f"{address} is given twice"
    if ANY in addresses and len(addresses) > 1:
        return f"{ANY} is all addresses, the others are among them"
    return ""


def beacon_address(text: str) -> str:
    """Where beacons go, ``HOST`` or ``HOST:PORT``."""
    host, colon, number = text.partition(":")
    _resolved(host)
    if colon:
        port_number(number)
    return text


def _resolved(text: str) -> str:
    try:
        if not text or text != text.strip():
            raise OSError(0, "no name of a host")
        found: list[Any] = socket.getaddrinfo(text, None, socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "no name of a host"
        raise refused(text, why) from None
    return str(found[0][4][0])
