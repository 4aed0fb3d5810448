"""Access security files in EPICS base's language."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from caproto import AccessRights, ChannelType, Forbidden

from iocs.access import AccessFileError, AccessRules
from iocs.records import Database, Put
from pvdb.records import Record, readback, setpoint

READ, BOTH = AccessRights.READ, AccessRights.READ | AccessRights.WRITE
FILE = """
UAG(operators) {ann, bob}
HAG(control) {desk1, "desk2.lab"}
ASG(DEFAULT) {
    RULE(1, READ)
    RULE(1, WRITE) { UAG(operators) HAG(control) }
}
ASG(TRUTH) { RULE(1, NONE) }
"""


@pytest.mark.parametrize(
    ("group", "user", "host", "rights"),
    [
        ("DEFAULT", "ann", "desk1", BOTH),
        ("DEFAULT", "ann", "DESK2.lab", BOTH),
        ("DEFAULT", "ann", "home", READ),
        ("DEFAULT", "eve", "desk1", READ),
        ("TRUTH", "ann", "desk1", AccessRights.NO_ACCESS),
        ("UNKNOWN", "bob", "desk1", BOTH),
    ],
)
def test_users_and_hosts_get_what_the_rules_say(
    group: str, user: str, host: str, rights: AccessRights
) -> None:
    assert AccessRules.parse(FILE).rights(group, user, host) == rights


@pytest.mark.parametrize(
    "text",
    [
        "ASG(DEFAULT) { RULE(1, ",
        'ASG(DEFAULT) { INPA("X") RULE(1, WRITE) { CALC("A=1") } }',
        "ASG(DEFAULT) { RULE(1, WRITE) { UAG(nobody) } }",
    ],
)
def test_what_cannot_be_honoured_is_refused_when_read(text: str) -> None:
    with pytest.raises(AccessFileError):
        AccessRules.parse(text)


def test_our_own_file_lets_nobody_read_the_simulations_truth() -> None:
    rules = AccessRules.read()
    assert rules.rights("TRUTH", "root", "localhost") == AccessRights.NO_ACCESS
    assert rules.rights("READBACK", "root", "localhost") == READ
    assert rules.rights("DEFAULT", "root", "localhost") == BOTH


def table() -> list[Record]:
    return [
        setpoint("A", lambda: 1.0, lambda _: None, "Setpoint", "A", control=(0.0, 2.0)),
        readback("A_RBV", lambda: 1.0, "Readback", "A"),
        readback("Sim:Truth_RBV", lambda: 42.0, "Truth", group="TRUTH"),
    ]


def test_rules_hold_per_channel_for_reading_and_writing() -> None:
    puts: list[Put] = []
    database = Database(table(), "T:", access=AccessRules.parse(FILE), on_put=puts.append)

    async def story() -> None:
        await database.put("A", 1.0)
        await write("ann", "desk1")
        with pytest.raises(Forbidden, match="eve@desk1"):
            await write("eve", "desk1")
        with pytest.raises(Forbidden):
            await database["Sim:Truth_RBV"].auth_read("desk1", "ann", ChannelType.DOUBLE)
        with pytest.raises(Forbidden):
            await (
                database["Sim:Truth_RBV"]
                .get_field("DESC")
                .auth_read("desk1", "ann", ChannelType.STRING)
            )

    async def write(user: str, host: str) -> None:
        await database["A"].auth_write(
            host, user, np.array([1.5]), ChannelType.DOUBLE, None, user_address=("10.0.0.7", 4242)
        )

    asyncio.run(story())
    assert "eve@desk1" in database.refusal
    assert [put.client for put in puts] == ["", "ann@desk1", "eve@desk1"]
    assert (puts[-1].name, puts[-1].new, puts[-1].address) == ("A", 1.5, "10.0.0.7:4242")
    assert puts[-1].refused == "A is not writable for eve@desk1"
