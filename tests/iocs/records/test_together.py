"""Puts that arrive with each other are posted together; none is left out."""

from __future__ import annotations

import asyncio

import pytest

from iocs.records.together import MOST_TURNS, Together


class Counted:
    """An action that takes some turns of the loop; remembers what was there when it began."""

    def __init__(self) -> None:
        self.there: list[str] = []
        self.seen: list[tuple[str, ...]] = []
        self.together = Together(self.act)

    async def act(self) -> None:
        self.seen.append(tuple(self.there))
        for _ in range(5):
            await asyncio.sleep(0)

    async def put(self, name: str) -> tuple[str, ...]:
        """Returns what the action saw that this put waited for."""
        self.there.append(name)
        await self.together()
        return self.seen[-1]


def test_puts_that_come_together_share_one_post() -> None:
    async def story() -> None:
        counted = Counted()
        await asyncio.gather(*(counted.put(name) for name in "abc"))
        assert counted.seen == [("a", "b", "c")]

    asyncio.run(story())


def test_a_put_during_the_post_gets_one_of_its_own() -> None:
    async def story() -> None:
        counted = Counted()
        first = asyncio.create_task(counted.put("a"))
        while not counted.seen:
            await asyncio.sleep(0)
        assert not counted.together.awaited
        late = asyncio.create_task(counted.put("b"))
        await asyncio.gather(first, late)
        assert counted.seen == [("a",), ("a", "b")]

    asyncio.run(story())


def test_a_stream_of_puts_does_not_put_off_the_post() -> None:
    async def story() -> None:
        counted = Counted()
        puts = []
        while not counted.seen:
            puts.append(asyncio.create_task(counted.put("x")))
            await asyncio.sleep(0)
        assert len(puts) <= 3 * MOST_TURNS
        await asyncio.gather(*puts)

    asyncio.run(story())


def test_a_failed_action_fails_all_who_waited_and_not_the_next() -> None:
    async def story() -> None:
        failures = [RuntimeError("disk full"), None]

        async def act() -> None:
            if (error := failures.pop(0)) is not None:
                raise error

        together = Together(act)
        found = await asyncio.gather(together(), together(), return_exceptions=True)
        assert [str(error) for error in found] == ["disk full", "disk full"]
        await together()

    asyncio.run(story())


def test_a_client_that_leaves_takes_nothing_from_the_others() -> None:
    async def story() -> None:
        counted = Counted()
        leaving = asyncio.create_task(counted.put("a"))
        staying = asyncio.create_task(counted.put("b"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == ("a", "b")
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(story())


def test_who_is_in_a_hurry_acts_at_once_for_all_and_is_told_last() -> None:
    async def story() -> None:
        told: list[str] = []
        counted = Counted()

        async def put(name: str) -> None:
            await counted.put(name)
            told.append(name)

        others = [asyncio.create_task(put(name)) for name in "ab"]
        await asyncio.sleep(0)
        counted.together.hurried = True
        hurried = put("c")
        hurried.send(None)  # the action, which takes some turns, begins in this one
        counted.together.hurried = False
        assert counted.seen == [("a", "b", "c")]
        assert not counted.together.awaited
        finished = False
        while not finished:
            await asyncio.sleep(0)
            try:
                hurried.send(None)
            except StopIteration:
                finished = True
        await asyncio.gather(*others)
        assert told == ["a", "b", "c"]
        assert len(counted.seen) == 1

    asyncio.run(story())


def test_who_is_in_a_hurry_fails_with_all_who_waited() -> None:
    async def story() -> None:
        async def act() -> None:
            raise RuntimeError("disk full")

        together = Together(act)
        other = asyncio.create_task(together())
        await asyncio.sleep(0)
        together.hurried = True
        with pytest.raises(RuntimeError, match="disk full"):
            await together()
        with pytest.raises(RuntimeError, match="disk full"):
            await other

    asyncio.run(story())
