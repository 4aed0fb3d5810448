"""Who may look and who may set: loopback names, the page's own origin, the token in a safe file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from cryohalo.page.server import PageServer
from cryohalo.processes.access import TokenFileError, same_token, take_token
from tests.session.page.conftest import Served


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:8585", "[::1]:80"])
async def test_loopback_names_are_served(served: Served, host: str) -> None:
    assert (await served.ask("/amrr", headers={"Host": host})).code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[", "a b", ""]
)
@pytest.mark.parametrize("path", ["/amrr", "/static/page.js", "/api/amrr/strips", "/nowhere"])
async def test_another_host_is_not_served(served: Served, host: str, path: str) -> None:
    """A name that somebody else lets point to this computer is not this page."""
    assert (await served.ask(path, headers={"Host": host})).code in (400, 421)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
async def test_another_site_neither_sets_nor_listens(served: Served, origin: str) -> None:
    code, _ = await served.put({"name": "Cycle:FlowTime", "value": 80}, headers={"Origin": origin})
    assert code == 403
    assert await served.upgraded(Origin=origin) == 403


async def test_a_websocket_of_another_host_is_refused(served: Served) -> None:
    assert await served.upgraded(Host="evil.example", Origin="http://evil.example") == 421


async def test_every_answer_forbids_foreign_content(served: Served) -> None:
    for path in ("/amrr", "/static/page.js", "/api/amrr/about", "/nowhere"):
        headers = (await served.ask(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../handlers.py",
        "/static/%2e%2e/handlers.py",
        "/static//etc/passwd",
        "/static/",
        "/amrr.html",
        "/ws",
        "/api/none/about",
        "/api/none/put",
    ],
)
async def test_only_the_pages_own_files_are_served(served: Served, path: str) -> None:
    assert (await served.ask(path)).code in (403, 404, 405)


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer ", "bearer secret", "Bearer secretx", "é"])
def test_only_the_token_itself_is_the_token(token: str) -> None:
    assert same_token("Bearer secret", "secret")
    assert not same_token(token, "secret")


def test_the_token_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "page.token"
    token = take_token(path)
    assert take_token(path) == token
    assert len(token) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_leaves_no_token_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one would be refused at every start from then on."""
    with monkeypatch.context() as full:
        full.setattr(os, "link", lambda *_: _raise(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(TokenFileError, match="token: No space left"):
            take_token(tmp_path / "token")
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_make_a_token_both_have_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, link, first = tmp_path / "token", os.link, []

    def late(beside: str, name: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        first.append(take_token(path))
        link(beside, name)

    monkeypatch.setattr(os, "link", late)
    assert [take_token(path)] == first
    assert list(tmp_path.iterdir()) == [path]


def _raise(error: OSError) -> None:
    raise error


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.token"
    take_token(path)
    path.chmod(0o640)
    with pytest.raises(TokenFileError, match="mode 640"):
        take_token(path)


@pytest.mark.parametrize("content", [b"", b"short\n", b"x" * 300, b"two words" * 8, b"\xff" * 40])
def test_a_file_without_token_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(TokenFileError, match=r"page\.token"):
        take_token(path)
    assert path.read_bytes() == content


def test_a_link_or_a_pipe_is_no_token_file(tmp_path: Path) -> None:
    real = tmp_path / "real"
    take_token(real)
    (tmp_path / "link").symlink_to(real)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe"):
        with pytest.raises(TokenFileError, match=name):
            take_token(tmp_path / name)


async def test_a_port_that_is_taken_is_told_in_words(served: Served) -> None:
    server = PageServer({}, {}, port=served.port)
    with pytest.raises(OSError, match=rf"port {served.port} of 127\.0\.0\.1 is taken.*--port"):
        server.start()
