"""The code of the session's pages does what the pages say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bluesky
import pytest

from cryohalo.run_engine import close_run_engine
from devices.simulated.haloscope import Haloscope
from plans.offered import offered

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_first_block_of_the_plans_page_runs_with_a_plain_run_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert list(offered())  # imported while the device's class is what it is
    engines: list[Any] = []
    plain = bluesky.RunEngine

    def made(*args: Any, **kwargs: Any) -> Any:
        engines.append(plain(*args, **kwargs))
        return engines[-1]

    monkeypatch.setattr(bluesky, "RunEngine", made)
    monkeypatch.setattr("devices.haloscope.Haloscope", lambda _, name: Haloscope(name=name, seed=1))
    names: dict[str, Any] = {}
    block = blocks("reference/plans.md")[0]
    try:
        exec(compile(block, "docs/reference/plans.md", "exec"), names)  # noqa: S102  (the page's own code)
        assert names["calibration"]["receiver_temperature_k"] > 0
    finally:
        if "haloscope" in names:
            names["haloscope"].bench.close()
        for engine in engines:
            close_run_engine(engine)
