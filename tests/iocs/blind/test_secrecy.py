"""The process that holds the secret: its memory, its core files, its command line, its errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.iocs.blind.keys import KEY, assert_silent, write

ASK = """
import ctypes, logging, resource
from iocs.supervision.secrecy import keep_secrets
keep_secrets()
PR_GET_DUMPABLE = 3
print(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
print(logging.getLogger("caproto.circ").isEnabledFor(logging.DEBUG))
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_its_memory_is_nobody_elses_and_no_log_tells_what_arrives() -> None:
    ended = python("-c", "import logging; logging.basicConfig(level='DEBUG')" + ASK)
    assert ended.stdout.split() == ["0", "0", "False"], ended.stderr


def _wider(path: Path) -> None:
    os.chmod(path, 0o640)


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:-30])


def _other_numbers(path: Path) -> None:
    path.write_text(path.read_text().replace("1100003", "-1100003"))


def _other_digits(path: Path) -> None:
    path.write_text(path.read_text().replace(KEY.nonce, KEY.nonce[:-2] + "zz"))


def _not_hidden(path: Path) -> None:
    path.write_text(path.read_text().replace("true", '"perhaps"'))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_wider, "others may read it (mode 0640): chmod 600 it"),
        (Path.unlink, "No such file"),
        *((how, "no key file, or was damaged") for how in (_cut, _other_numbers, _other_digits)),
        (_not_hidden, "no key file, or was damaged"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_told_without_a_word_of_it(
    tmp_path: Path, damage: object, why: str
) -> None:
    path = write(tmp_path)
    damage(path)  # type: ignore[operator]
    ended = python("-m", "iocs.haloscope", "--blind", str(path))
    assert ended.returncode == 2
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr
    assert_silent(ended.stdout + ended.stderr)


def test_the_list_of_pvs_is_the_same_for_a_blind_one(tmp_path: Path) -> None:
    blind = python("-m", "iocs.haloscope", "--list-pvs", "--blind", str(write(tmp_path)))
    assert blind.returncode == 0, blind.stderr
    assert blind.stdout == python("-m", "iocs.haloscope", "--list-pvs").stdout
