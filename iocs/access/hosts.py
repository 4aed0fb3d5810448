"""Which host an address or a name stands for, and whether it is this one."""

from __future__ import annotations

import ipaddress
import socket
from functools import cache
from typing import Final

import psutil

#: This host, in access rules and in ``canonical``.
LOCALHOST: Final = "localhost"


def canonical(host: str) -> str:
    """``LOCALHOST`` for this host, by whichever of its names and addresses; else in plain form."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        name = host.lower()
        return LOCALHOST if name in (LOCALHOST, socket.gethostname().lower()) else name
    plain = getattr(address, "ipv4_mapped", None) or address
    return LOCALHOST if plain.is_loopback or str(plain) in _own_addresses() else str(plain)


def is_here(host: str) -> bool:
    """Whether only this host itself reaches this address: a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == LOCALHOST


@cache
def _own_addresses() -> frozenset[str]:
    cards = psutil.net_if_addrs().values()
    return frozenset(one.address.partition("%")[0] for card in cards for one in card)
