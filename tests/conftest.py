"""What is done once, before the first test."""

from __future__ import annotations

import os
import tempfile

import pytest

from amrr import native


def pytest_configure(config: pytest.Config) -> None:
    """Compile the refrigerator's loop, where that counts towards no test's time.

    It takes 17 s of a processor, and minutes on a host that is busy, as often as there are workers;
    the first test of each that makes a refrigerator would run into its timeout.
    """
    # Indexes of the tests' catalogs are no part of the user's.
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cryohalo_cache_")
    if not hasattr(config, "workerinput"):
        native.code.library()
