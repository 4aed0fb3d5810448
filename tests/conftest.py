"""What is done once, before the first test."""

from __future__ import annotations

import pytest

from iocs.compiling import compile_aside


def pytest_configure(config: pytest.Config) -> None:
    """Compile the refrigerator's loop, where that counts towards no test's time.

    It takes 12 s of a processor, and minutes on a host that is busy, as often as there are workers;
    the first test of each that makes a refrigerator would run into its timeout.
    """
    if not hasattr(config, "workerinput"):
        compile_aside()
