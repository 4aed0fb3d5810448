"""Requests to a manager give back what they take, answered or not."""

from __future__ import annotations

import psutil
import pytest

from cryohalo.processes.addresses import free_ports
from cryohalo.queueing.client import Manager, QueueError


def test_requests_that_nobody_answers_leave_nothing_behind() -> None:
    manager, own = Manager(free_ports(1)[0]), psutil.Process()

    def ask() -> tuple[int, int]:
        with pytest.raises(QueueError, match="does not answer: cryohalo status"):
            manager.ask("status", timeout_s=0.01)
        return own.num_fds(), own.num_threads()

    first = ask()
    assert [ask() for _ in range(20)][-1] == first
