from __future__ import annotations

import pytest

from iocs import haloscope


@pytest.fixture(autouse=True)
def this_process_is_not_the_ioc(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a process's memory to itself is tried in one of its own, ``test_secrecy``."""
    monkeypatch.setattr(haloscope, "keep_secrets", lambda: None)
