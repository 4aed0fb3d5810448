"""Alarms in a browser: what cleared stays until somebody with the token has acknowledged it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cryohalo.history.alarms import alarms
from cryohalo.history.store import read_only
from cryohalo.processes.addresses import free_ports
from tests.live.page.conftest import Page
from tests.live.page.test_setting import unlock
from tests.live.page.test_showing import get, opened, put, shows

NAME = "Fridge:MXC_RBV"
ROW = f'[data-alarm="{NAME}"]'


@pytest.fixture(scope="module", autouse=True)
def _library() -> None:
    import ophyd  # noqa: F401


@pytest.fixture(scope="module")
def page(serve: Callable[..., Page]) -> Page:
    return serve("haloscope", log=True)


@contextmanager
def recorder(page: Page) -> Iterator[None]:
    """The history's process, killed in the end."""
    (port,) = free_ports(1)
    given = ("--file", str(page.history), "--port", str(port), "--commit", "0.2")
    command = [sys.executable, "-m", "cryohalo.history", *given, "--haloscope", page.prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready history ")
        yield
        process.kill()


def raise_and_clear(window: Any, page: Page) -> None:
    """The mixing chamber above its limit, and below it again."""
    limit = get(f"{page.prefix}{NAME}.HIGH")
    put(f"{page.prefix}{NAME}.HIGH", 0.001)
    shows(window, f"{ROW} small", "minor since")
    shows(window, f"{ROW} small", "not acknowledged")
    put(f"{page.prefix}{NAME}.HIGH", limit)
    shows(window, f"{ROW}.cleared small", "cleared")


def test_what_cleared_stays_until_it_is_acknowledged_by_name(window: Any, page: Page) -> None:
    with recorder(page):
        opened(window, page)
        raise_and_clear(window, page)
        assert not window.locator(f"{ROW} .ack").is_visible()
        assert not window.locator("#acknowledge-all").is_visible()
        answers = window.evaluate(
            """async () => Promise.all(["", "Bearer wrong"].map(async (given) => {
                const answer = await fetch("/api/haloscope/acknowledge", {method: "POST",
                    headers: {"Content-Type": "application/json", Authorization: given},
                    body: JSON.stringify({alarms: [["Fridge:MXC_RBV", 99, 3]], who: "Eve"})});
                return answer.status;
            }))"""
        )
        assert answers == [401, 401]
    with recorder(page):  # the log is there again after its writer was killed
        window.reload()
        shows(window, f"{ROW}.cleared small", "not acknowledged")
        raise_and_clear(window, page)
        shows(window, f"{ROW}.cleared small", "2 times")
        unlock(window, page.token)
        window.locator(f"{ROW} .ack").click()
        window.locator("dialog .agree").click()
        shows(window, "#acknowledged", "Nothing is acknowledged without a name.")
        window.locator(f"{ROW} .ack").click()
        window.get_by_label("Your name").fill("Ada")
        window.locator("dialog .agree").click()
        shows(window, "#acknowledged", "1 acknowledged")
        window.locator(ROW).wait_for(state="detached")
        put(f"{page.prefix}{NAME}.HIGH", 0.001)
        window.locator(f"{ROW} .ack").click()
        window.locator("dialog .agree").click()  # the name is remembered
        shows(window, f"{ROW}:not(.cleared) small", "acknowledged by Ada")
    assert page.history is not None
    with read_only(page.history) as reader:
        found = [one for one in alarms(reader, since_us=0) if one.name == page.prefix + NAME]
    assert [(one.who, one.ended_us is None) for one in found] == [
        ("Ada", False),
        ("Ada", False),
        ("Ada", True),
    ]
