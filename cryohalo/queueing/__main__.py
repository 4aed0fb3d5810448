"""The queue as one process: ``python -m cryohalo.queueing``; ``cryohalo up`` starts it.

It starts a Redis (unless one is named) and bluesky-queueserver's manager, both on loopback, says
``ready queue HOST:PORT`` when the manager answers, keeps a queue going that was started, and ends
both when it is asked to end, or one of them has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import psutil

from cryohalo.processes.addresses import LOOPBACK
from cryohalo.processes.ending import ended
from cryohalo.queueing.client import Manager, QueueError
from cryohalo.queueing.keeper import Keeper, Wanted
from cryohalo.queueing.redis import NoRedisError, command
from instruments.options import whole
from iocs.serving.listening.ports import PortTakenError, require_free

__all__ = ["keep", "main", "manager_command"]

_LOOK_EVERY_S: Final = 1.0
_READY_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 10.0
_EXIT_USAGE, _EXIT_PORT_TAKEN = 2, 69


def manager_command(folder: Path, redis: str, port: int, info_port: int) -> list[str]:
    """The command line of bluesky-queueserver's manager."""
    options = {
        "--startup-module": "cryohalo.queue_startup",
        "--existing-plans-devices": str(folder / "existing_plans_and_devices.yaml"),
        "--user-group-permissions": str(files("cryohalo") / "queue_permissions.yaml"),
        "--redis-addr": redis,
        "--zmq-control-addr": f"tcp://{LOOPBACK}:{port}",
        "--zmq-info-addr": f"tcp://{LOOPBACK}:{info_port}",
    }
    program = str(Path(sys.executable).with_name("start-re-manager"))
    return [program, *(word for pair in options.items() for word in pair)]


async def keep(processes: Sequence[subprocess.Popen[bytes]], folder: Path, port: int) -> int:
    """Serve until asked to end; returns the exit code."""
    asked = ended()
    manager = Manager(port)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _READY_TIMEOUT_S
    while not await _answers(manager):
        if loop.time() > deadline_s or _any_ended(processes) or asked.is_set():
            return 0 if asked.is_set() else 1
    print(f"ready queue {LOOPBACK}:{port}", flush=True)
    server = psutil.Process(processes[-1].pid)
    keeper = Keeper(manager, Wanted(folder / "wanted.json"), lambda: _worker_died(server))
    while not asked.is_set():
        if _any_ended(processes):
            return 1
        await asyncio.to_thread(keeper.look)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _LOOK_EVERY_S)
    return 0


async def _answers(manager: Manager) -> bool:
    try:
        await asyncio.to_thread(manager.ask, "status", None, _LOOK_EVERY_S)
    except QueueError:
        return False
    return True


def _any_ended(processes: Sequence[subprocess.Popen[bytes]]) -> bool:
    return any(process.poll() is not None for process in processes)


def _worker_died(server: psutil.Process) -> bool:
    """Whether a child of the manager's has ended that it has not noticed."""
    try:
        return any(child.status() == psutil.STATUS_ZOMBIE for child in server.children())
    except psutil.Error:
        return False


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End all, the manager before the Redis that it writes to."""
    for process in reversed(processes):
        for one in (*_children(process), process):
            with contextlib.suppress(psutil.Error, OSError):
                one.terminate()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cryohalo.queueing", description=__doc__)
    port = whole(1, 65_535)
    parser.add_argument("--folder", type=Path, required=True, help="of the queue's files")
    parser.add_argument("--port", type=port, required=True, help="of the manager's control socket")
    parser.add_argument("--info-port", type=port, required=True, help="of its console")
    parser.add_argument("--redis-port", type=port, help="start a Redis here")
    parser.add_argument("--redis", metavar="HOST:PORT", help="use this one")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    options.folder.mkdir(parents=True, exist_ok=True)
    redis = options.redis or f"{LOOPBACK}:{options.redis_port}"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number in {options.port, options.info_port, options.redis_port} - {None}:
            require_free((LOOPBACK,), number)
        lines = [] if options.redis else [command(options.folder, options.redis_port)]
        lines.append(manager_command(options.folder, redis, options.port, options.info_port))
        for line in lines:
            # Nothing but our ready line goes to standard output.
            processes.append(subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=sys.stderr))
        return asyncio.run(keep(processes, options.folder, options.port))
    except PortTakenError as error:
        print(error, file=sys.stderr)
        return _EXIT_PORT_TAKEN
    except (NoRedisError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return _EXIT_USAGE
    finally:
        _end(processes)


if __name__ == "__main__":
    sys.exit(main())
