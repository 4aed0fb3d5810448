"""The queue as one process: ``python -m cryohalo.queueing``; ``cryohalo up`` starts it.

It starts a Redis (unless one is named) and bluesky-queueserver's manager, both on loopback, says
``ready queue HOST:PORT`` when the manager answers, keeps a queue going that was started, and ends
both when it is asked to end, or one of them has ended. What a life before left behind that was
killed is ended first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import psutil

from cryohalo.processes.addresses import LOOPBACK
from cryohalo.processes.ending import ended
from cryohalo.queueing.client import Manager, QueueError
from cryohalo.queueing.family import Family
from cryohalo.queueing.keeper import Keeper, Wanted
from cryohalo.queueing.redis import NoRedisError, command
from instruments.options import whole
from iocs.serving.listening.ports import PortTakenError, require_free

__all__ = ["keep", "main", "manager_command"]

_LOOK_EVERY_S: Final = 1.0
_READY_TIMEOUT_S: Final = 60.0
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


async def keep(family: Family, folder: Path, port: int) -> int:
    """Serve until asked to end; returns the exit code."""
    asked = ended()
    manager = Manager(port)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _READY_TIMEOUT_S
    while not await _answers(manager):
        if loop.time() > deadline_s or family.has_lost_one() or asked.is_set():
            return 0 if asked.is_set() else 1
    print(f"ready queue {LOOPBACK}:{port}", flush=True)
    server = psutil.Process(family.processes[-1].pid)
    keeper = Keeper(manager, Wanted(folder / "wanted.json"), lambda: _worker_died(server))
    while not asked.is_set():
        if family.has_lost_one():
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


def _worker_died(server: psutil.Process) -> bool:
    """Whether a child of the manager's has ended that it has not noticed."""
    try:
        return any(child.status() == psutil.STATUS_ZOMBIE for child in server.children())
    except psutil.Error:
        return False


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
    family = Family(options.folder / "processes.json")
    try:
        for number in {options.port, options.info_port, options.redis_port} - {None}:
            require_free((LOOPBACK,), number)
        lines = [] if options.redis else [command(options.folder, options.redis_port)]
        lines.append(manager_command(options.folder, redis, options.port, options.info_port))
        for line in lines:
            family.start(line)
        return asyncio.run(keep(family, options.folder, options.port))
    except PortTakenError as error:
        print(error, file=sys.stderr)
        return _EXIT_PORT_TAKEN
    except (NoRedisError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return _EXIT_USAGE
    finally:
        family.end()


if __name__ == "__main__":
    sys.exit(main())
