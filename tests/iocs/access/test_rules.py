"""Access security files in EPICS base's language."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import numpy as np
import pytest
from caproto import AccessRights, ChannelType, Forbidden

from iocs.access.os_users import own_user
from iocs.access.rules import AccessFileError, AccessRules
from iocs.documents.pages import build
from iocs.records import Database, Put
from pvdb.records import Record, readback, setpoint

READ, BOTH = AccessRights.READ, AccessRights.READ | AccessRights.WRITE
FILE = """
UAG(operators) {ann, bob}
HAG(control) {desk1, "desk2.lab", 10.0.0.7}
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
        "ASG(DEFAULT) { RULE(2, WRITE) }",
        "ASG(DEFAULT) { RULE(1, PUT) }",
        "ASG(DEFAULT) { RULE(1, WRITE, TRAP) }",
        "ASG(DEFAULT) { RULE(1, READ) } ASG(DEFAULT) { RULE(1, WRITE) }",
        "UAG(a) {ann} UAG(a) {bob} ASG(DEFAULT) { RULE(1, WRITE) { UAG(a) } }",
        'UAG(a) {"$(USER)"} ASG(DEFAULT) { RULE(1, WRITE) { UAG(a) } }',
        "",
    ],
)
def test_what_cannot_be_honoured_is_refused_when_read(text: str) -> None:
    with pytest.raises(AccessFileError):
        AccessRules.parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there are no rules"),
        ("# none\n\n", "there are no rules"),
        ("ASG(DEFAULT) {\n RULE(1, READ)\n", "ends where a bracket is still open"),
        ("UAG(a) {ann,\n b@x}", r"line 2: '@' may stand in quotes only"),
        ("\nUAG(a) {LAB/ann}", r"line 2: '/' may stand in quotes only"),
        ('UAG(a) {"ann}', "line 1: '\"' may stand in quotes only"),
        ("UAG(a) {\xe4nn}", "line 1: '\xe4' may stand in quotes only"),
    ],
)
def test_a_file_that_is_not_understood_is_told_where(text: str, why: str) -> None:
    with pytest.raises(AccessFileError, match=why):
        AccessRules.parse(text)


def test_a_file_that_is_not_understood_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ours.acf"
    file.write_text("ASG(DEFAULT) {\n RULE(1, READ)\n")
    with pytest.raises(AccessFileError, match=f"{file}: .*bracket is still open"):
        AccessRules.read(file)


def test_of_several_groups_of_a_rule_one_is_enough() -> None:
    groups = "UAG(a) {ann} UAG(b) {bob} HAG(h) {192.0.2.7} HAG(i) {192.0.2.8} "
    together = AccessRules.parse(groups + "ASG(DEFAULT) {RULE(1, READ) {UAG(a, b) HAG(h, i)}}")
    apart = "ASG(DEFAULT) {RULE(1, READ) {UAG(a) HAG(h) UAG(b) HAG(i)}}"
    for rules in (together, AccessRules.parse(groups + apart)):
        assert rules.rights("DEFAULT", "ann", "192.0.2.8") == READ
        assert rules.rights("DEFAULT", "bob", "192.0.2.7") == READ
        assert rules.rights("DEFAULT", "eve", "192.0.2.7") == AccessRights.NO_ACCESS
        assert rules.rights("DEFAULT", "ann", "192.0.2.9") == AccessRights.NO_ACCESS


HERE, ELSEWHERE = "127.0.0.1", "203.0.113.7"
ROLES = [
    ("DEFAULT", 0, "operator"),
    ("DEFAULT", 1, "engineer"),
    ("READBACK", 1, "engineer"),
    ("ENGINEER", 0, "engineer"),
    ("SIMULATION", 0, "simulation"),
]


@pytest.mark.parametrize(("group", "level", "role"), ROLES)
def test_the_user_who_started_the_ioc_has_all_roles_at_this_host_alone(
    group: str, level: int, role: str
) -> None:
    rules = AccessRules.read()
    assert rules.rights(group, own_user(), HERE, level) == BOTH
    assert rules.rights(group, own_user(), ELSEWHERE, level) == READ
    others = BOTH if role == "operator" else READ
    assert rules.rights(group, "somebody else", HERE, level) == others
    assert rules.rights(group, "", HERE, level) == others


def test_nobody_reads_the_simulations_truth() -> None:
    rules = AccessRules.read()
    for level in (0, 1):
        assert rules.rights("TRUTH", own_user(), HERE, level) == AccessRights.NO_ACCESS


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "::ffff:127.0.0.1", "localhost"]
)
def test_localhost_is_this_host_by_whichever_address(host: str) -> None:
    rules = AccessRules.parse("HAG(here) {localhost} ASG(DEFAULT) { RULE(1, WRITE) {HAG(here)} }")
    assert rules.rights("DEFAULT", "", host) == BOTH
    assert rules.rights("DEFAULT", "", socket.gethostname()) == BOTH
    assert rules.rights("DEFAULT", "", "203.0.113.7") == AccessRights.NO_ACCESS


def test_a_hosts_name_is_looked_up_and_one_that_is_not_found_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def look_up(name: str, _: object) -> list[object]:
        if name != "desk1":
            raise socket.gaierror(-2, "not known")
        return [(2, 1, 6, "", ("203.0.113.7", 0)), (10, 1, 6, "", ("2001:db8::7", 0, 0, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    rules = AccessRules.parse("HAG(a) {desk1, desk2} ASG(DEFAULT) { RULE(1, READ) {HAG(a)} }")
    assert rules.rights("DEFAULT", "", "203.0.113.7") == READ
    assert rules.rights("DEFAULT", "", "2001:DB8::7") == READ
    assert rules.rights("DEFAULT", "", "203.0.113.8") == AccessRights.NO_ACCESS
    assert "HAG(a): desk2 is not found" in caplog.text


def test_a_rule_holds_for_its_level_and_those_below() -> None:
    rules = AccessRules.parse(
        "ASG(DEFAULT) { RULE(1, READ) RULE(0, WRITE) } ASG(V) {RULE(0, READ)}"
    )
    assert [rules.rights("DEFAULT", "", "", level) for level in (0, 1)] == [BOTH, READ]
    assert [rules.rights("V", "", "", level) for level in (0, 1)] == [READ, AccessRights.NO_ACCESS]


def test_a_fields_group_is_its_records_and_its_level_is_1() -> None:
    rules = AccessRules.parse("ASG(DEFAULT) { RULE(1, READ) RULE(0, WRITE) }")
    database = Database(table(), "T:", access=rules)
    assert database["A"].check_access(HERE, "") == BOTH
    assert database["A.HIHI"].check_access(HERE, "") == READ
    assert database["A.ASG"].value == database["A.HIHI"].record.group == "DEFAULT"
    assert database["Sim:Truth_RBV.ASG"].value == "TRUTH"


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_what_is_put_to_the_simulation_or_ends_the_ioc_is_no_operators(name: str) -> None:
    rules = AccessRules.read()
    records = build(name).database.records
    simulation = {r.name for r in records if r.writable and r.name.startswith("Sim:")}
    assert {"Sim:Speed", "Sim:Pause", "Sim:FaultClear"} <= simulation
    closed = {r.name for r in records if r.writable and _put_by("an operator", r, rules) is False}
    assert closed == simulation | {"IOC:SYSRESET"}
    assert all(_put_by(own_user(), r, rules) for r in records if r.writable)


def _put_by(user: str, record: Record, rules: AccessRules) -> bool:
    return AccessRights.WRITE in rules.rights(record.group, user, HERE, record.level)


def test_names_that_begin_with_a_digit_or_like_a_keyword_need_no_quotes() -> None:
    text = """UAG(RULERS) {HAGrid, 4you}  # "a comment"
    HAG(INPUT) {192.0.2.7, 192.0.2.8}
    ASG(DEFAULT) { RULE(1, WRITE, TRAPWRITE) {UAG(RULERS) HAG(INPUT)} }"""
    rules = AccessRules.parse(text)
    for user in ("HAGrid", "4you"):
        assert rules.rights("DEFAULT", user, "192.0.2.8") == BOTH
    assert rules.rights("DEFAULT", "HAGrid", "192.0.2.9") == AccessRights.NO_ACCESS


def test_groups_without_rules_are_told() -> None:
    assert AccessRules.parse(FILE).without_rules(["TRUTH", "ENGINEER", "ENGINEER"]) == ["ENGINEER"]


def table() -> list[Record]:
    return [
        setpoint("A", lambda: 1.0, lambda _: None, "Setpoint", "A", control=(0.0, 2.0)),
        readback("A_RBV", lambda: 1.0, "Readback", "A"),
        readback("Sim:Truth_RBV", lambda: 42.0, "Truth", group="TRUTH"),
    ]


def test_rules_hold_per_channel_for_reading_and_writing() -> None:
    puts: list[Put] = []
    database = Database(table(), "T:", access=AccessRules.parse(FILE), on_puts=puts.extend)

    async def story() -> None:
        await database.put("A", 1.0)
        await write("ann", "desk1")
        with pytest.raises(Forbidden, match="ann@desk1"):
            await write("ann", "desk1", "10.0.0.8")  # a client that is not where it says
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

    async def write(user: str, host: str, address: str = "10.0.0.7") -> None:
        await database["A"].auth_write(
            host, user, np.array([1.5]), ChannelType.DOUBLE, None, user_address=(address, 4242)
        )

    asyncio.run(story())
    assert "eve@desk1" in database.refusal
    assert [put.client for put in puts] == ["", "ann@desk1", "ann@desk1", "eve@desk1"]
    assert (puts[-1].name, puts[-1].new, puts[-1].address) == ("A", 1.5, "10.0.0.7:4242")
    assert puts[-1].refused == "A is not writable for eve@desk1"
