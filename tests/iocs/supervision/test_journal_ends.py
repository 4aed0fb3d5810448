"""Puts at the moments at which a journal ends: of the IOC, and of a snapshot that covers it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instruments.errors import Refused
from iocs.supervision import journal as journals
from iocs.supervision import storage
from iocs.supervision.journal import Journal
from iocs.supervision.saving import Saving
from tests.iocs.driving import let_pass, start
from tests.iocs.supervision.restoring import close_all, keep, living


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What was killed leaves its files to the system; here that is us."""
    yield
    close_all()


# -- the end --------------------------------------------------------------------------------------


def test_once_the_end_has_begun_puts_are_refused_and_those_that_wait_are_answered(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        ioc = await living("haloscope", tmp_path)
        move = start(ioc, "Rod", 31.5)
        await let_pass(ioc, 0.1)
        await ioc.database.put("VNA:Averages", 3)
        ending = asyncio.create_task(ioc.stop())
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="the IOC is ending"):
            await ioc.database.put("VNA:Averages", 4)
        await ending
        with pytest.raises(Refused, match="Rod: the IOC is ending"):
            await move
        saved = storage.load(tmp_path / "setpoints.json")
        assert saved is not None
        assert saved["VNA:Averages"] == 3

    asyncio.run(story())


# -- a put at the moment at which a snapshot clears the journal away ------------------------------


def puts_kept(folder: Path) -> list[tuple[str, Any]]:
    kept = journals.read(folder).entries.values()
    return [(entry.name, entry.value) for found in kept for entry in found if entry.name]


def test_a_journal_that_is_begun_while_older_ones_are_cleared_away_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody had put between two snapshots, and somebody does while the second is written."""
    about_to_clear, begun, cleared = threading.Event(), threading.Event(), threading.Event()

    class SlowFile(journals._File):
        """Once its name is there, all is cleared away before its first line is appended."""

        def __init__(self, path: Path, first: bytes) -> None:
            super().__init__(path, first)
            begun.set()
            assert cleared.wait(20)

    async def story() -> None:
        ioc = await living("haloscope", tmp_path)
        assert ioc.store is not None
        clear = ioc.store.journal.clear

        def clear_late(*arguments: Any) -> None:
            about_to_clear.set()
            assert begun.wait(20)
            clear(*arguments)
            cleared.set()

        monkeypatch.setattr(ioc.store.journal, "clear", clear_late)
        monkeypatch.setattr(journals, "_File", SlowFile)
        await let_pass(ioc, 0.5)
        keeping = asyncio.create_task(keep(ioc))
        assert await asyncio.to_thread(about_to_clear.wait, 20)
        await ioc.database.put("VNA:Averages", 7)
        await keeping

    asyncio.run(story())
    assert puts_kept(tmp_path) == [("VNA:Averages", 7)]


def test_a_journal_is_begun_though_an_older_one_has_just_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = Saving()
    old = tmp_path / "journal-000000000001.log"
    old.write_bytes(b"")
    stat = Path.stat

    def gone(path: Path, **options: Any) -> os.stat_result:
        """A thread deletes it after it was listed."""
        if path == old:
            path.unlink(missing_ok=True)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", gone)
    journal = Journal(tmp_path, lambda: 0.0, saving)
    journal.continue_from(journal.identity, 1)
    journal.accepted("A", 2.0)
    journal.close()
    assert saving.error == ""
    assert not journal.missed
    assert puts_kept(tmp_path) == [("A", 2.0)]
