"""The disk is asked as soon as it is known what it is to keep; what is posted meanwhile is free."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iocs.supervision import journal as journals
from iocs.supervision import synchronising
from iocs.supervision.journal import Journal
from iocs.supervision.saving import Saving
from iocs.supervision.synchronising import in_turn
from tests.iocs.driving import start, wait_for
from tests.iocs.supervision.restoring import close_all, living

Told = Callable[[BaseException | None], None]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What was killed leaves its files to the system; here that is us."""
    yield
    close_all()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    """What is to be told of each request to the disk, none of which it answers by itself."""
    found: list[Told] = []
    monkeypatch.setattr(journals, "in_turn", lambda _, told: found.append(told))
    return found


@pytest.mark.parametrize(("name", "value"), [("VNA:Averages", 3), ("Rod", 31.5)])
def test_the_disk_is_asked_before_what_a_put_has_changed_is_posted(
    tmp_path: Path, name: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def ask(act: Callable[[], None], told: Told) -> None:
        act()
        events.append("asked")
        asyncio.get_running_loop().call_soon(told, None)

    async def story() -> None:
        ioc = await living("haloscope", tmp_path)
        found = ioc.database._changes.found

        def post() -> list[object]:
            events.append("posted")
            return list(found())

        monkeypatch.setattr(ioc.database._changes, "found", post)
        monkeypatch.setattr(journals, "in_turn", ask)
        await wait_for(ioc, start(ioc, name, value))
        kept = journals.read(tmp_path).entries.values()
        expected = [name] if name == "VNA:Averages" else [name, ""]
        assert [entry.name for entries in kept for entry in entries] == expected

    asyncio.run(story())
    assert events.count("asked") == 1
    after = events[events.index("asked") :]
    assert after[:2] == ["asked", "posted"]


async def safe_with_the_second_answer(waiting: asyncio.Task[None], asked: list[Told]) -> None:
    """The disk is asked once more, and who waits for the lines waits for that."""
    await asyncio.sleep(0)
    assert len(asked) == 2
    assert not waiting.done()
    asked[1](None)
    await waiting


def test_lines_that_come_as_the_disk_answers_are_brought_there_next(
    tmp_path: Path, asked: list[Told]
) -> None:
    async def story() -> None:
        journal = Journal(tmp_path, lambda: 0.0, Saving())
        journal.accepted("A", 1)
        journal.begin()
        asked[0](None)
        journal.accepted("A", 2)
        waiting = asyncio.create_task(journal.safe())
        await safe_with_the_second_answer(waiting, asked)
        journal.close()

    asyncio.run(story())


def test_lines_that_come_while_the_disk_is_asked_wait_for_their_own_turn(
    tmp_path: Path, asked: list[Told]
) -> None:
    async def story() -> None:
        journal = Journal(tmp_path, lambda: 0.0, Saving())
        journal.accepted("A", 1)
        journal.begin()
        journal.accepted("A", 2)
        journal.begin()
        waiting = asyncio.create_task(journal.safe())
        await asyncio.sleep(0)
        assert len(asked) == 1
        asked[0](None)
        for _ in range(2):
            await asyncio.sleep(0)
        await safe_with_the_second_answer(waiting, asked)
        journal.close()

    asyncio.run(story())


def test_nothing_is_asked_where_all_is_there_or_nothing_has_to_be(
    tmp_path: Path, asked: list[Told]
) -> None:
    async def story() -> None:
        journal = Journal(tmp_path, lambda: 0.0, Saving())
        journal.begin()
        await journal.safe()
        journal.durable = False
        journal.accepted("A", 1)
        journal.begin()
        await journal.safe()
        journal.close()

    asyncio.run(story())
    assert asked == []


def test_a_disk_that_fails_is_told_and_a_fault_of_ours_is_raised(
    tmp_path: Path, asked: list[Told]
) -> None:
    async def story() -> None:
        saving = Saving()
        journal = Journal(tmp_path, lambda: 0.0, saving)
        journal.accepted("A", 1)
        waiting = asyncio.create_task(journal.safe())
        await asyncio.sleep(0)
        asked[0](OSError(28, "No space left on device"))
        await waiting
        assert "No space left on device" in saving.error
        assert journal.missed
        journal.accepted("A", 2)
        waiting = asyncio.create_task(journal.safe())
        await asyncio.sleep(0)
        asked[1](LookupError("a fault of ours"))
        with pytest.raises(LookupError, match="a fault of ours"):
            await waiting
        journal.close()

    asyncio.run(story())


def test_a_fault_of_ours_is_told_also_if_nobody_waits_yet(
    tmp_path: Path, asked: list[Told]
) -> None:
    async def story() -> None:
        saving = Saving()
        journal = Journal(tmp_path, lambda: 0.0, saving)
        journal.accepted("A", 1)
        journal.begin()
        asked[0](LookupError("a fault of ours"))
        await journal.safe()
        assert "a fault of ours" in saving.error
        assert journal.missed
        journal.close()

    asyncio.run(story())


def test_without_a_thread_the_disk_is_told_to_fail_and_nobody_waits_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def story() -> None:
        saving = Saving()
        journal = Journal(tmp_path, lambda: 0.0, saving)
        journal.accepted("A", 1)
        synchronising._calls.cache_clear()
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fails)
            journal.begin()
        async with asyncio.timeout(20):
            await journal.safe()
            assert "can't start new thread" in saving.error
            journal.accepted("A", 2)
            await journal.safe()
        journal.close()

    asyncio.run(story())


def test_calls_are_made_in_turn_by_a_thread_and_told_on_the_loop() -> None:
    made: list[int] = []
    told: list[tuple[type[BaseException] | None, str]] = []

    def act(number: int) -> Callable[[], None]:
        def call() -> None:
            assert threading.current_thread() is not threading.main_thread()
            made.append(number)
            if number == 1:
                raise LookupError

        return call

    async def story() -> None:
        all_told = asyncio.Event()

        def tell(error: BaseException | None) -> None:
            told.append((type(error) if error else None, threading.current_thread().name))
            if len(told) == 3:
                all_told.set()

        for number in range(3):
            in_turn(act(number), tell)
        async with asyncio.timeout(20):
            await all_told.wait()

    asyncio.run(story())
    assert made == [0, 1, 2]
    here = threading.current_thread().name
    assert told == [(None, here), (LookupError, here), (None, here)]
