"""Who may ask our web servers, and who may set: loopback alone, and whoever can read a key's file.

A server on loopback is reached from any web site that a browser on this computer shows. So the host
that a request names must be this one (a name that somebody lets point to 127.0.0.1 is not), and
what comes with an origin must come from a page of the server itself.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

__all__ = [
    "OTHER_HOST",
    "OTHER_SITE",
    "TokenFileError",
    "allowed_host",
    "own_origin",
    "read_token",
    "refused",
    "same_token",
    "take_token",
]

#: Names by which a browser on this computer may call us.
_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
#: What a request is refused with: it was misdirected, it is forbidden.
OTHER_HOST: Final = 421
OTHER_SITE: Final = 403
_TOKEN_BYTES: Final = 32
_SHORTEST: Final = 32
_LONGEST: Final = 200
_TOKEN: Final = re.compile(rf"[!-~]{{{_SHORTEST},{_LONGEST}}}")


class TokenFileError(ValueError):
    """The token's file cannot be trusted or read; the message says why."""


def allowed_host(host: str) -> bool:
    """Whether a request's ``Host`` names this computer's loopback interface."""
    try:
        return urlsplit(f"//{host}").hostname in _HOSTS
    except ValueError:
        return False


def own_origin(origin: str | None, host: str, scheme: str = "http") -> bool:
    """Whether a request's ``Origin`` is the page itself; a program sends none.

    Args:
        origin: The header, None where there is none.
        host: The request's ``Host``.
        scheme: Under which the page is served.
    """
    return origin is None or origin == f"{scheme}://{host}"


def refused(host: str, origin: str | None) -> int | None:
    """The code with which a request is refused, ``OTHER_HOST`` or ``OTHER_SITE``, or None.

    Args:
        host: Its ``Host``.
        origin: Its ``Origin``, None where it has none.
    """
    if not allowed_host(host):
        return OTHER_HOST
    return None if own_origin(origin, host) else OTHER_SITE


def same_token(authorization: str, token: str) -> bool:
    """Whether the header ``Authorization: Bearer TOKEN`` holds the token."""
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def take_token(path: Path) -> str:
    """The token of the file; a new one, in a new file that its owner alone reads, if it is absent.

    Raises:
        TokenFileError: Others may read the file, it is not ours, or holds no token.
    """
    try:
        return read_token(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise TokenFileError(f"{path}: {error.strerror or error}") from None
    token = secrets.token_hex(_TOKEN_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_whole(path, token)
    except FileExistsError:  # another process was first
        return take_token(path)
    except OSError as error:
        raise TokenFileError(f"{path}: {error.strerror or error}") from None
    return token


def _write_whole(path: Path, token: str) -> None:
    """A new file that is there when it is whole: a kill or a full disk leaves no empty one.

    Raises:
        FileExistsError: It is there.
    """
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
        os.link(beside, path)
    finally:
        os.unlink(beside)


def read_token(path: Path) -> str:
    """The token of the file.

    Raises:
        TokenFileError: Others may read the file, it is not ours, or holds no token.
        OSError: It is absent or cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.getuid():
            raise TokenFileError(f"{path}: another user owns it")
        if status.st_mode & 0o077:
            mode = status.st_mode & 0o777
            raise TokenFileError(f"{path}: mode {mode:o}, others may read the token; chmod 600")
        token = file.read(_LONGEST + 1).strip().decode("ascii", errors="replace")
    if (
        not (_SHORTEST <= len(token) <= _LONGEST and token.isascii() and token.isprintable())
        or " " in token
    ):
        raise TokenFileError(f"{path}: it holds no token of {_SHORTEST} to {_LONGEST} characters")
    return token
