"""The page's process and Debian's Chromium over an IOC of the module's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT_MS = 30_000
SPEED = "10"


class Page:
    """A running ``cryohalo page`` and the IOC behind it."""

    def __init__(
        self, pool: Any, name: str, prefix: str, folder: Path, *, log: bool = False
    ) -> None:
        self.pool, self.name, self.prefix, self.folder = pool, name, prefix, folder
        self.history = folder / "history.sqlite" if log else None
        self.catalog = folder / "runs"
        self.killed = False
        self.token_file = folder / "page.token"
        self.ioc = self.start_ioc()
        self.process = self._serve()
        self.address = self._address()

    def start_ioc(self, port: int | None = None) -> RunningIoc:
        arguments = ("--prefix", self.prefix, "--speed", SPEED, "--seed", "1")
        running = self.pool.start(LaunchedIoc(self.name, arguments=arguments), port)
        wait_served([f"{self.prefix}IOC:HEARTBEAT"], running.port)
        return running

    def kill_ioc(self) -> int:
        """As a power cut would; gives its port."""
        self.ioc.process.kill()
        self.ioc.process.wait()
        self.pool.end(self.ioc)
        return self.ioc.port

    def _serve(self) -> subprocess.Popen[str]:
        other = {"amrr": "--halo-prefix", "haloscope": "--amrr-prefix"}[self.name]
        own = {"amrr": "--amrr-prefix", "haloscope": "--halo-prefix"}[self.name]
        command = [
            *(sys.executable, "-c", "from cryohalo.cli import main; main()", "page"),
            *(own, self.prefix, other, "", "--port", "0"),
            *("--token-file", str(self.token_file), "--catalog", str(self.catalog)),
            *(("--alarms", str(self.history)) if self.history else ()),
        ]
        with (self.folder / "page.log").open("a") as log:
            return subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(os.environ)
            )

    def _address(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(f"ready page {self.name} "):
                return line.split()[3]
        raise AssertionError((self.folder / "page.log").read_text())

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()

    def kill(self) -> None:
        """End the page's process as a fault would."""
        self.process.kill()
        self.killed = True

    def end(self) -> None:
        self.process.terminate()
        code = self.process.wait(20)
        assert self.killed or code == 0, (self.folder / "page.log").read_text()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.pool.end(self.ioc)


@pytest.fixture(scope="module")
def serve(pool: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    """Start an IOC and a page over it, by the IOC's name."""
    from tests.live.conftest import _new_prefix

    started: list[Page] = []

    def start(name: str, *, log: bool = False) -> Page:
        folder = tmp_path_factory.mktemp("page")
        started.append(Page(pool, name, _new_prefix(), folder, log=log))
        return started[-1]

    yield start
    for page in started:
        page.end()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this host: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """A browser's window; what its console complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(TIMEOUT_MS)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    opened.on("request", lambda request: _only_here(request.url, complaints))
    yield opened
    context.close()
    assert not complaints


def _only_here(address: str, complaints: list[str]) -> None:
    if not address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:")):
        complaints.append(f"asked elsewhere: {address}")
