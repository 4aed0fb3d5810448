"""What a channel and its database use of each other, so that neither imports the other.

The database makes the channels, a channel the channels of its fields; each is given its owner, and
knows of it what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from caproto import AccessRights, ChannelType

from iocs.words.complaints import Complaints
from pvdb.records import Severity
from pvdb.records.description import AlarmLimits, Range, Record, State


class ServedChannel(Protocol):
    """A live channel, as its fields and those that post it use it.

    Attributes:
        record: What it serves.
        value: Its value, as clients see it.
        alarm: Caproto's alarm.
        description: ``.DESC``.
        disabled: ``.DISP``.
        full_units: ``.EGU`` in full.
        alarms: AlarmLimits and severities, as an operator may have changed them.
        state_severities: Severity of each state.
        monitor_deadband: ``.MDEL``.
        archive_deadband: ``.ADEL``.
        seen: The reading that was processed last.
        refusal: Why the last put was refused, "" if it was not.
        told_refusal: The refusal that is in the alarm.
    """

    record: Record
    value: Any
    alarm: Any
    description: str
    disabled: int
    full_units: str
    alarms: AlarmLimits
    state_severities: list[Severity]
    monitor_deadband: float
    archive_deadband: float
    seen: object
    refusal: str
    told_refusal: str
    _data: dict[str, Any]
    _content: dict[Any, Any]

    @property
    def database(self) -> ChannelOwner:
        """Where it belongs."""

    def quiet(self) -> bool:
        """Whether processing would find what it found last time."""

    def take(self, reading: Any, now: float) -> bool:
        """Post a reading at once, where nothing but the number can have changed; else False."""

    async def process(self, now: float) -> None:
        """Read the value, work out the alarm, and post what changed; never raises."""

    def post_also(self, flags: int) -> None:
        """Have the record posted for a change of something other than its value."""

    def take_units(self, text: str) -> None:
        """Show the value in other units."""

    def take_states(self, states: tuple[State, ...]) -> None:
        """Give the states other names."""

    def drive_range(self) -> Range:
        """The control limits as clients see them."""

    def take_drive(self, limits: Range) -> None:
        """Draw in what may be put."""


class ChannelOwner(Protocol):
    """The database, as its channels use it.

    Attributes:
        prefix: Begins every name.
        complaints: Tells each trouble once.
    """

    prefix: str
    complaints: Complaints

    @property
    def watchers(self) -> Sequence[Callable[[Any, int], None]]:
        """Called at every post with the channel and the kinds of event."""

    def rights(self, record: Record, host: str, user: str) -> AccessRights:
        """Rights of a client on ``record`` by the access rules."""

    async def forbid(self, channel: Any, data: Any, client: str, where: str) -> str:
        """Note a put that the access rules forbid; returns why, in words."""

    async def put_from_wire(
        self,
        channel: Any,
        data: Any,
        data_type: ChannelType,
        client: str,
        address: tuple[str, int] | None,
    ) -> None:
        """A put as it came over the wire; returns when it has completed."""

    def hurry(self, hurried: bool) -> None:
        """Whether the put that takes its first step now is the last of those that came together."""

    def doubt(self, channel: Any) -> None:
        """Look at this channel at the next post even if its device is still."""

    def post_beside(self, channel: Any, flags: int) -> None:
        """Post a channel of which something other than the value has changed."""
