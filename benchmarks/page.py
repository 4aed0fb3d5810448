"""What the pages cost: load time, processor, latency from PV to browser, memory over minutes.

    python benchmarks/page.py --seconds 180

Starts both IOCs at speed 100 with the refrigerator cycling, the page's process, and two windows of
Debian's Chromium. Prints one line a minute for memory. Needs playwright.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from cryohalo.processes.launcher import LaunchedIoc, Launcher

SPEED = "100"
MS_PER_S = 1e3
#: For each frame, how old the changed values are when the browser has them, ms.
LISTEN = """() => {
    window.ages = [];
    window.cryohalo.store.listen((changed) => {
        const now = Date.now();
        for (const name of changed) {
            const { time, severity } = window.cryohalo.store.get(name);
            if (severity < 3 && time) window.ages.push(now - 1000 * time);
        }
    });
}"""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0)
    seconds = parser.parse_args().seconds
    iocs = [
        LaunchedIoc("amrr", arguments=("--prefix", "B:", "--speed", SPEED)),
        LaunchedIoc("haloscope", arguments=("--prefix", "C:", "--speed", SPEED)),
    ]
    with Launcher(iocs) as launcher, tempfile.TemporaryDirectory() as folder:
        os.environ.update(launcher.environment)
        command = [
            *(sys.executable, "-c", "from cryohalo.cli import main; main()", "page"),
            *("--amrr-prefix", "B:", "--halo-prefix", "C:", "--port", "0"),
            *("--token-file", str(Path(folder) / "token")),
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as page:
            assert page.stdout is not None
            addresses = [page.stdout.readline().split()[3] for _ in iocs]
            _cycle()
            measure(psutil.Process(page.pid), addresses, seconds)
            page.terminate()


def _cycle() -> None:
    import ophyd  # noqa: F401  (it chooses the library of pyepics)
    from epics import caput

    caput("B:CHX:HeaterPower", 700.0, wait=True)
    caput("B:Cycle:Run", 1, wait=True)


def measure(process: psutil.Process, addresses: list[str], seconds: float) -> None:
    """Look at the pages for ``seconds`` and print what they cost."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        windows = [_opened(browser, address) for address in addresses]
        before, begun = process.cpu_times(), time.monotonic()
        waiting = threading.Event()
        while time.monotonic() - begun < seconds:
            waiting.wait(min(60.0, seconds))
            print(f"{time.monotonic() - begun:5.0f} s: {process.memory_info().rss / 1e6:.1f} MB")
        after, taken = process.cpu_times(), time.monotonic() - begun
        used = after.user + after.system - before.user - before.system
        print(f"page's process: {100 * used / taken:.1f} % of a core with two windows")
        for address, window in zip(addresses, windows, strict=True):
            ages = sorted(window.evaluate("() => window.ages"))
            print(f"{address}: PV to browser {_quantiles(ages)} ms of {len(ages)} values")
        browser.close()


def _opened(browser: Any, address: str) -> Any:
    window = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    begun = time.monotonic()
    window.goto(address)
    window.wait_for_selector("body.live")
    print(f"{address}: live after {MS_PER_S * (time.monotonic() - begun):.0f} ms")
    window.evaluate(LISTEN)
    return window


def _quantiles(values: list[float]) -> str:
    return " / ".join(f"{values[int(share * (len(values) - 1))]:.0f}" for share in (0.5, 0.95, 1.0))


if __name__ == "__main__":
    main()
