"""Starting and stopping a server: readiness, signals, taken ports, nothing left behind."""

import os
import signal
import struct
import subprocess

import pytest

from cryohalo.processes.addresses import search
from cryohalo.processes.launcher import IocFailedError, LaunchedIoc, Launcher
from iocs.supervision import storage
from tests.live import raw_client as ca
from tests.live.conftest import TOY
from tests.live.raw_client import RawClient


def test_readiness_line_names_the_port_that_answers(start_toy, prefix):
    ioc = start_toy()
    assert ioc.ready.startswith(f"ready toy 127.0.0.1:{ioc.port} pvs=")
    assert search(f"{prefix}Value", ioc.port) == ioc.port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_runs_the_shutdown_and_exits_zero(start_toy, tmp_path, number):
    saved = tmp_path / "state"
    ioc = start_toy("--saved", str(saved))
    os.kill(ioc.process.pid, number)
    assert ioc.process.wait(20) == 0
    assert saved.read_text() == "1.0"


@pytest.mark.parametrize(("how", "code"), [(1, 1), (2, 75)])
def test_a_failure_and_a_restart_run_the_shutdown_and_say_so_by_the_exit_code(
    start_toy, prefix, tmp_path, how, code
):
    saved = tmp_path / "state"
    ioc = start_toy("--saved", str(saved))
    with RawClient(ioc.port) as client:
        client.send(ca.WRITE, ca.DOUBLE, 1, client.open(f"{prefix}End"), 1, struct.pack(">d", how))
        assert client.closed()
    assert ioc.process.wait(20) == code
    assert saved.read_text() == "1.0"


BROKEN_LOOP = """
import sys
from iocs.haloscope import run
from iocs.supervision.simulation import Simulation

async def broken(self):
    raise MemoryError("the loop itself")

Simulation.run = broken
sys.exit(run())
"""


def test_an_ioc_whose_loop_fails_saves_its_state_and_ends_with_1(pool, prefix, tmp_path):
    arguments = ("--prefix", prefix, "--state-dir", str(tmp_path))
    running = pool.start(LaunchedIoc("haloscope", ("-c", BROKEN_LOOP), arguments))
    assert running.process.wait(30) == 1
    assert pool.end(running) == 1
    assert "the simulation loop failed" in running.log.read_text()
    assert storage.load(tmp_path / "snapshot.json") is not None


def test_an_ioc_ends_when_the_launcher_is_gone(start_toy, tmp_path):
    saved = tmp_path / "state"
    ioc = start_toy("--saved", str(saved))
    ioc.process.stdin.close()
    assert ioc.process.wait(20) == 0
    assert saved.exists()


def test_a_second_start_on_the_port_says_who_has_it(start_toy, prefix):
    first = start_toy()
    line = LaunchedIoc("toy", (str(TOY),), ("--prefix", prefix)).command_line(first.port)
    second = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 69
    assert f"port {first.port}" in second.stderr
    assert f"process {first.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_no_traceback_when_no_repeater_listens(start_toy):
    ioc = start_toy("--beacons", "127.0.0.1:9")
    assert search("nobody:has:this", ioc.port) is None  # several beacons have gone out by now
    ioc.end()
    assert "Traceback" not in ioc.log.read_text()
    assert "beacon" not in ioc.log.read_text()


def test_the_launcher_starts_lists_and_ends(prefix):
    iocs = [LaunchedIoc("toy", (str(TOY),), ("--prefix", f"{prefix}{n}:")) for n in "a"]
    with Launcher(iocs) as launcher:
        running = launcher.running["toy"]
        assert launcher.address_list == f"127.0.0.1:{running.port}"
        assert f"EPICS_CA_ADDR_LIST='127.0.0.1:{running.port}'" in launcher.describe()
        assert search(f"{prefix}a:Value", running.port) == running.port
    assert running.process.returncode == 0


def test_a_failed_start_shows_the_log(tmp_path):
    broken = LaunchedIoc("broken", ("-c", "raise SystemExit('no helium today')"))
    with pytest.raises(IocFailedError, match="no helium today"):
        Launcher([broken], log_folder=tmp_path).start()


def test_the_first_line_on_standard_output_says_that_it_is_ready(pool, prefix):
    port = pool.ports[0]
    line = LaunchedIoc("haloscope", arguments=("--prefix", prefix)).command_line(port)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ioc:
        assert ioc.stdout is not None
        first = ioc.stdout.readline()
        ioc.terminate()
        rest, errors = ioc.communicate(timeout=30)
    assert first.startswith(f"ready haloscope 127.0.0.1:{port} pvs=")
    assert not rest
    assert "EPICS_CA_MAX_ARRAY_BYTES=1000000" in errors
    assert ioc.returncode == 0
