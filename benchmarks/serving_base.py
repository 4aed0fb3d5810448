"""EPICS base's own client test programs against an IOC: acctst, catime and ca_test.

    python -m benchmarks.serving_base --server amrr --pv a:Cycle:FlowTime

acctst asks its operator to disconnect the test channel and waits; here the server is restarted for
it. Its output is shown up to where it ends or the time is up.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Callable

from cryohalo.processes.addresses import free_ports
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from tests.live.epics_base import command

ASKS_FOR_DISCONNECT = b"Please force test channel to disconnect"


def run(program: str, arguments: list[str], seconds: float, restart: Callable[[], None]) -> bytes:
    """Run a program; when it asks for a disconnect, restart the server."""
    line, environment = command(program, *arguments)
    process = subprocess.Popen(
        line, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    output, asked = b"", False
    while chunk := os.read(process.stdout.fileno(), 4096):
        output += chunk
        if ASKS_FOR_DISCONNECT in output and not asked:
            asked = True
            restart()
    timer.cancel()
    ended = process.wait()
    process.stdout.close()
    return output + f"\n[{program}: exit {ended}]".encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="amrr", choices=("amrr", "haloscope", "bench"))
    parser.add_argument("--pv", default="a:Cycle:FlowTime")
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--programs", nargs="+", default=["ca_test", "catime", "acctst"])
    arguments = parser.parse_args()
    ports = free_ports(1)
    script = ("benchmarks/servers/bench_ioc.py",) if arguments.server == "bench" else ()
    ioc = LaunchedIoc(arguments.server, script, ("--prefix", "a:"), {"PYTHONPATH": os.getcwd()})
    if arguments.server == "bench":
        ioc = LaunchedIoc(
            "bench", script, ("--prefix", "a:", "--rate", "1"), {"PYTHONPATH": os.getcwd()}
        )
    launcher = Launcher([ioc], ports)
    os.environ.update(launcher.environment)
    launcher.start()

    def restart() -> None:
        nonlocal launcher
        launcher.stop()
        launcher = Launcher([ioc], ports).start()

    given = {"ca_test": [arguments.pv], "catime": [arguments.pv, "1000"]}
    given["acctst"] = [arguments.pv, "1", "20", "1", "1"]
    for program in arguments.programs:
        output = run(program, given[program], arguments.seconds, restart)
        sys.stdout.write(output.decode(errors="replace") + "\n")
    launcher.stop()


if __name__ == "__main__":
    main()
