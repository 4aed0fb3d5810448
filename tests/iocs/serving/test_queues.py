"""Updates waiting for one client: order, bounds, and which of them may be lost."""

import gc
import weakref
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iocs.serving.limits import Statistics
from iocs.serving.sending.budget import Budget
from iocs.serving.sending.queues import Pending


@dataclass
class Item:
    key: str
    number: int
    nbytes: int = 10


@pytest.fixture
def counts():
    return Statistics()


@pytest.fixture
def pending(counts):
    return Pending(1000, counts, Budget(10**9))


def numbers(batch):
    return [(key, item.number) for key, item in batch]


def test_updates_leave_in_the_order_of_posting(pending):
    for number, key in enumerate("abab"):
        pending.put(key, Item(key, number), history=5)
    assert numbers(pending.take(1000)) == [("a", 0), ("b", 1), ("a", 2), ("b", 3)]


def test_the_oldest_of_a_full_history_goes_and_is_counted(pending, counts):
    for number in range(5):
        pending.put("a", Item("a", number), history=2)
    assert numbers(pending.take(1000)) == [("a", 3), ("a", 4)]
    assert counts.dropped == 3
    assert counts.coalesced == 0


def test_a_busy_subscription_does_not_push_out_a_quiet_one(pending):
    pending.put("quiet", Item("quiet", 0), history=2)
    for number in range(100):
        pending.put("busy", Item("busy", number), history=2)
    assert numbers(pending.take(1000))[0] == ("quiet", 0)


def test_over_its_bytes_each_subscription_keeps_its_newest(pending, counts):
    for number in range(3):
        for key in "ab":
            pending.put(key, Item(key, number, nbytes=400), history=10)
    assert numbers(pending.take(10_000)) == [("a", 2), ("b", 2)]
    assert counts.coalesced == 4


def test_one_update_larger_than_all_bytes_still_waits(pending):
    pending.put("a", Item("a", 0, nbytes=5000), history=2)
    assert numbers(pending.take(1)) == [("a", 0)]


def test_a_paused_client_gets_the_newest_of_each_when_it_resumes(pending):
    pending.paused = True
    for number in range(50):
        pending.put("a", Item("a", number), history=20)
    assert pending.take(1000) == []
    pending.paused = False
    assert numbers(pending.take(1000)) == [("a", 49)]


def test_a_batch_ends_at_its_bytes(pending):
    for number in range(4):
        pending.put("a", Item("a", number), history=10)
    assert len(pending.take(15)) == 2
    assert len(pending.take(15)) == 2
    assert pending.nbytes == 0


def test_a_cancelled_subscription_sends_nothing_more(pending):
    pending.put("a", Item("a", 0), history=10)
    pending.put("b", Item("b", 1), history=10)
    pending.discard("a")
    assert numbers(pending.take(1000)) == [("b", 1)]
    assert pending.nbytes == 0


def test_nothing_is_kept_after_it_was_taken(pending):
    item = Item("a", 0)
    kept = weakref.ref(item)
    pending.put("a", item, history=10)
    del item
    pending.take(1000)
    gc.collect()
    assert kept() is None


def test_a_subscription_that_waits_for_nothing_takes_no_room(pending):
    for number in range(1000):
        pending.put(number, Item("a", number, nbytes=1), history=2)
        pending.put(number, Item("a", number, nbytes=1), history=2)
    while pending.take(100):
        pass
    assert not pending._slots
    assert not pending._line


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), st.integers(1, 600), st.integers(1, 4)),
        st.tuples(st.just("take"), st.integers(1, 2000)),
        st.tuples(st.just("pause"), st.booleans()),
        st.tuples(st.just("discard"), st.sampled_from("abc")),
    ),
    max_size=80,
)


@given(ACTIONS)
def test_whatever_happens_the_newest_arrives_and_memory_is_bounded(actions):
    budget = Budget(10**9)
    pending, newest, got, number = Pending(1000, Statistics(), budget), {}, {}, 0
    for action, *given_ in actions:
        if action == "put":
            key, nbytes, history = given_
            number += 1
            pending.put(key, Item(key, number, nbytes), history)
            newest[key] = number
        elif action == "take":
            got |= {key: item.number for key, item in pending.take(*given_)}
        elif action == "pause":
            (pending.paused,) = given_
        else:
            pending.discard(*given_)
            newest.pop(*given_, None)
            got.pop(*given_, None)
        # Each of three subscriptions may hold one update of any size beyond the limit.
        assert 0 <= pending.nbytes <= 1000 + 3 * 600
        assert budget.nbytes == pending.nbytes
    pending.paused = False
    got |= {key: item.number for key, item in pending.take(10**9)}
    assert got == newest
    assert (len(pending), pending.nbytes) == (0, 0)
