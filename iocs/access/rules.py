"""Access security in EPICS terms: ``.acf`` files with user, host and security groups.

The grammar is read by p4p's parser. A rule ``RULE(level, READ)`` or ``RULE(level, WRITE)`` (WRITE
includes READ) grants to the users of its UAG at the hosts of its HAG; without them, to everybody.
Of several UAGs of a rule, or several HAGs, one is enough, as in EPICS base.
A record's value has level 0, its other fields have level 1, and a rule holds for its own level and
those below: ``RULE(0, WRITE)`` lets operators set, ``RULE(1, WRITE)`` lets engineers configure too.

A host is where the client's circuit comes from, and the names in a HAG are looked up when the file
is read (EPICS base with ``asCheckClientIP`` set): what a client calls itself is not believed.
``localhost`` is this host by whatever address. ``$(STARTED_BY)`` is the user who runs this process.

What cannot be honoured (CALC conditions, unknown permissions, levels other than 0 and 1, a group
that stands twice) is refused when the file is read, rather than half honoured.
"""

from __future__ import annotations

import logging
import re
import socket
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caproto import AccessRights

from iocs.access.hosts import LOCALHOST, canonical
from iocs.access.os_users import own_user

DEFAULT_FILE = Path(__file__).with_name("default.acf")
READ_WRITE = AccessRights.READ | AccessRights.WRITE
_PERMISSIONS = {"NONE": AccessRights.NO_ACCESS, "READ": AccessRights.READ, "WRITE": READ_WRITE}
_LEVELS = (0, 1)
_MOST_REMEMBERED = 10_000
#: Quoted texts, comments and bare words.
_WORDS = re.compile(r'"(?:[^"\n\\]|\\.)*"|\#[^\n]*|[\w\-+:.\[\]<>;]+', re.ASCII)
_LEGAL = re.compile(rf"{_WORDS.pattern}|[(){{}}, \t\r\n]+", re.ASCII)
_KEYWORD = re.compile(r"UAG|HAG|ASG|RULE|CALC|INP[A-L]|[0-9]+")

log = logging.getLogger("cryohalo.iocs.access")

#: Users or hosts by the name of their group.
Members = Mapping[str, frozenset[str]]


class AccessFileError(ValueError):
    """An access security file that cannot be honoured; the message says why."""


@dataclass(frozen=True)
class _Rule:
    level: int
    rights: AccessRights
    users: frozenset[str] | None
    hosts: frozenset[str] | None

    def allows(self, user: str, host: str, level: int) -> bool:
        return (
            level <= self.level
            and (self.users is None or user in self.users)
            and (self.hosts is None or host in self.hosts)
        )


@dataclass(frozen=True)
class AccessRules:
    """The rules of one file.

    Attributes:
        groups: Rules by access security group (``.ASG``).
    """

    groups: dict[str, tuple[_Rule, ...]] = field(default_factory=dict)
    _known: dict[tuple[str, str, str, int], AccessRights] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def read(cls, path: Path = DEFAULT_FILE) -> AccessRules:
        """Rules of a file.

        Raises:
            AccessFileError: It cannot be read, parsed or honoured.
        """
        try:
            return cls.parse(path.read_text())
        except UnicodeDecodeError as error:
            raise AccessFileError(f"access security file {path}: no text, {error}") from None
        except OSError as error:
            raise AccessFileError(f"access security file {path}: {error.strerror}") from None
        except AccessFileError as error:
            raise AccessFileError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> AccessRules:
        """Rules of a text; raises ``AccessFileError``."""
        tree = _tree(_substituted(text))
        users = {name: frozenset(members or ()) for name, members in _named(tree, "UAG")}
        hosts = {name: _hosts(name, members or ()) for name, members in _named(tree, "HAG")}
        groups = {
            name: tuple(_rules(name, nodes or (), users, hosts))
            for name, nodes in _named(tree, "ASG")
        }
        return cls(groups)

    def rights(self, group: str, user: str, host: str, level: int = 0) -> AccessRights:
        """What a client may do.

        Args:
            group: Access security group; one that has no rules is DEFAULT.
            user: The client's user.
            host: Where it is, an address; a name is taken for what it says.
            level: 0 for a record's value, 1 for its other fields.
        """
        key = (group, user, host, level)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:  # users are what clients claim, any number
                self._known.clear()
            known = self._known[key] = self._decide(*key)
        return known

    def _decide(self, group: str, user: str, host: str, level: int) -> AccessRights:
        place = canonical(host)
        granted = AccessRights.NO_ACCESS
        for rule in self.groups.get(group, self.groups.get("DEFAULT", ())):
            if rule.allows(user, place, level):
                granted |= rule.rights
        return granted

    def without_rules(self, groups: Iterable[str]) -> list[str]:
        """Those of ``groups`` that the file does not name: DEFAULT's rules hold for them."""
        return sorted(set(groups) - set(self.groups))


def _substituted(text: str) -> str:
    text = text.replace("$(STARTED_BY)", own_user())
    without_comments = re.sub(r"#[^\n]*", "", text)
    if (unknown := re.search(r"\$\([^)]*\)?", without_comments)) is not None:
        raise AccessFileError(
            f"access security: {unknown[0]} is not known; what is known is $(STARTED_BY)"
        )
    return text


def _tree(text: str) -> list[Any]:
    from p4p.asLib.yacc import parse  # 0.2 s: only when it serves

    _require_characters(text)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="trap spec")
            return parse(_WORDS.sub(_quoted, text) + "\n")
    except AttributeError:  # at the end of the file p4p trips over its own error message
        why = "it ends where a bracket is still open" if _has_rules(text) else "there are no rules"
        raise AccessFileError(f"access security: {why}") from None
    except Exception as error:
        raise AccessFileError(f"access security: not understood, {error}") from None


def _has_rules(text: str) -> bool:
    return any(not line.lstrip().startswith("#") and line.strip() for line in text.splitlines())


def _require_characters(text: str) -> None:
    """p4p reports a wrong character with the wrong line."""
    place = 0
    while (found := _LEGAL.match(text, place)) is not None:
        place = found.end()
    if place < len(text):
        line = text.count("\n", 0, place) + 1
        raise AccessFileError(
            f"access security: line {line}: {text[place]!r} may stand in quotes only"
        )


def _quoted(word: re.Match[str]) -> str:
    """A bare word in quotes: p4p splits those that begin with a digit or like a keyword."""
    found = word[0]
    return found if found[0] in '"#' or _KEYWORD.fullmatch(found) else f'"{found}"'


def _named(tree: Iterable[Any], kind: str) -> Iterable[tuple[str, Any]]:
    seen: set[str] = set()
    for node in tree:
        if node[0] == kind:
            if node[1] in seen:
                raise AccessFileError(f"access security: {kind}({node[1]}) stands twice")
            seen.add(node[1])
            yield node[1], node[2]


def _rules(group: str, nodes: Iterable[Any], users: Members, hosts: Members) -> Iterable[_Rule]:
    where = f"access security group {group}"
    for node in nodes:
        if node[0] == "INP":
            raise AccessFileError(f"{where}: INP and CALC are not supported")
        _, level, permission, _, conditions = node
        if permission not in _PERMISSIONS:
            raise AccessFileError(f"{where}: unknown permission {permission}")
        if level not in _LEVELS:
            raise AccessFileError(f"{where}: RULE({level}, {permission}): a level is 0 or 1")
        allowed: dict[str, frozenset[str] | None] = {"UAG": None, "HAG": None}
        for kind, names in conditions or ():
            if kind not in allowed:
                raise AccessFileError(f"{where}: {kind} is not supported")
            found = _members(where, kind, names, users if kind == "UAG" else hosts)
            allowed[kind] = found | (allowed[kind] or frozenset())
        yield _Rule(level, _PERMISSIONS[permission], allowed["UAG"], allowed["HAG"])


def _members(where: str, kind: str, names: Iterable[str], known: Members) -> frozenset[str]:
    missing = [name for name in names if name not in known]
    if missing:
        raise AccessFileError(f"{where}: no {kind} named {missing[0]}")
    return frozenset().union(*(known[name] for name in names))


def _hosts(group: str, names: Iterable[str]) -> frozenset[str]:
    """Names and addresses of the hosts, all as ``canonical`` gives them."""
    found: set[str] = set()
    for name in names:
        found |= {canonical(name), *_looked_up(group, name)}
    return frozenset(found)


def _looked_up(group: str, name: str) -> set[str]:
    if canonical(name) == LOCALHOST:
        return set()
    try:
        return {canonical(str(one[4][0])) for one in socket.getaddrinfo(name, None)}
    except OSError as error:
        log.warning("access security: HAG(%s): %s is not found, %s", group, name, error.strerror)
        return set()
