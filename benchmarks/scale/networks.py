"""Hosts on one machine: network namespaces on a bridge, from which nothing leaves. Linux and root.

Everything stands inside a namespace of its own (``unshare --net``), which has no interface of the
machine. Each host is a namespace held by a process that ends when its input closes, so that nothing
is left behind however the program ends.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys

__all__ = ["Network", "inside", "missing"]

BRIDGE, SUBNET = "br0", "10.77.0"
PATIENCE_S = 10.0
#: Holds a host until its input closes. It also has the repeater's port: libca would start a
#: repeater that outlives everything.
HOLDER = """
import socket, sys
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind(("", 5065))
print("apart", flush=True)
sys.stdin.read()
"""


def missing() -> str:
    """Why there can be no namespaces here, "" if there can."""
    tools = [tool for tool in ("ip", "unshare", "nsenter") if shutil.which(tool) is None]
    if tools:
        return f"{', '.join(tools)} not found: Debian's iproute2 and util-linux have them"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "network namespaces want root"


def inside(command: list[str]) -> list[str]:
    """The command line of a command within a namespace of its own."""
    return ["unshare", "--net", "--", *command]


class Network:
    """A bridge in this process's namespace, and hosts on it.

    Use it as a context manager, in a process that ``inside`` has put apart.
    """

    def __init__(self) -> None:
        self._hosts: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Network:
        _ip("link", "set", "lo", "up")
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts:
            with contextlib.suppress(OSError):
                host.communicate(timeout=PATIENCE_S)

    def add(self) -> int:
        """Another host; its number. Its address is ``address(number)``."""
        line = inside([sys.executable, "-c", HOLDER])
        host = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._hosts.append(host)
        number = len(self._hosts)
        assert host.stdout is not None
        if host.stdout.readline() != b"apart\n":
            raise OSError("a host did not come")
        _ip("link", "add", self.port(number), "type", "veth", "peer", "name", "eth0",
            "netns", str(host.pid))  # fmt: skip
        _ip("link", "set", self.port(number), "master", BRIDGE, "up")
        for line in (
            ("addr", "add", f"{address(number)}/24", "brd", f"{SUBNET}.255", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            subprocess.run([*self.on(number), "ip", *line], check=True)
        return number

    def on(self, number: int) -> list[str]:
        """What goes before a command that is to run on a host."""
        return ["nsenter", "--net", "--target", str(self._hosts[number - 1].pid), "--"]

    def port(self, number: int) -> str:
        """The bridge's port of a host."""
        return f"veth{number}"

    def carried(self, number: int) -> tuple[int, int]:
        """Bytes that a host has sent, and that it was sent."""
        line = ["ip", "-json", "-statistics", "link", "show", self.port(number)]
        found = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
        counts = found[0]["stats64"]
        return int(counts["rx"]["bytes"]), int(counts["tx"]["bytes"])


def address(number: int) -> str:
    """Of a host."""
    return f"{SUBNET}.{number}"


def broadcast() -> str:
    """Of the bridge's network."""
    return f"{SUBNET}.255"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
