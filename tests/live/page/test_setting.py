"""Controls in a browser: nothing without the token; with it, and a confirmation, the PV moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.live.page.conftest import Page
from tests.live.page.test_showing import get, opened, shows


@pytest.fixture(scope="module", autouse=True)
def _library() -> None:
    import ophyd  # noqa: F401


@pytest.fixture(scope="module")
def page(serve: Callable[..., Page]) -> Page:
    return serve("amrr")


def unlock(window: Any, token: str) -> None:
    window.locator("#lock").click()
    window.get_by_label("Token").fill(token)
    window.locator("dialog .agree").click()


def entry(window: Any, name: str) -> Any:
    return window.locator(f'[id="set-{name}"]')


def push(window: Any, name: str, agree: str | None = ".agree") -> None:
    row = window.locator(".control", has=entry(window, name))
    row.get_by_role("button").click()
    if agree:
        window.locator(f"dialog {agree}").click()


def test_a_page_is_read_only_until_it_has_the_token(window: Any, page: Page) -> None:
    opened(window, page)
    assert not window.locator(".controls").is_visible()
    before = get(f"{page.prefix}Cycle:HoldTime")
    answers = window.evaluate(
        """async () => Promise.all(["", "Bearer wrong"].map(async (given) => {
            const answer = await fetch("/api/amrr/put", {method: "POST",
                headers: {"Content-Type": "application/json", Authorization: given},
                body: JSON.stringify({name: "Cycle:HoldTime", value: 33})});
            return [answer.status, (await answer.json()).error];
        }))"""
    )
    assert answers == [[401, "this page is read-only without the token"]] * 2
    unlock(window, "wrong")
    shows(window, "#told", "That is not the token.")
    assert not window.locator(".controls").is_visible()
    assert get(f"{page.prefix}Cycle:HoldTime") == before != 33.0


def test_with_the_token_a_confirmed_value_moves_the_pv(window: Any, page: Page) -> None:
    opened(window, page)
    unlock(window, page.token)
    shows(window, "#told", "Unlocked")
    entry(window, "Cycle:HoldTime").fill("21.5")
    push(window, "Cycle:HoldTime", None)
    question = window.locator("dialog").inner_text()
    assert f"Set {page.prefix}Cycle:HoldTime?" in question
    assert "to 21.5 s" in question
    window.locator("dialog .agree").click()
    shows(window, "#told", "Cycle:HoldTime: 21.5 s, done")
    assert get(f"{page.prefix}Cycle:HoldTime") == 21.5
    shows(window, ".control small", "Cycle:HoldTime: now 21.5 s")


def test_a_question_that_is_not_confirmed_sets_nothing(window: Any, page: Page) -> None:
    opened(window, page)
    unlock(window, page.token)
    before = get(f"{page.prefix}Cycle:FlowTime")
    entry(window, "Cycle:FlowTime").fill("123")
    push(window, "Cycle:FlowTime", ".ends button:first-child")
    window.locator("dialog").wait_for(state="detached")
    entry(window, "Cycle:FlowTime").press("Enter")
    window.keyboard.press("Escape")
    window.locator("dialog").wait_for(state="detached")
    assert get(f"{page.prefix}Cycle:FlowTime") == before


def test_a_refusal_is_shown_in_the_iocs_words(window: Any, page: Page) -> None:
    opened(window, page)
    unlock(window, page.token)
    for _ in range(2):  # the second time, too
        entry(window, "PumpA:Field").fill("9")
        push(window, "PumpA:Field")
        shows(window, "#told.error", "PumpA:Field = 9 T is outside 0 to")
        window.locator("#lock").click()
        unlock(window, page.token)
        shows(window, "#told", "Unlocked")


def test_a_state_is_chosen_and_what_takes_long_goes_on(window: Any, page: Page) -> None:
    opened(window, page)
    unlock(window, page.token)
    entry(window, "Cycle:Run").select_option("Run")
    push(window, "Cycle:Run")
    shows(window, "#told", "Cycle:Run: Run, done")
    shows(window, "#summary", "Running")
    window.locator("#lock").click()
    assert not window.locator(".controls").is_visible()


@pytest.mark.parametrize("text", ["", "abc", "1e999", "NaN"])
def test_what_is_no_number_is_not_sent(window: Any, page: Page, text: str) -> None:
    opened(window, page)
    unlock(window, page.token)
    entry(window, "Cycle:HoldTime").fill(text)
    push(window, "Cycle:HoldTime", None)
    shows(window, "#told.error", "is no number")
