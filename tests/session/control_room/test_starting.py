"""Whether a supervisor has ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from cryohalo.control_room.starting import gone

#: Has a child that it never asks after, whose number it tells.
NEGLIGENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.stdin.close() if sys.argv[2] == "ends" else None
sys.stdin.read()
"""


@pytest.fixture(params=["ends", "stays"])
def child(request: pytest.FixtureRequest) -> Iterator[tuple[psutil.Process, bool]]:
    """A process of a parent that leaves zombies, and whether it ends."""
    command = [sys.executable, "-c", NEGLIGENT, "import sys; sys.stdin.read()", request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        yield psutil.Process(int(parent.stdout.readline())), request.param == "ends"
        parent.communicate()


def test_a_process_whose_parent_never_asks_has_ended(child: tuple[psutil.Process, bool]) -> None:
    process, ends = child
    assert gone(process, 60.0 if ends else 0.1) is ends
