"""A control room of its own, on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def room_text() -> str:
    ports = free_ports(3)
    return (
        f"[amrr]\nuse = false\n[haloscope]\nport = {ports[0]}\nprefix = 'R:'\nspeed = 0\n"
        f"[epics]\nrepeater_port = {ports[1]}\n"
    )


@pytest.fixture
def room(tmp_path: Path, room_text: str) -> Iterator[Room]:
    made = Room(tmp_path, room_text)
    yield made
    made.down()
