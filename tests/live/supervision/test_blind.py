"""A blind IOC as a process, with clients over Channel Access: what the host can see of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from devices.waiting.status import NotReachedError
from haloscope.apparatus.injection import open_envelope
from tests.iocs.blind.keys import KEY, LINE, assert_silent, write


def test_the_host_sees_nothing_and_the_key_opens_it(pool: Any, prefix: str, tmp_path: Path) -> None:
    from devices.haloscope import Haloscope

    given = ("--prefix", prefix, "--speed", "0", "--log-level", "DEBUG")
    arguments = (*given, "--blind", str(write(tmp_path)), "--state-dir", str(tmp_path / "state"))
    running = pool.start(LaunchedIoc("haloscope", arguments=arguments))
    device = Haloscope(prefix, name="haloscope")
    try:
        wait_served([f"{prefix}Sim:UnsealKey"], running.port)
        process = Path("/proc") / str(running.process.pid)
        for name in ("cmdline", "environ"):
            if os.access(process / name, os.R_OK):
                assert_silent((process / name).read_bytes().decode(errors="replace"))
        device.connect(20.0)
        assert device.seal.envelope_hash.get() == KEY.hash
        assert device.sim.seed.get() == -1
        wrong = device.seal.unseal_key.set(KEY.unseal_key[:-2] + "00")
        with pytest.raises(NotReachedError, match="wrong key, the envelope stays sealed"):
            wrong.wait(20.0)
        assert device.seal.wrong_keys.get() == 1
        assert device.seal.unsealed.get() == "No"
        assert device.seal.unseal_key.get() == ""
        device.seal.unseal_key.set(KEY.unseal_key).wait(20.0)
        assert device.seal.unsealed.get() == "Yes"
        assert "@" in device.seal.unsealed_by.get()
        assert open_envelope(device.seal.envelope.get(), KEY.hash) == LINE
        assert device.seal.unseal_key.get() == ""
    finally:
        device.destroy()
        pool.end(running)
    log = running.log.read_text(errors="replace")
    assert "wrong key 1" in log
    assert "the envelope was opened at" in log
    assert KEY.unseal_key not in log
    assert KEY.unseal_key[:-2] + "00" not in log
    for path in (tmp_path / "state").iterdir():
        assert KEY.unseal_key.encode() not in path.read_bytes(), path.name
