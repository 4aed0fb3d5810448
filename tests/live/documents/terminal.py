"""A terminal in a folder as after a fresh clone, in which a page's blocks are run as they stand."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from cryohalo.configuration import Configuration, Found
from cryohalo.configuration.model import ENVIRONMENT_PREFIX
from cryohalo.configuration.reading import FILE_NAME
from cryohalo.processes.addresses import free_ports
from tests.house.pages import ROOT
from tests.live.documents.cells import DONE

__all__ = ["FailedBlockError", "Terminal"]

_SHOWN = 2000
#: A shell whose input has ended has nothing left to do (assumed).
_END_S = 60.0


class FailedBlockError(AssertionError):
    """A block did not do what its page says."""


class Terminal:
    """One shell and one Python for a page, both in a folder of the page's own.

    The environment is that of a new user, but for ports, which are free ones, by the variables that
    any user has.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = ""
        self._count = 0
        _like_a_clone(folder)
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("EPICS_", "CRYOHALO_"))}
        self.environment = kept | {
            **_own_ports(),
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / ".local"),
            "MPLBACKEND": "agg",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
            "PYTHONUNBUFFERED": "1",
        }
        self._shell = self._open(["bash", "--norc", "-e"], self.environment)
        self._python: subprocess.Popen[str] | None = None
        self._started: list[subprocess.Popen[str]] = []

    def shell(self, text: str, code: int = 0) -> str:
        """Run commands as they stand; what they printed.

        Raises:
            FailedBlockError: One of them ended otherwise than with ``code``; the others with 0.
        """
        file = self._written(text, ".sh")
        line = f". {file} </dev/null" if not code else f"bash -e {file} </dev/null || last=$?"
        self._say(self._shell, f"last=0; {line}; printf '\\n{DONE} %s\\n' $last")
        printed, ended = self._heard(self._shell)
        if ended != code:
            raise FailedBlockError(f"exit code {ended}, not {code}\n{printed[-_SHOWN:]}")
        return printed

    def python(self, text: str) -> str:
        """Run Python in the page's namespace, in the shell's environment; what it printed."""
        if self._python is None:
            cells = [sys.executable, "-m", "tests.live.documents.cells"]
            self._python = self._open(cells, self._exported())
        self._say(self._python, str(self._written(text, ".py")))
        printed, ended = self._heard(self._python)
        if ended:
            raise FailedBlockError(f"Python failed\n{printed[-_SHOWN:]}")
        return printed

    def stays(self, text: str, until: str) -> str:
        """Run what holds a terminal in one of its own, until it prints ``until``; it goes on."""
        process = self._another(text)
        self._started.append(process)
        return self._until(process, until)

    def interrupted(self, text: str, at: Sequence[str]) -> str:
        """Run commands; a Ctrl-C whenever one of ``at`` is printed, in turn. It has to end by it.

        Raises:
            FailedBlockError: It ended by itself, or not as an interrupted program does.
        """
        process = self._another(text)
        self._started.append(process)
        printed = ""
        for words in at:
            printed += self._until(process, words)
            os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate()
        if process.returncode != 130:
            code, shown = process.returncode, (printed + rest)[-_SHOWN:]
            raise FailedBlockError(f"exit code {code} after Ctrl-C\n{shown}")
        return printed + rest

    def close(self) -> None:
        """End all that runs.

        Raises:
            FailedBlockError: What held a terminal did not end well at Ctrl-C.
        """
        codes = []
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                out, _ = process.communicate()
                codes.append((process.returncode, out))
            elif not _out(process).closed:
                process.communicate()
        for one in (self._python, self._shell):
            if one is not None:
                _leave(one)
        for lock in self.folder.rglob("supervisor.lock"):
            self._end(lock.parents[1])
        self._end_others()
        if bad := [out for code, out in codes if code not in (0, 130)]:
            raise FailedBlockError(f"did not end well at Ctrl-C\n{bad[0][-_SHOWN:]}")

    def _end(self, site: Path) -> None:
        """End what a page has left up in the folder of a site."""
        file = site / FILE_NAME
        named = ["--config", str(file)] if file.exists() else []
        self._run(["cryohalo", "down", *named])

    def _end_others(self) -> None:
        """A client that found no CA repeater has started one, which outlives it."""
        for process in psutil.process_iter(["environ"]):
            if (process.info["environ"] or {}).get("HOME") == str(self.folder):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip

    def _open(self, command: list[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _another(self, text: str) -> subprocess.Popen[str]:
        return self._open(["bash", "-e", str(self._written(text, ".sh"))], self._exported())

    def _exported(self) -> dict[str, str]:
        """The shell's environment now."""
        self.shell("env -0 > .environment")
        pairs = (self.folder / ".environment").read_text().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def _written(self, text: str, suffix: str) -> Path:
        self._count += 1
        path = self.folder / f".block_{self._count}{suffix}"
        path.write_text(text, encoding="utf-8")
        return path

    @staticmethod
    def _say(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()

    def _heard(self, process: subprocess.Popen[str]) -> tuple[str, int]:
        """What is printed until a block is done, and how it ended; a shell that ended failed."""
        lines = []
        for line in _out(process):
            if line.startswith(DONE):
                return "".join(lines), int(line.removeprefix(DONE))
            lines.append(line)
        return "".join(lines), process.wait() or 1

    @staticmethod
    def _until(process: subprocess.Popen[str], words: str) -> str:
        lines = []
        for line in _out(process):
            lines.append(line)
            if re.search(re.escape(words), line):
                return "".join(lines)
        raise FailedBlockError(f"ended, and never printed {words!r}\n{''.join(lines)[-_SHOWN:]}")


def _leave(process: subprocess.Popen[str]) -> None:
    """Let a shell end. What it has left running may hold its output: nobody waits for that."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    _out(process).close()


def _out(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def _own_ports() -> dict[str, str]:
    """The variables that give every service of a site a free port."""
    leaves = Found(Configuration(), None, {}).leaves()
    keys = [key for key, value in leaves if key.endswith("port") and value is not None]
    names = [f"{ENVIRONMENT_PREFIX}{key.upper().replace('.', '__')}" for key in keys]
    ports = free_ports(len(names))
    return {name: str(port) for name, port in zip(names, ports, strict=True)}


def _like_a_clone(folder: Path) -> None:
    """All that a clone has, and a ``.venv`` as ``make demo`` leaves one."""
    for path in ROOT.iterdir():
        if path.name not in {".git", ".venv", "data", "reports", "state"}:
            (folder / path.name).symlink_to(path)
    made = Path(sys.prefix)
    if (made / "bin" / "activate").exists():
        (folder / ".venv").symlink_to(made)
    else:  # Python of the system: nothing needs to be activated
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "activate").touch()
