"""Who a client is: what the server knows of it, and what it says of itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from caproto import AccessRights, Forbidden

from iocs.access.os_users import true_user
from iocs.words.escaping import escaped

#: Longest name of a user or host, as in EPICS base.
MOST_NAME_BYTES: Final = 511

log = logging.getLogger("iocs.serving")


class Identity:
    """Who a client is.

    Names are kept as they may stand in a log.

    Attributes:
        address: Host and port that its circuit comes from. Access rules go by this host.
        user: As it names its user, "" until it does; from ``establish`` on as far as it is true.
        claimed_host: As it names its host: for logs alone.

    Args:
        address: Host and port of the client.
        server_port: The port that it has connected to.
    """

    def __init__(self, address: tuple[str, int], server_port: int) -> None:
        self.address = address
        self._server_port = server_port
        self._established = False
        self.user = ""
        self.claimed_host = address[0]

    def __str__(self) -> str:
        """``user@host``."""
        return f"{self.user}@{self.claimed_host}"

    @property
    def place(self) -> tuple[str, str]:
        """Host and user as access rules are asked about them."""
        return self.address[0], self.user

    def take(self, name: bytes, *, of_user: bool) -> None:
        """Take a name that the client gives.

        Raises:
            ValueError: Nobody is called so.
        """
        if len(name) > MOST_NAME_BYTES:
            raise ValueError(f"a name of {len(name)} bytes, at most {MOST_NAME_BYTES} are taken")
        told = escaped(name.decode(errors="backslashreplace"), MOST_NAME_BYTES)
        if of_user:
            self.user = told
        else:
            self.claimed_host = told

    def establish(self) -> None:
        """See whether its user is who it says; the system is asked, which may take milliseconds."""
        claimed, self._established = self.user, True
        self.user = true_user(claimed, self.address, self._server_port)
        if self.user != claimed:
            host, port = self.address
            found = self.user or "nobody any more"
            log.warning("client %s:%d calls its user %s, it is %s", host, port, claimed, found)

    async def established(self) -> None:
        """``establish``, once, while others are served."""
        if not self._established:
            await asyncio.to_thread(self.establish)

    def rights(self, entry: Any) -> AccessRights:
        """What this client may do with a channel."""
        found: AccessRights = entry.check_access(*self.place)
        return found

    def may_read(self, entry: Any) -> bool:
        """Whether it may be sent the value, by whichever way."""
        return AccessRights.READ in self.rights(entry)

    def may_write(self, entry: Any) -> bool:
        """Whether it may put to a channel at all."""
        return AccessRights.WRITE in self.rights(entry)

    def require_readable(self, entry: Any, name: str) -> None:
        """Raise ``Forbidden`` unless it may read the channel of this name."""
        if not self.may_read(entry):
            raise Forbidden(f"{name} is not readable for {self}")
