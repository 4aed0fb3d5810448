"""A control room of its own, on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cryohalo.processes.addresses import free_ports

COMMAND = [sys.executable, "-c", "from cryohalo.cli import main; main()"]


class Room:
    """Runs commands where a configuration is."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.file = folder / "cryohalo.toml"
        self.file.write_text(text)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command of cryohalo, in the room's folder."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("EPICS_", "CRYOHALO_"))}
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**kept, **variables},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    def status(self) -> dict[str, dict[str, Any]]:
        """Each service's row by its name."""
        return {row["name"]: row for row in json.loads(self.run("status", "--json").stdout)}

    def down(self) -> None:
        """End all; nothing may be left."""
        pids = [row["pid"] for row in self.status().values() if row["pid"]]
        self.run("down")
        assert not [pid for pid in pids if psutil.pid_exists(pid)]


def text(**used: bool) -> str:
    """A configuration on free ports with the haloscope's IOC and the services named."""
    ports = iter(free_ports(9))
    lines = ["[amrr]", "use = false", "[haloscope]", f"port = {next(ports)}", "prefix = 'R:'"]
    lines += ["speed = 0", "[epics]", f"repeater_port = {next(ports)}"]
    for name in ("history", "page"):
        use = used.get(name, False)
        lines += [f"[{name}]", f"use = {str(use).lower()}", f"port = {next(ports)}"]
    if used.get("queue"):
        lines += ["[queue]", "use = true"]
        lines += [f"{key} = {next(ports)}" for key in ("port", "info_port", "redis_port")]
    if used.get("queue_http"):
        lines += ["[queue_http]", "use = true", f"port = {next(ports)}"]
    if used.get("tiled"):
        lines += ["[catalog]", "tiled = true", f"tiled_port = {next(ports)}"]
    return "\n".join([*lines, ""])


def until(found: Callable[[], Any]) -> Any:
    """What ``found`` gives once that is true; it asks other processes, which takes its time."""
    deadline = time.monotonic() + 90.0
    while not (value := found()):
        assert time.monotonic() < deadline
    return value


def again(room: Room, name: str, pid: int) -> bool:
    """Whether a service is ready as another process than this one."""
    row = room.status()[name]
    return row["state"] == "ready" and row["pid"] != pid


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, text())
    yield made
    made.down()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Room]:
    """With history, committed five times a second, and page."""
    made = Room(tmp_path, text(history=True, page=True))
    made.file.write_text(made.file.read_text().replace("[history]", "[history]\ncommit_s = 0.2"))
    yield made
    made.down()
