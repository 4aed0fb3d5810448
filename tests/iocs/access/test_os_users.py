"""Whose process is at the other end of a circuit."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from iocs.access import os_users
from iocs.access.os_users import own_user, true_user, user_name

pytestmark = pytest.mark.skipif(
    not Path("/proc/net/tcp").exists(), reason="the system does not tell"
)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534


@contextmanager
def as_user(number: int) -> Iterator[None]:
    """Sockets made here belong to another user."""
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(params=["127.0.0.1", "127.9.9.9", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        made = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip("no IPv6 here")
    with closing(made):
        yield made


def connected(server: socket.socket) -> tuple[socket.socket, tuple[str, int], int]:
    client = socket.create_connection(server.getsockname()[:2])
    return client, client.getsockname()[:2], server.getsockname()[1]


def test_our_own_user_is_believed(server: socket.socket) -> None:
    client, address, port = connected(server)
    with client:
        assert true_user("ann", address, port) == "ann"


@AS_ROOT
def test_another_user_is_who_the_system_says(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_user(NOBODY):
        client, address, port = connected(server)
    with client:
        assert true_user("root", address, port) == user_name(NOBODY)
        assert true_user("ann", (f"[{address[0]}]", address[1]), port) == user_name(NOBODY)
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
        assert true_user("ann", address, port) == "ann"


@AS_ROOT
def test_the_superuser_may_speak_for_others(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    client, address, port = connected(server)
    with client:
        assert true_user("ann", address, port) == "ann"


@AS_ROOT
def test_who_has_gone_is_nobody(server: socket.socket) -> None:
    """What is left of a socket whose process has gone belongs, by the table, to the superuser."""
    with as_user(NOBODY):
        client, address, port = connected(server)
    client.close()
    assert true_user("root", address, port) == ""


def test_of_other_hosts_nothing_better_is_known() -> None:
    assert true_user("ann", ("192.0.2.1", 4242), 5064) == "ann"


def test_a_system_that_does_not_tell_leaves_the_claim(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os_users, "_TABLES", (tmp_path / "tcp", tmp_path / "tcp6"))
    assert true_user("ann", ("127.0.0.1", 4242), 5064) == "ann"


def test_users_have_names_or_numbers() -> None:
    assert own_user() == user_name(os.geteuid())
    assert user_name(4_000_000_000) == "4000000000"
