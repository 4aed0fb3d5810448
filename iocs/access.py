"""Access security in EPICS terms: ``.acf`` files with user, host and security groups.

The grammar is read by p4p's parser. A rule grants READ or WRITE (WRITE includes READ) to the users
of its UAG and the hosts of its HAG; without them, to everybody. Conditions by CALC over other PVs
are refused when the file is read, rather than half honoured.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caproto import AccessRights

DEFAULT_FILE = Path(__file__).with_name("default.acf")
READ_WRITE = AccessRights.READ | AccessRights.WRITE


class AccessFileError(ValueError):
    """An access security file that cannot be honoured; the message says why."""


@dataclass(frozen=True)
class _Rule:
    rights: AccessRights
    users: frozenset[str] | None
    hosts: frozenset[str] | None

    def allows(self, user: str, host: str) -> bool:
        return (self.users is None or user in self.users) and (
            self.hosts is None or host.lower() in self.hosts
        )


@dataclass(frozen=True)
class AccessRules:
    """The rules of one file.

    Attributes:
        groups: Rules by access security group (``.ASG``).
    """

    groups: dict[str, tuple[_Rule, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = DEFAULT_FILE) -> AccessRules:
        """Rules of a file.

        Raises:
            AccessFileError: It cannot be read, parsed or honoured.
        """
        try:
            return cls.parse(path.read_text())
        except OSError as error:
            raise AccessFileError(f"access security file {path}: {error.strerror}") from None

    @classmethod
    def parse(cls, text: str) -> AccessRules:
        """Rules of a text; raises `AccessFileError`."""
        from p4p.asLib.yacc import parse  # 0.2 s: only when it serves

        try:
            tree = parse(text)
        except Exception as error:  # at the end of the file p4p trips over its own error message
            raise AccessFileError(f"access security: not understood, {error}") from error
        users = {node[1]: frozenset(node[2]) for node in tree if node[0] == "UAG"}
        hosts = {node[1]: _host_names(node[2]) for node in tree if node[0] == "HAG"}
        groups = {
            node[1]: tuple(_rules(node[1], node[2], users, hosts))
            for node in tree
            if node[0] == "ASG"
        }
        return cls(groups)

    def rights(self, group: str, user: str, host: str) -> AccessRights:
        """What ``user`` at ``host`` may do with ``group``; unknown groups are DEFAULT."""
        rules = self.groups.get(group, self.groups.get("DEFAULT", ()))
        granted = AccessRights.NO_ACCESS
        for rule in rules:
            if rule.allows(user, host):
                granted |= rule.rights
        return granted


def _rules(
    group: str,
    nodes: Iterable[Any],
    users: dict[str, frozenset[str]],
    hosts: dict[str, frozenset[str]],
) -> Iterable[_Rule]:
    for node in nodes:
        if node[0] == "INP":
            raise AccessFileError(f"access security group {group}: INP and CALC are not supported")
        kinds = {"NONE": AccessRights.NO_ACCESS, "READ": AccessRights.READ, "WRITE": READ_WRITE}
        if node[2] not in kinds:
            raise AccessFileError(f"access security group {group}: unknown permission {node[2]}")
        allowed: dict[str, frozenset[str] | None] = {"UAG": None, "HAG": None}
        for kind, names in ((condition[0], condition[1]) for condition in node[4] or ()):
            if kind not in allowed:
                raise AccessFileError(f"access security group {group}: {kind} is not supported")
            known = users if kind == "UAG" else hosts
            allowed[kind] = _members(group, kind, names, known)
        yield _Rule(kinds[node[2]], allowed["UAG"], allowed["HAG"])


def _members(
    group: str, kind: str, names: Iterable[str], known: dict[str, frozenset[str]]
) -> frozenset[str]:
    missing = [name for name in names if name not in known]
    if missing:
        raise AccessFileError(f"access security group {group}: no {kind} named {missing[0]}")
    return frozenset().union(*(known[name] for name in names))


def _host_names(names: Iterable[str]) -> frozenset[str]:
    """Host names in lower case; ``localhost`` also stands for this host's own name."""
    found = {name.lower() for name in names}
    if "localhost" in found:
        found.add(socket.gethostname().lower())
    return frozenset(found)
