"""kill -9 during an acquisition, start again: clients reconnect, nothing is lost but seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from iocs.supervision import storage

CLIENT = Path(__file__).parents[1] / "clients" / "programs" / "restart.py"


def test_a_killed_ioc_resumes_where_its_last_snapshot_was(
    pool: Any, prefix: str, tmp_path: Path
) -> None:
    arguments = ("--prefix", prefix, "--speed", "100", "--state-dir", str(tmp_path))
    ioc = LaunchedIoc("haloscope", arguments=arguments)
    first = pool.start(ioc)
    port = first.port
    wait_served([f"{prefix}DAQ:Acquire"], port)
    line = [sys.executable, "-W", "ignore", str(CLIENT), prefix]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True) as client:
        assert client.stdin is not None
        assert client.stdout is not None

        def tell(act: str) -> dict[str, Any]:
            assert client.stdin is not None
            assert client.stdout is not None
            if act:
                client.stdin.write(act + "\n")
                client.stdin.flush()
            return json.loads(client.stdout.readline())

        assert tell("")["progress"] > 5.0
        wait_for_snapshot(tmp_path / "snapshot.json")
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        assert tell("killed")["lost"]
        pool.end(first)
        pool.ports.remove(port)
        second = pool.start(ioc, port)
        seen = tell("started")
    pool.end(second)
    assert (seen["averages"], seen["centre"]) == (12000, 1099.5)
    assert seen["acquiring"] == 1
    assert seen["progress"] > 0.0
    assert seen["finished"]
    assert seen["counter"] == 1


def wait_for_snapshot(path: Path) -> None:
    """Return when a snapshot with the acquisition under way is on the disk."""
    written = -1
    while True:
        try:
            now = path.stat().st_mtime_ns
        except FileNotFoundError:  # also for the moment between the store's two renames
            now = -1
        if now == written:
            os.sched_yield()
            continue
        written = now
        content = storage.load(path)
        if content is not None and content["machine"]["digitizer"]["times"][2]:
            return
