"""A blind IOC as a process, with clients over Channel Access: what the host can see of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cryohalo.catalog import Catalog
from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc
from devices.waiting.status import NotReachedError
from haloscope.apparatus.injection import open_envelope
from tests.iocs.blind.keys import KEY, LINE, assert_silent, elsewhere, write


def unseal(key: Path, catalog: Path, prefix: str) -> subprocess.CompletedProcess[str]:
    """``cryohalo blind unseal`` in a process of its own."""
    program = "from cryohalo.cli import main; main()"
    where = ("--catalog", str(catalog), "--halo-prefix", prefix)
    line = [sys.executable, "-W", "ignore", "-c", program, "blind", "unseal", str(key), *where]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


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
        other = tmp_path / "other.key"
        elsewhere().write(other)
        refused = unseal(other, tmp_path / "runs", prefix)
        assert refused.returncode == 1
        assert f"the envelope {elsewhere().hash}, the IOC's is {KEY.hash}" in refused.stderr
        assert device.seal.unsealed.get() == "No"
        done = unseal(tmp_path / "blind.key", tmp_path / "runs", prefix)
        assert done.returncode == 0, done.stderr
        assert KEY.contents in done.stdout
        (run,) = Catalog(tmp_path / "runs")
        assert open_envelope(run.start["envelope"], run.start["envelope_hash"]) == LINE
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
