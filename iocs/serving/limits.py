"""Bounds on what clients may cost a server, and the counts that say what happened.

The defaults are assumed values: generous for a laboratory's screens, archivers and scans, small
beside the memory of the machine that runs the IOC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: A message of a client that is larger than every array we serve can only be a mistake.
DEFAULT_MESSAGE_BYTES: Final = 4_000_000


@dataclass(frozen=True)
class Limits:
    """Bounds per server and per client.

    Attributes:
        max_clients: Circuits at once; the next one is closed with a log line.
        max_message_bytes: Largest message accepted from a client; a larger one is answered
            ``ECA_TOLARGE`` and its bytes are thrown away as they come, as EPICS base does.
        max_pending_bytes: Updates waiting for one client. Beyond it every subscription keeps its
            newest only.
        history: Updates one scalar subscription may have waiting before the oldest is dropped.
        array_history: The same for arrays of more than 100 elements.
        max_puts_in_progress: Puts of one client that have not completed; the next one is refused.
        max_waiting_bytes: What waits to be sent to all clients together. Beyond it every
            subscription keeps its newest only, and who has accepted nothing for
            ``crowded_client_s`` is cut off, the longest first.
        max_unfinished_bytes: Half received messages of all clients together. Beyond it the one that
            has not grown for longest is refused.
        max_client_books_bytes: What the channels and subscriptions of one client may take; the next
            one is refused.
        max_books_bytes: The same of all clients together.
        unfinished_message_s: How long a message may stand half received before the circuit is
            closed; as much longer as it takes at ``slowest_bytes_per_s``, if it keeps growing.
        slowest_bytes_per_s: A client that sends a message slower than this is cut off.
        stalled_client_s: How long a client may not accept what it is sent before its circuit is
            closed.
        crowded_client_s: The same while too much waits for all clients together.
        flush_interval_s: Updates of one circuit that come closer together than this travel
            together.
        fairness_s: A task that posts without pause lets others run after this long. What it posted
            is worked out and sent then, which takes three times as long: so old are values at most.
    """

    max_clients: int = 500
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES
    max_pending_bytes: int = 16_000_000
    history: int = 20
    array_history: int = 2
    max_puts_in_progress: int = 1000
    max_waiting_bytes: int = 64_000_000
    max_unfinished_bytes: int = 16_000_000
    max_client_books_bytes: int = 32_000_000
    max_books_bytes: int = 128_000_000
    unfinished_message_s: float = 30.0
    slowest_bytes_per_s: float = 10_000.0
    stalled_client_s: float = 120.0
    crowded_client_s: float = 1.0
    flush_interval_s: float = 0.001
    fairness_s: float = 0.00015

    @property
    def watch_period_s(self) -> float:
        """How often clients are looked at."""
        return min(1.0, self.stalled_client_s / 4, self.unfinished_message_s / 4)

    def broken_by(
        self, now: float, idle_since: float | None, partial: Partial | None
    ) -> str | None:
        """Why a client is to be cut off, or None.

        Args:
            now: Monotonic seconds.
            idle_since: Since when it has accepted nothing, None if it does.
            partial: The message of it that stands half received, None if none does.
        """
        if idle_since is not None and now - idle_since > self.stalled_client_s:
            return f"accepted nothing for {self.stalled_client_s:g} s"
        if partial is None:
            return None
        if now - partial.grew_s > self.unfinished_message_s:
            return f"half a message for {self.unfinished_message_s:g} s"
        took_s = now - partial.began_s
        if took_s > self.unfinished_message_s + partial.nbytes / self.slowest_bytes_per_s:
            return f"half a message: {partial.nbytes} bytes in {took_s:.0f} s"
        return None


class Partial(NamedTuple):
    """A message that stands half received.

    Attributes:
        began_s: When its first bytes came, monotonic seconds.
        grew_s: When the last came.
        nbytes: How many have come.
    """

    began_s: float
    grew_s: float
    nbytes: int


@dataclass
class Statistics:
    """What a server has done so far; plain counts, read by the health PVs.

    Attributes:
        clients: Circuits open now.
        channels: Channels open now, over all circuits.
        sent: Updates handed to the operating system.
        dropped: Updates thrown away because a subscription's history was full.
        coalesced: Updates replaced by newer ones because a client was over its pending bytes or
            paused events.
        refused_clients: Circuits closed because there were too many.
        cut_clients: Circuits closed because the client stalled or broke a bound.
        refused_puts: Puts that were answered with an error.
        last_refusal: The last refusal in words, ``PV: reason``.
    """

    clients: int = 0
    channels: int = 0
    sent: int = 0
    dropped: int = 0
    coalesced: int = 0
    refused_clients: int = 0
    cut_clients: int = 0
    refused_puts: int = 0
    last_refusal: str = field(default="")

    def now(self, channels: list[int]) -> Statistics:
        """These counts, with the clients there are and how many channels each has."""
        self.clients, self.channels = len(channels), sum(channels)
        return self
