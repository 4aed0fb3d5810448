"""What surrounds an IOC: its standard streams, its environment, Ctrl-C while it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from iocs.serving.environment import environment_mistake
from tests.live.conftest import TOY


def _gone() -> IO[bytes]:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "wb")


def _full() -> IO[bytes]:
    return Path("/dev/full").open("wb", buffering=0)


@contextmanager
def _toy(pool: Any, prefix: str, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    port = pool.ports[0]
    line = LaunchedIoc("toy", (str(TOY),), ("--prefix", prefix)).command_line(port)
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, text=True, **streams) as process:
        try:
            wait_served([f"{prefix}Value"], port)
            yield process
        finally:
            process.terminate()


@pytest.mark.parametrize("stream", [_gone, _full])
def test_an_ioc_serves_though_nobody_takes_its_ready_line(
    pool: Any, prefix: str, stream: Callable[[], IO[bytes]]
) -> None:
    with stream() as taken, _toy(pool, prefix, stdout=taken, stderr=subprocess.PIPE) as process:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "nobody reads its standard output" in errors


def test_an_ioc_serves_though_nobody_takes_its_log(pool: Any, prefix: str) -> None:
    port = pool.ports[0]
    line = LaunchedIoc("haloscope", arguments=("--prefix", prefix)).command_line(port)
    with _full() as full, subprocess.Popen(line, stdout=subprocess.PIPE, stderr=full) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        process.terminate()
        process.communicate(timeout=30)
    assert ready.startswith(b"ready haloscope")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("EPICS_CAS_BEACON_PERIOD", "often", "not a number"),
        ("EPICS_CAS_BEACON_PERIOD", "0", "0.1 to 86400 s"),
        ("EPICS_CAS_BEACON_PERIOD", "-1", "0.1 to 86400 s"),
        ("EPICS_CAS_BEACON_PERIOD", "nan", "0.1 to 86400 s"),
        ("EPICS_CAS_BEACON_PERIOD", "inf", "0.1 to 86400 s"),
        ("EPICS_CA_MAX_ARRAY_BYTES", "1e7", "not a number"),
        ("EPICS_CA_REPEATER_PORT", "x\ny", "not a number"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    assert environment_mistake() == ""
    monkeypatch.setenv(name, value)
    told = environment_mistake()
    assert told.startswith(f"{name}=")
    assert why in told
    assert "\n" not in told


def test_a_variable_that_cannot_be_used_ends_the_start(pool: Any, prefix: str) -> None:
    line = LaunchedIoc("toy", (str(TOY),), ("--prefix", prefix)).command_line(pool.ports[0])
    environment = {**os.environ, "EPICS_CAS_BEACON_PERIOD": "0"}
    ended = subprocess.run(
        line, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == "toy: EPICS_CAS_BEACON_PERIOD=0: 0.1 to 86400 s\n"


INTERRUPTED = """
import os, signal, time
os.kill(os.getpid(), signal.SIGINT)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_ctrl_c_while_it_is_being_loaded_ends_it_in_silence(tmp_path: Path, name: str) -> None:
    (tmp_path / "numpy.py").write_text(INTERRUPTED)
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    ended = subprocess.run(
        [sys.executable, "-m", f"iocs.{name}"], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")
