"""The pages in a browser: they show what the PVs say, and what is lost, held or quenched."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.live.page.conftest import TIMEOUT_MS, Page
from tests.physics.analysis.generator import make, scan_targets
from tests.session.page.test_search import stream, write


def put(name: str, value: Any) -> None:
    import epics

    assert epics.caput(name, value, wait=True, timeout=20.0) == 1


def get(name: str, **options: Any) -> Any:
    import epics

    return epics.caget(name, timeout=20.0, use_monitor=False, **options)


@pytest.fixture(scope="module", autouse=True)
def _library() -> None:
    """ophyd chooses the Channel Access library that pyepics loads."""
    import ophyd  # noqa: F401


@pytest.fixture(scope="module")
def amrr_page(serve: Callable[..., Page]) -> Page:
    return serve("amrr")


@pytest.fixture(scope="module")
def haloscope_page(serve: Callable[..., Page]) -> Page:
    return serve("haloscope")


def opened(window: Any, page: Page) -> Any:
    window.goto(page.address)
    window.wait_for_selector("body.live")
    return window


def shows(window: Any, selector: str, text: str) -> None:
    """Wait until an element has this text in it."""
    window.locator(selector).filter(has_text=text).first.wait_for(state="attached")


def steady(page: Page) -> None:
    """Hold the simulation, so that a value on the wire is the one on the page."""
    put(f"{page.prefix}Sim:Pause", 1)


NUMBER = re.compile(r"^([−-]?[\d.]+)")


@pytest.mark.parametrize("instrument", ["amrr", "haloscope"])
def test_the_values_on_the_page_are_those_of_the_pvs(
    instrument: str, window: Any, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(f"{instrument}_page")
    request.addfinalizer(lambda: put(f"{page.prefix}Sim:Pause", 0))
    steady(page)
    time_s = get(f"{page.prefix}Sim:Time_RBV")
    opened(window, page)
    shows(window, '[data-pv="Sim:Time_RBV"]', f"{time_s:.0f} s")
    shown = window.locator("[data-pv]").evaluate_all(
        "nodes => nodes.map(n => [n.dataset.pv, n.dataset.scale || '1', n.textContent])"
    )
    assert len(shown) > 25
    compared = 0
    for name, scale, text in shown:
        value = get(page.prefix + name)
        if value is None or value != value:
            assert text == "–", name
            continue
        number = NUMBER.match(text)
        if number is None or isinstance(value, str):
            assert text.rstrip(" ▲■?") == get(page.prefix + name, as_string=True), name
        else:
            digits = number[1].partition(".")[2]
            told = float(number[1].replace("−", "-"))
            assert told == pytest.approx(value * float(scale), abs=0.51 * 10.0 ** -len(digits)), (
                name
            )
        compared += 1
    assert compared > 20


def test_helium_below_its_limit_holds_and_the_page_says_why_and_what_to_do(
    window: Any, amrr_page: Page
) -> None:
    prefix = amrr_page.prefix
    opened(window, amrr_page)
    assert window.locator("#banner").is_hidden()
    put(f"{prefix}Cycle:Run", 1)
    shows(window, "#summary", "Running")
    put(f"{prefix}Sim:Speed", 1000)
    put(f"{prefix}Sim:FaultHeLevel", 1)
    shows(window, "#banner", "INTERLOCK: helium at")
    banner = window.locator("#banner").inner_text()
    assert "below 10 %: the cycle stops" in banner
    assert "Plans are held" in banner
    assert "Stage:HeTransfer" in banner
    shows(window, "#alarms li", "Helium in the bath")
    put(f"{prefix}Sim:FaultHeLevel", 0)
    put(f"{prefix}Stage:HeTransfer", 1)
    window.locator("#banner").wait_for(state="hidden")
    put(f"{prefix}Sim:Speed", 10)


@pytest.mark.parametrize(("instrument", "magnet"), [("amrr", "RegenA"), ("haloscope", "Magnet")])
def test_a_quench_is_shown(
    instrument: str, magnet: str, window: Any, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(f"{instrument}_page")
    opened(window, page)
    if instrument == "amrr":  # the haloscope's magnet is on
        put(f"{page.prefix}{magnet}:Field", 1.0)
    put(f"{page.prefix}Sim:FaultQuench", magnet)
    shows(window, "#banner", f"QUENCH: {magnet}")
    assert f"{magnet}:QuenchReset" in window.locator("#banner").inner_text()
    window.locator(f"#{magnet} .coil.quench").first.wait_for(state="attached")
    opacity = window.locator(f"#{magnet} .coil").first.evaluate("n => n.style.fillOpacity")
    assert float(opacity) > 0.8
    shows(window, "#alarms li", "Quench detected, latched")
    assert window.locator('#alarms [class~="sev-2"]').count() > 0


def test_the_search_that_runs_is_followed(window: Any, haloscope_page: Page) -> None:
    opened(window, haloscope_page)
    shows(window, "#searching", "No search in the catalog yet.")
    spectra = make(scan_targets(8), seed=7)
    scan = list(stream(spectra, campaign="<b>march</b>"))
    writer = write(haloscope_page.catalog, scan[:-4])
    shows(window, "#searching", "step 5 of 8")
    assert "to go" in window.locator("#searching").inner_text()
    shows(window, "#summary", "Search at step 5 of 8")
    write(haloscope_page.catalog, scan[-4:], writer).close()
    shows(window, "#searching", "step 8 of 8 · run ended · highest excess")
    shows(window, "#search h2", "Search: campaign <b>march</b>")
    assert window.locator("#search canvas").count() == 2


def test_a_lost_ioc_is_shown_as_lost_and_found_again(window: Any, amrr_page: Page) -> None:
    opened(window, amrr_page)
    last = window.locator('svg [data-pv="Stage:Temp_RBV"]').text_content()
    port = amrr_page.kill_ioc()
    shows(window, "#banner", "IOC LOST since")
    window.locator("body.gone").wait_for()
    shows(window, "#summary", "Not known now")
    window.locator('svg [data-pv="Stage:Temp_RBV"].sev-4').wait_for()
    assert re.match(r"\d\.\d+ K", last)
    assert window.locator("svg [data-pv]:not(.sev-4)").count() == 0
    amrr_page.ioc = amrr_page.start_ioc(port)
    window.locator("#banner").wait_for(state="hidden", timeout=4 * TIMEOUT_MS)
    assert window.locator("svg [data-pv].sev-4").count() == 0


def test_an_ioc_that_hangs_is_no_quiet_one(window: Any, amrr_page: Page) -> None:
    """Its connection stands, its heartbeat does not."""
    opened(window, amrr_page)
    amrr_page.ioc.process.send_signal(signal.SIGSTOP)
    try:
        shows(window, "#banner.lost", "its heartbeat stands still since")
        window.locator("body.gone").wait_for()
    finally:
        amrr_page.ioc.process.send_signal(signal.SIGCONT)
    window.locator("#banner").wait_for(state="hidden")


def test_a_page_whose_server_has_gone_says_so(window: Any, serve: Callable[..., Page]) -> None:
    page = serve("amrr")
    opened(window, page)
    page.kill()
    shows(window, "#banner", "No link to the page's server since")
    window.locator("body.gone").wait_for()
