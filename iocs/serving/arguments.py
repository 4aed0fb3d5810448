"""Values of command lines that are checked before anything is started.

Each function takes the text of one option and gives its value, or raises
``argparse.ArgumentTypeError`` with the value and its limits in words: argparse puts the option's
name before it, and :class:`OneLineParser` ends the process with that one line and code 2.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from instruments.foreign_files import open_regular, reason
from instruments.printable import escaped

__all__ = [
    "OneLineParser",
    "beacon_address",
    "between",
    "check_interfaces",
    "interface",
    "port_number",
    "readable_file",
    "whole",
    "writable_folder",
]

EXIT_USAGE: Final = 2
MAX_PORT: Final = 65_535
ANY: Final = "0.0.0.0"
_LONGEST: Final = 80
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")


class OneLineParser(argparse.ArgumentParser):
    """Tells a mistake in one line; argparse puts all options before it."""

    def error(self, message: str) -> NoReturn:
        """End the process with code 2."""
        self.exit(EXIT_USAGE, f"{self.prog}: error: {escaped(message)}; --help tells more\n")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number between ``low`` and ``high``, both included."""

    def read(text: str) -> int:
        # int() takes more than digits (underscores, digits of other scripts).
        if not _WHOLE.fullmatch(text):
            raise _refused(text, f"a whole number from {low} to {high}")
        if not low <= int(text) <= high:
            raise _refused(text, f"{low} to {high}")
        return int(text)

    return read


def between(low: float, high: float, unit: str = "") -> Callable[[str], float]:
    """A number above ``low`` and not above ``high``."""

    def read(text: str) -> float:
        limits = f"a number above {low:g}, up to {high:g} {unit}".rstrip()
        try:
            value = float(text)
        except ValueError:
            raise _refused(text, limits) from None
        if not low < value <= high:
            raise _refused(text, limits)
        return value

    return read


port_number = whole(1, MAX_PORT)
"""A port that a server can be found on: 0, any free one, is none."""


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
            raise _refused(text, f"no address of this host ({reason(error)})") from None
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


def readable_file(text: str) -> Path:
    """A regular file that can be opened; a FIFO or a device would be waited for."""
    path = Path(text)
    try:
        open_regular(path).close()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise _refused(text, str(why)) from None
    return path


def writable_folder(text: str) -> Path:
    """A folder that can be written to, or could be made."""
    path = Path(text)
    try:
        if not text:
            raise OSError(0, "no name of a folder")
        existing = next(part for part in (path, *path.absolute().parents) if _exists(part))
        if not existing.is_dir():
            raise NotADirectoryError(0, f"{existing} is no folder")
        if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(0, f"{existing} may not be written to")
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise _refused(text, why) from None
    return path


def _exists(path: Path) -> bool:
    """Like ``Path.exists``, which takes what it may not look at for nothing."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _resolved(text: str) -> str:
    try:
        if not text or text != text.strip():
            raise OSError(0, "no name of a host")
        found: list[Any] = socket.getaddrinfo(text, None, socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "no name of a host"
        raise _refused(text, why) from None
    return str(found[0][4][0])


def _refused(text: str, why: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(
        f"{escaped(text, _LONGEST) if text.strip() else repr(text)}: {why}"
    )
