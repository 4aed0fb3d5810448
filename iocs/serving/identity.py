"""Who a client is: what the server knows of it, and what it says of itself."""

from __future__ import annotations

from typing import Any, Final

from caproto import AccessRights, Forbidden

from iocs.escaping import escaped

#: Longest name of a user or host, as in EPICS base.
MOST_NAME_BYTES: Final = 511


class Identity:
    """Who a client is.

    Names are kept as they may stand in a log.

    Attributes:
        address: Host and port that its circuit comes from. Access rules go by this host.
        user: As it names its user, "" until it does.
        claimed_host: As it names its host: for logs alone.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.user = ""
        self.claimed_host = address[0]

    def __str__(self) -> str:
        """``user@host`` in its own words."""
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

    def rights(self, entry: Any) -> AccessRights:
        """What this client may do with a channel."""
        found: AccessRights = entry.check_access(*self.place)
        return found

    def may_read(self, entry: Any) -> bool:
        """Whether it may be sent the value, by whichever way."""
        return AccessRights.READ in self.rights(entry)

    def require_readable(self, entry: Any, name: str) -> None:
        """Raise ``Forbidden`` unless it may read the channel of this name."""
        if not self.may_read(entry):
            raise Forbidden(f"{name} is not readable for {self}")
