"""kill -9 at any moment, SIGTERM under puts, a disk without room: what was acknowledged is there.

The long version of the first is ``python -m benchmarks.state_kills``.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from iocs.supervision import storage
from tests.live.raw_client import DOUBLE, ERROR, WRITE_NOTIFY, RawClient
from tests.live.supervision.killing import (
    AMRR_RAMPS,
    HALOSCOPE,
    HALOSCOPE_DIGITIZING,
    Killing,
    Machine,
    setting,
)

VALUE = struct.Struct(">d")


@pytest.mark.parametrize(
    "machine",
    [HALOSCOPE, HALOSCOPE_DIGITIZING, AMRR_RAMPS],
    ids=["haloscope", "haloscope-digitizing", "amrr"],
)
def test_no_acknowledged_put_is_lost_with_a_kill(pool: Any, tmp_path: Path, machine: Machine):
    killing = Killing(machine, pool.start, tmp_path, seed=3, speeds=(0, 20), longest_s=1.5)
    for _ in range(2):
        killing.round(pool.end)
    last = pool.start(killing.ioc())
    killing.check(last.port)
    pool.end(last)
    assert not killing.tally.lost
    assert killing.tally.acknowledged > 10
    assert not killing.tally.forbidden
    assert "Traceback" not in last.log.read_text()
    assert "not used" not in last.log.read_text()


def test_a_first_put_that_was_not_answered_is_not_counted_as_lost(
    pool: Any, tmp_path: Path
) -> None:
    """It may have been taken or not: both what was put and what stood before are right then."""
    target = setting("CHX:Temp_RBV.HIHI", 2.5, 4.0)
    killing = Killing(Machine("amrr", [[target]]), pool.start, tmp_path, seed=4)
    running = pool.start(killing.ioc())
    killing.check(running.port)
    with killing.client(running.port) as client:
        sid = client.open(killing.prefix + target.name)
        os.kill(running.process.pid, signal.SIGSTOP)  # it answers nobody any more

        def put() -> None:
            with pytest.raises(OSError):
                killing.put_once(client, sid, target, random.Random(1))

        putting = threading.Thread(target=put)
        putting.start()
        os.kill(running.process.pid, signal.SIGKILL)
        putting.join()
    pool.end(running)
    again = pool.start(killing.ioc())
    killing.check(again.port)
    pool.end(again)
    assert killing.tally.acknowledged == 0
    assert killing.tally.under_way == 1
    assert not killing.tally.lost


def start(pool: Any, prefix: str, folder: Path) -> RunningIoc:
    arguments = ("--prefix", prefix, "--state-dir", str(folder), "--speed", "1")
    return pool.start(LaunchedIoc("haloscope", arguments=arguments))


def test_what_is_acknowledged_while_it_ends_is_saved_and_who_waits_is_answered(
    pool: Any, prefix: str, tmp_path: Path
):
    running = start(pool, prefix, tmp_path)
    acknowledged, answers = [], []

    def put_until_refused() -> None:
        with RawClient(running.port) as client:
            sid = client.open(f"{prefix}Magnet:RampRate")
            for number in range(1, 10**6):
                rate = round(0.02 + 1e-6 * number, 6)
                reply = client.put(sid, DOUBLE, VALUE.pack(rate))
                if reply.command != WRITE_NOTIFY:
                    answers.append(reply)
                    return
                acknowledged.append(rate)
                if number == 20:
                    os.kill(running.process.pid, signal.SIGTERM)

    with RawClient(running.port) as waiting:
        sid = waiting.open(f"{prefix}Magnet:Field")
        waiting.send(WRITE_NOTIFY, DOUBLE, 1, sid, 5, VALUE.pack(11.0))
        putting = threading.Thread(target=put_until_refused)
        putting.start()
        answers.append(waiting.until(ERROR))
        putting.join()
    assert running.process.wait(30) == 0
    assert len(answers) == 2
    assert all(b"the IOC is ending" in answer.payload for answer in answers)
    assert storage.load(tmp_path / "setpoints.json")["Magnet:RampRate"] == acknowledged[-1]


def test_without_room_on_the_disk_it_goes_on_says_so_and_keeps_again(
    pool: Any, prefix: str, tmp_path: Path
):
    running = start(pool, prefix, tmp_path)
    pid, everything = running.process.pid, (resource.RLIM_INFINITY,) * 2
    # Two clients: one that waits for the answer to its put would miss what is posted before it.
    with RawClient(running.port) as client, RawClient(running.port) as putting:
        averages = putting.open(f"{prefix}VNA:Averages", 1)
        client.monitor(client.open(f"{prefix}IOC:SavingError_RBV", 2), 2, STRING_WITH_TIME)
        said = client.until(EVENT_ADD)
        assert alarmed(said) == 0
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        assert putting.put(averages, DOUBLE, VALUE.pack(5.0)).command == WRITE_NOTIFY
        while not alarmed(client.until(EVENT_ADD)):
            pass
        resource.prlimit(pid, resource.RLIMIT_FSIZE, everything)
        while alarmed(client.until(EVENT_ADD)):
            pass
        os.kill(pid, signal.SIGKILL)
        assert client.closed()
    assert "Traceback" not in running.log.read_text()
    pool.end(running)
    again = start(pool, prefix, tmp_path)
    with RawClient(again.port) as client:
        reply = client.get(client.open(f"{prefix}VNA:Averages"))
        assert VALUE.unpack(reply.payload)[0] == 5.0
    pool.end(again)


EVENT_ADD = 1
STRING_WITH_TIME = 14


def alarmed(event: Any) -> int:
    """Severity of a value with its time stamp."""
    return int(struct.unpack(">hh", event.payload[:4])[1])
