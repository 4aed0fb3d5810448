"""Where a run's numbers come from: the software, its versions, the machine it ran on.

Goes into the start document of every run, so that a result can be traced to the code that made it.
"""

from __future__ import annotations

import getpass
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "scipy", "ophyd", "bluesky", "pyepics", "caproto")


@cache
def software_version() -> str:
    """The version of cryohalo, with the commit if run from a checkout (``0.1.0+g1a2b3c4``)."""
    try:
        released = version("cryohalo")
    except PackageNotFoundError:
        released = "unknown"
    commit = _commit()
    return f"{released}+g{commit}" if commit else released


def _commit() -> str:
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=7"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def provenance() -> dict[str, Any]:
    """Metadata for a start document: software version, Python and package versions."""
    return {
        "software_version": software_version(),
        "python_version": platform.python_version(),
        "package_versions": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def operator() -> str:
    """The user who is logged in; "unknown" where the system has no name for it (a container)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
