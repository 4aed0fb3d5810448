"""What the channels and subscriptions of clients take, bounded for each and for all together.

A name costs its client nothing to ask for again and again: without a bound, a script that opens
channels in a loop and forgets them fills the memory of the machine's computer.
"""

from __future__ import annotations

from caproto import CAStatus

from iocs.serving.clients.readings import RefusedRequestError
from iocs.serving.limits import Limits
from iocs.serving.sending.budget import Budget

__all__ = ["Books"]


class Books:
    """Those of one client.

    Args:
        limits: What one client may hold.
        of_all: What all hold together.
    """

    def __init__(self, limits: Limits, of_all: Budget) -> None:
        self._most_bytes = limits.max_client_books_bytes
        self._of_all = of_all
        self._nbytes = 0

    def enter(self, nbytes: int) -> None:
        """A channel or a subscription more.

        Raises:
            RefusedRequestError: There is no room for it.
        """
        if self._nbytes + nbytes > self._most_bytes:
            reason = f"the channels and subscriptions of one client take {self._most_bytes} bytes"
            raise RefusedRequestError(CAStatus.ECA_ALLOCMEM, f"{reason} at most")
        if self._of_all.nbytes + nbytes > self._of_all.most_bytes:
            reason = f"the channels of all clients take {self._of_all.most_bytes} bytes at most"
            raise RefusedRequestError(CAStatus.ECA_ALLOCMEM, reason)
        self._change(nbytes)

    def leave(self, nbytes: int) -> None:
        """Remove one that was entered."""
        self._change(-nbytes)

    def _change(self, nbytes: int) -> None:
        self._nbytes += nbytes
        self._of_all.change(nbytes)
